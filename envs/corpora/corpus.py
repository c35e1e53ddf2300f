"""A corpus ready for use: train, validation and test dialogues with their catalogue, from any source."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from envs.catalog import Catalog
from envs.corpora.download import Progress
from envs.corpora.embedded.sample import sample_corpus
from envs.corpora.redial import read_redial
from envs.corpora.redial_films import add_metadata
from envs.corpora.redial_hub import PREFIX
from envs.corpora.shared_conversations import Split, refuse_shared
from envs.corpora.splits import split_validation
from envs.corpora.spread import evenly_spread
from envs.dialogue import Dialogue, named_films
from envs.errors import ConfigError, DataError
from envs.files import user_path
from envs.inputs.text import has_half_pair
from envs.registry import Registry, call, is_own
from envs.settings import DataSettings

DEFAULT_CACHE = Path("~/.cache/ecr-rl")
"""Where downloads are kept unless a caller says otherwise."""

_SAMPLE_TEST_SHARE = 8
"""One in eight dialogues of the sample corpus is test."""


@dataclass(frozen=True)
class Corpus:
    """Dialogues in three splits, and their films.

    Attributes:
        name: ``sample``, ``redial``, or what an own reader calls it.
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
    repairs: Mapping[str, int] = field(default_factory=dict)

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


Reader = Callable[[DataSettings, Path], Corpus]
"""Reads a corpus: takes the settings and the folder that keeps downloads.

It decides the three splits; ``data.metadata`` and ``data.limit`` are applied to what it returns.
"""
READERS: Registry[Reader] = Registry("corpus reader")
"""Own readers alone are looked up by name: the other sources are words, paths and addresses."""


def load_corpus(settings: DataSettings, cache: Path | None = None, on_progress: Progress | None = None) -> Corpus:
    """Load the corpus that the settings name.

    Args:
        settings: source, validation split, metadata and limit.
        cache: folder for downloads, ``~/.cache/ecr-rl`` where None.
        on_progress: called with a download's bytes: (received, total).

    Raises:
        DataError: the source cannot be read, holds a record that cannot be used, or has one conversation in two splits.
        ConfigError: the validation split asks for more dialogues than there are, or the source is an own reader that is
            not there or returns no ``Corpus``.
    """
    cache = cache or user_path(DEFAULT_CACHE)
    if settings.source == "sample":
        corpus = _sample(settings)
    elif names_reader(settings.source):
        corpus = _own(settings, cache)
    else:
        corpus = _redial(settings, cache, on_progress)
    return replace(
        corpus,
        train=_limited(corpus.train, settings.limit),
        valid=_limited(corpus.valid, settings.limit),
        test=_limited(corpus.test, settings.limit),
        catalog=corpus.catalog if settings.metadata is None else add_metadata(corpus.catalog, Path(settings.metadata)),
    )


def _limited(dialogues: tuple[Dialogue, ...], limit: int | None) -> tuple[Dialogue, ...]:
    """At most ``limit`` of the dialogues, spread evenly; all of them where None."""
    return dialogues if limit is None else tuple(dialogues[index] for index in evenly_spread(len(dialogues), limit))


def names_reader(source: str) -> bool:
    """Whether a source is an own reader, ``module:function``.

    A drive (``C:data``), the hub (``hf:owner/name``), an address and a file or folder that exists are none.
    """
    module = source.partition(":")[0]
    return is_own(source) and len(module) > 1 and module != PREFIX.rstrip(":") and not Path(source).exists()


def _sample(settings: DataSettings) -> Corpus:
    """The embedded corpus; its validation split is never larger than its test split."""
    dialogues, catalog = sample_corpus(seed=settings.seed)
    test = len(dialogues) // _SAMPLE_TEST_SHARE
    fitting = settings.model_copy(update={"validation_dialogues": min(settings.validation_dialogues, test)})
    train, valid = split_validation(tuple(dialogues[:-test]), fitting)
    return Corpus("sample", train, valid, tuple(dialogues[-test:]), catalog)


def _redial(settings: DataSettings, cache: Path, on_progress: Progress | None) -> Corpus:
    redial = read_redial(settings.source, cache, on_progress)
    train, valid = split_validation(redial.train, settings)
    refuse_shared(
        Split("train", train, redial.train_origins),
        Split("valid", valid, redial.train_origins),
        Split("test", redial.test, redial.test_origins),
    )
    return Corpus("redial", train, valid, redial.test, redial.catalog, redial.repairs)


def _own(settings: DataSettings, cache: Path) -> Corpus:
    """What an own reader gives, checked."""
    source = settings.source
    corpus = call(READERS, source, settings, cache)
    if not isinstance(corpus, Corpus):
        raise ConfigError(f"corpus reader {source}: it returned a {type(corpus).__name__}, no Corpus")
    for split, dialogues in corpus.splits.items():
        if not dialogues:
            raise DataError(f"corpus reader {source}: no {split} dialogues", remedy="A corpus needs all three splits.")
        for dialogue in dialogues:
            if any(has_half_pair(message.text) or "\0" in message.text for message in dialogue.messages):
                what = f"{split} dialogue {dialogue.conversation_id} holds a NUL character or half of a surrogate pair"
                raise DataError(f"corpus reader {source}: {what}", remedy="Mend its text, or leave it out.")
            if unknown := sorted(film for film in named_films(dialogue.utterances) if film not in corpus.catalog):
                raise DataError(
                    f"corpus reader {source}: {split} dialogue {dialogue.conversation_id} names film {unknown[0]}, "
                    "which the catalogue lacks",
                    remedy="Give the catalogue every film that a text names as @id.",
                )
    refuse_shared(*(Split(name, dialogues) for name, dialogues in corpus.splits.items()), ids_tell=False)
    return corpus
