"""GoEmotions: Reddit comments with the emotions that people read in them (Demszky et al., ACL 2020)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from envs.errors import DataError

HUB = "google-research-datasets/go_emotions"
_SPLITS = ("train", "dev", "test")
_LABELS = "labels.txt"

Comment = tuple[str, frozenset[str]]
"""A text and its labels."""


@dataclass(frozen=True)
class GoEmotions:
    """The three splits, and the 28 labels (27 emotions and ``neutral``)."""

    labels: tuple[str, ...]
    train: tuple[Comment, ...]
    dev: tuple[Comment, ...]
    test: tuple[Comment, ...]


def load_goemotions(source: str) -> GoEmotions:
    """Load GoEmotions from a source: ``hub``, or a folder.

    Raises:
        DataError: the data cannot be read.
    """
    return download_goemotions() if source == "hub" else read_goemotions(Path(source))


def read_goemotions(folder: Path) -> GoEmotions:
    """Read ``labels.txt`` and ``train.tsv``, ``dev.tsv``, ``test.tsv``; a line is a text, label numbers and an id.

    Raises:
        DataError: a file is missing, or a line has another form.
    """
    labels = tuple(line.strip() for line in _lines(folder / _LABELS) if line.strip())
    return GoEmotions(labels, *(_read(folder / f"{split}.tsv", labels) for split in _SPLITS))


def download_goemotions() -> GoEmotions:
    """GoEmotions from the hub.

    Raises:
        DataError: the hub cannot be reached.
    """
    from datasets import load_dataset

    try:
        splits: Any = load_dataset(HUB, "simplified")
    except (OSError, ValueError) as error:
        raise DataError(
            f"{HUB} cannot be had from the hub: {error}",
            remedy="Give a folder with labels.txt, train.tsv, dev.tsv and test.tsv.",
        ) from error
    labels = tuple(splits["train"].features["labels"].feature.names)
    parts = (
        tuple((row["text"], frozenset(labels[number] for number in row["labels"])) for row in splits[name])
        for name in ("train", "validation", "test")
    )
    return GoEmotions(labels, *parts)


def _read(file: Path, labels: tuple[str, ...]) -> tuple[Comment, ...]:
    comments = []
    for number, line in enumerate(_lines(file), start=1):
        text, _, rest = line.partition("\t")
        numbers = rest.split("\t")[0].split(",")
        if not all(entry.isdigit() and int(entry) < len(labels) for entry in numbers):
            raise DataError(
                f"not label numbers below {len(labels)}: {rest[:40]!r}",
                file=file,
                line=number,
                field="labels",
                remedy="Each line is a text, a tab and label numbers with commas between them.",
            )
        comments.append((text, frozenset(labels[int(entry)] for entry in numbers)))
    return tuple(comments)


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8").rstrip("\n").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"cannot be read: {error}", file=file, remedy="Give GoEmotions' folder, or hub to download it."
        ) from error
