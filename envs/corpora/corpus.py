"""A corpus ready for use: train, validation and test dialogues with their catalogue, from any source."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from envs.catalog import Catalog
from envs.corpora.download import Progress
from envs.corpora.embedded.sample import sample_corpus
from envs.corpora.redial import Redial, read_redial
from envs.corpora.redial_films import add_metadata
from envs.corpora.splits import split_validation
from envs.dialogue import Dialogue
from envs.settings import DataSettings

DEFAULT_CACHE = Path("~/.cache/ecr-rl")
"""Where downloads are kept unless a caller says otherwise."""

_SAMPLE_TEST_SHARE = 8
"""One in eight dialogues of the sample corpus is test; validation is never larger than test there."""


@dataclass(frozen=True)
class Corpus:
    """Dialogues in three splits, and their films.

    Attributes:
        name: ``sample`` or ``redial``.
        train: the train dialogues without the validation ones.
        valid: the validation dialogues.
        test: the test dialogues (ReDial: the official ones).
        catalog: the films of all splits.
        repairs: how often each known fault of the data was repaired, by the names in ``redial_record.REPAIRS``.
    """

    name: str
    train: tuple[Dialogue, ...]
    valid: tuple[Dialogue, ...]
    test: tuple[Dialogue, ...]
    catalog: Catalog
    repairs: Mapping[str, int]

    @property
    def splits(self) -> dict[str, tuple[Dialogue, ...]]:
        """The splits by name: ``train``, ``valid``, ``test``."""
        return {"train": self.train, "valid": self.valid, "test": self.test}

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of the dialogues of each split and of the films, as they were read.

        The source does not matter: equal content has an equal fingerprint. A change of the reader that changes a
        parsed dialogue changes the fingerprint.
        """
        digest = hashlib.sha256()
        for name, dialogues in self.splits.items():
            digest.update(f"{name} {len(dialogues)}\n".encode())
            for dialogue in dialogues:
                digest.update(f"{dialogue!r}\n".encode())
        for film in self.catalog:
            digest.update(f"{film!r}\n".encode())
        return digest.hexdigest()


def load_corpus(settings: DataSettings, cache: Path | None = None, on_progress: Progress | None = None) -> Corpus:
    """Load the corpus that the settings name.

    Args:
        settings: source, validation split, metadata and limit.
        cache: folder for downloads, ``~/.cache/ecr-rl`` where None.
        on_progress: called with a download's bytes: (received, total).

    Raises:
        DataError: the source cannot be read or holds a record that cannot be used.
        ConfigError: the validation split asks for more dialogues than there are.
    """
    if settings.source == "sample":
        source, settings = _sample(settings)
    else:
        source = read_redial(settings.source, cache or DEFAULT_CACHE.expanduser(), on_progress)
    catalog = source.catalog
    if settings.metadata is not None:
        catalog = add_metadata(catalog, Path(settings.metadata))
    train, valid = split_validation(source.train, settings)
    return Corpus(
        name="sample" if settings.source == "sample" else "redial",
        train=train[: settings.limit],
        valid=valid[: settings.limit],
        test=source.test[: settings.limit],
        catalog=catalog,
        repairs=source.repairs,
    )


def _sample(settings: DataSettings) -> tuple[Redial, DataSettings]:
    """The embedded corpus as a source, and settings whose validation split fits its size."""
    dialogues, catalog = sample_corpus(seed=settings.seed)
    test = len(dialogues) // _SAMPLE_TEST_SHARE
    source = Redial(tuple(dialogues[:-test]), tuple(dialogues[-test:]), catalog, {})
    return source, settings.model_copy(update={"validation_dialogues": min(settings.validation_dialogues, test)})
