"""GoEmotions: Reddit comments with the emotions that people read in them (Demszky et al., ACL 2020)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from envs.errors import DataError
from envs.inputs.numbers import whole_number
from envs.inputs.text import as_written, quoted, read_text, text_lines

HUB = "google-research-datasets/go_emotions"
_SPLITS = ("train", "dev", "test")
_LISTS = ("emotions.txt", "labels.txt")
"""The list of labels in Google's folder, and in monologg's."""
LABELS = (
    *("admiration", "amusement", "anger", "annoyance", "approval", "caring", "confusion", "curiosity", "desire"),
    *("disappointment", "disapproval", "disgust", "embarrassment", "excitement", "fear", "gratitude", "grief", "joy"),
    *("love", "nervousness", "optimism", "pride", "realization", "relief", "remorse", "sadness", "surprise", "neutral"),
)
"""The 27 emotions and ``neutral``."""
_EKMAN = {"anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise"}
_GROUPS = {"ambiguous", "negative", "neutral", "positive"}
"""Labels of the grouped versions, whose folders have the same file names."""
_REMEDY = "Give GoEmotions' folder, or hub to download it."

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
    """Read the list of labels and ``train.tsv``, ``dev.tsv``, ``test.tsv``; a line is a text, label numbers and an id.

    The list is ``emotions.txt`` in Google's folder (``goemotions/data``) and ``labels.txt`` in monologg's
    (``data/original``).

    Raises:
        DataError: a file is missing or has no comment, a line has another form, or the labels are not GoEmotions' own.
    """
    labels = _labels(folder)
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
            remedy="Give a folder with emotions.txt or labels.txt, train.tsv, dev.tsv and test.tsv.",
        ) from error
    labels = tuple(splits["train"].features["labels"].feature.names)
    parts = (
        tuple((as_written(row["text"]), frozenset(labels[number] for number in row["labels"])) for row in splits[name])
        for name in ("train", "validation", "test")
    )
    return GoEmotions(labels, *parts)


def _labels(folder: Path) -> tuple[str, ...]:
    """The labels in the order of their numbers."""
    files = [folder / name for name in _LISTS if (folder / name).is_file()]
    if not files:
        raise _no_list(folder)
    lists = [tuple(line.strip().lower() for _, line in text_lines(read_text(file, remedy=_REMEDY))) for file in files]
    labels = lists[0]
    if lists[-1] != labels:
        raise DataError(
            f"{_LISTS[0]} and {_LISTS[1]} differ", file=folder, remedy="Keep the one that the numbers mean."
        )
    if sorted(labels) != sorted(LABELS):
        unknown = [label for label in labels if label not in LABELS]
        fault = f"not the {len(LABELS)} labels of GoEmotions, each once"
        if unknown:
            fault = f"{quoted(unknown[0])} is no label of GoEmotions"
        if set(labels) in (_EKMAN, _GROUPS):
            fault = f"these are the {len(labels)} labels of a grouped version, not the {len(LABELS)} of GoEmotions"
        raise DataError(
            fault, file=files[0], remedy="Give the folder of the original labels (monologg's data/original)."
        )
    return labels


def _no_list(folder: Path) -> DataError:
    """Why a folder without a list of labels cannot be read, by what it holds instead."""
    if not folder.is_dir():
        return DataError("there is no such folder", file=folder, remedy=_REMEDY)
    inner = [child.name for child in sorted(folder.iterdir()) if any((child / name).is_file() for name in _LISTS)]
    if any(folder.glob("goemotions_*.csv")):
        what, remedy = "this is the dump of all raters, without splits", "Give the folder with train.tsv beside it."
    elif inner:
        what, remedy = (
            "the data lies one folder below",
            f"Give {folder / ('original' if 'original' in inner else inner[0])}.",
        )
    else:
        what, remedy = f"neither {_LISTS[0]} (Google's) nor {_LISTS[1]} (monologg's) is there", _REMEDY
    return DataError(what, file=folder, remedy=remedy)


def _read(file: Path, labels: tuple[str, ...]) -> tuple[Comment, ...]:
    comments = []
    for number, line in text_lines(read_text(file, remedy=_REMEDY)):
        text, _, rest = line.partition("\t")
        numbers = [whole_number(entry.strip(), len(labels) - 1) for entry in rest.split("\t")[0].split(",")]
        if None in numbers:
            raise DataError(
                f"not label numbers below {len(labels)}: {quoted(rest)}",
                file=file,
                line=number,
                field="labels",
                remedy="Each line is a text, a tab and label numbers with commas between them.",
            )
        comments.append((as_written(text), frozenset(labels[entry] for entry in numbers if entry is not None)))
    if not comments:
        raise DataError("the file holds no comment", file=file, remedy=_REMEDY)
    return tuple(comments)
