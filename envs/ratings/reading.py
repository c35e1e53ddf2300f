"""Read people's ratings from folders and files, whose forms are recognised by their content."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from envs.corpora.corpus import Corpus
from envs.dialogue import Utterance
from envs.errors import DataError
from envs.inputs.text import UnreadableText, decoded, read_bytes
from envs.ratings import ab_redial
from envs.ratings.crs_que import is_crs_que, read_crs_que
from envs.ratings.epitome import is_epitome, read_epitome
from envs.ratings.record import RatingSet
from envs.ratings.shared_form import Conversations, holds_shared_form, read_shared_form
from envs.ratings.tables import columns_of
from envs.ratings.uss import is_uss, read_uss

_REMEDY = "Give folders or files of people's ratings; docs/people.md names the forms that are read."
_TEXTS = frozenset({".jsonl", ".csv", ".txt"})
"""How the names of files of ratings end: one that is no text is broken, and no file of another form."""


def read_ratings(paths: Iterable[Path], conversations: Conversations | None = None) -> list[RatingSet]:
    """The ratings of folders and files, by their origin.

    Of a folder the files directly in it are read, by name; a file of another form, such as a README, is passed over,
    but not a broken one (``_TEXTS``). A file that is met twice counts once; files of one origin become one set.

    Args:
        paths: folders and files.
        conversations: ReDial's conversations (see ``conversations_of``), for ratings that name one without its turns;
            without it such ratings are counted in ``skipped``.

    Raises:
        DataError: a path is missing, a folder holds no ratings, a file that is named is of no known form, or a record
            cannot be used.
    """
    found: dict[str, list[RatingSet]] = {}
    read: set[Path] = set()
    for path in paths:
        sets = [part for file in _files(path) for part in _sets(file, conversations or {}, read, named=file == path)]
        if path.is_dir() and not sets and not any(file.resolve() in read for file in _files(path)):
            raise DataError("the folder holds no ratings of people", file=path, remedy=_REMEDY)
        for part in sets:
            found.setdefault(part.name, []).append(part)
    return [_joined(parts) for parts in found.values()]


def conversations_of(corpus: Corpus) -> Mapping[str, Sequence[Utterance]]:
    """The conversations of a corpus by the text of their id, films as titles; those without an id are left out."""
    return {
        str(dialogue.conversation_id): tuple(
            Utterance(turn.role, corpus.catalog.render(turn.text), turn.first_message) for turn in dialogue.utterances
        )
        for dialogues in corpus.splits.values()
        for dialogue in dialogues
        if dialogue.conversation_id is not None
    }


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith("."))
    if not path.is_file():
        raise DataError("there is no such file or folder", file=path, remedy=_REMEDY)
    return [path]


def _sets(file: Path, conversations: Conversations, read: set[Path], named: bool) -> list[RatingSet]:
    """The sets of a file; none if it was read before, or is of another form and was not named itself."""
    if file.resolve() in read:
        return []
    try:
        text = decoded(read_bytes(file, remedy=_REMEDY))
    except UnreadableText as error:
        if not (named or file.suffix.lower() in _TEXTS):
            return []
        raise DataError(error.what, file=file, line=error.line, remedy=_REMEDY) from error
    found = _read(file, text, conversations)
    if found is not None:
        read.add(file.resolve())
        return [found]
    if named:
        raise DataError("the file is of no form of ratings that is known", file=file, remedy=_REMEDY)
    return []


def _read(file: Path, text: str, conversations: Conversations) -> RatingSet | None:
    """The ratings of a file; None if it is of no known form."""
    if holds_shared_form(text):
        return read_shared_form(file, text, conversations)
    if is_uss(text):
        return read_uss(file, text)
    columns = columns_of(text)
    if ab_redial.is_turns(columns):
        return ab_redial.read_turns(file, text)
    if ab_redial.is_dialogues(columns):
        return ab_redial.read_dialogues(file, text)
    if is_crs_que(columns):
        return read_crs_que(file, text, conversations)
    return read_epitome(file, text) if is_epitome(file, columns) else None


def _joined(parts: Sequence[RatingSet]) -> RatingSet:
    """The sets of one origin as one; a reply that several files rate, each in something else, becomes one record."""
    replies = list(parts[0].replies)
    for part in parts[1:]:
        known = {(reply.group, reply.exchange): index for index, reply in enumerate(replies)}
        for reply in part.replies:
            index = known.get((reply.group, reply.exchange))
            if index is None or replies[index].ratings.keys() & reply.ratings.keys():
                replies.append(reply)
            else:
                replies[index] = replace(replies[index], ratings={**replies[index].ratings, **reply.ratings})
    return RatingSet(
        parts[0].name,
        tuple(replies),
        tuple(dialogue for part in parts for dialogue in part.dialogues),
        sum(part.skipped for part in parts),
    )
