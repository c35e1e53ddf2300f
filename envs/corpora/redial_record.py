"""Convert one ReDial record (the JSON object of a dialogue) to a ``Dialogue``, checked field by field.

Two kinds of record are accepted: the official ones, and reconstructed ones, whose worker ids are 0 and 1 and whose
conversation id and answers may be null. Known faults of ReDial are repaired and counted under the names in
``REPAIRS``; any other fault is an error that names file, line and field.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import TypeVar

from envs.catalog import Catalog
from envs.corpora.redial_films import twice
from envs.dialogue import LAST_ID, MENTION, Answer, Dialogue, Feedback, Message, Role, mentioned_film, mentioned_films
from envs.errors import DataError
from envs.inputs.numbers import whole_number
from envs.inputs.placeholders import film_name
from envs.inputs.text import as_written, quoted

REPAIRS = {
    "empty_list_as_mentions": "movieMentions is [] where a dict belongs: read as no films",
    "empty_list_as_questionnaire": "a questionnaire is [] where a dict belongs: read as no answers",
    "film_without_title": "a declared film has no title: the catalogue's is taken, or the film is left out everywhere",
    "undeclared_mention": "a film of the catalogue named in a text but not in movieMentions: not counted as a mention",
    "empty_message": "a message without text: kept",
    "unknown_conversation_id": "conversationId is null: the dialogue stays in train",
    "unknown_answer": "an answer of a questionnaire is null: read as not known",
}
"""The faults that are repaired and counted, by name."""

_Kind = TypeVar("_Kind", dict, list, str)

_ANSWERS = {0: Answer.NO, 1: Answer.YES, 2: Answer.UNSAID}
_KINDS = {dict: "an object", list: "a list", str: "a string", int: "a whole number"}
_FORMAT = "Compare with the format on https://redialdata.github.io/website/"


@dataclass(frozen=True)
class RecordLocation:
    """The location of a record: its file and 1-based line."""

    file: str
    line: int

    def __str__(self) -> str:
        """Both, for an error."""
        return f"{self.file}, line {self.line}"

    def error(self, field: str | None, what: str, remedy: str = _FORMAT + ".") -> DataError:
        """The error for one field of this record."""
        return DataError(what, file=self.file, line=self.line, field=field, remedy=remedy)


@dataclass
class RecordReader:
    """Turns records into dialogues and counts the repairs it makes.

    Attributes:
        films: the catalogue; a declared film must be in it.
        repairs: how often each of ``REPAIRS`` was made; grows while records are read.
    """

    films: Catalog
    repairs: Counter[str] = field(default_factory=Counter)

    def dialogue(self, record: object, location: RecordLocation, index: int) -> Dialogue:
        """Check one record and build its dialogue.

        Args:
            record: the parsed JSON value of the line.
            location: the record's location, for errors.
            index: 0-based position of the dialogue in its file.

        Raises:
            DataError: the record cannot be used; names file, line and field.
        """
        if not isinstance(record, dict):
            raise location.error(None, f"a dialogue must be an object, not {_kind(record)}")
        titles, nameless = self._titles(record, location)
        return Dialogue(
            conversation_id=self._conversation_id(record, location),
            index=index,
            messages=self._messages(record, location, titles, nameless),
            titles=titles,
            seeker_form=self._form(record, "initiatorQuestions", location, titles, nameless),
            recommender_form=self._form(record, "respondentQuestions", location, titles, nameless),
            provenance=_get(record, "provenance", str, location) if "provenance" in record else "raw",
        )

    def _conversation_id(self, record: dict[str, object], location: RecordLocation) -> int | None:
        value = record.get("conversationId")
        if "conversationId" in record and value is None:
            self.repairs["unknown_conversation_id"] += 1
            return None
        number = _whole_number(value)
        if number is None:
            raise location.error("conversationId", f"must be a number or null, not {quoted(value)}")
        return number

    def _titles(self, record: dict[str, object], location: RecordLocation) -> tuple[dict[int, str], set[int]]:
        """The declared films, whose ids must be in the catalogue; and those that no one names, which are left out."""
        titles: dict[int, str] = {}
        nameless: set[int] = set()
        for key, title in self._object(record, "movieMentions", "empty_list_as_mentions", location).items():
            name, film_id = f"movieMentions.{key}", _whole_number(key)
            if film_id is None:
                raise location.error(name, f"a film id must be a number up to {LAST_ID}")
            if film_id in titles or film_id in nameless:
                raise location.error(name, *twice(film_id))
            if title is not None and not isinstance(title, str):
                raise location.error(name, f"a title must be a string, not {_kind(title)}")
            title = film_name(title) if title else ""
            if not title:
                self.repairs["film_without_title"] += 1
            if film_id in self.films:
                titles[film_id] = title or self.films.title(film_id)
            elif title:
                raise location.error(
                    name, f"film {film_id} ({title}) is not in the catalogue", "Add it to the catalogue file."
                )
            else:
                nameless.add(film_id)
        return titles, nameless

    def _messages(
        self, record: dict[str, object], location: RecordLocation, titles: Mapping[int, str], nameless: Set[int]
    ) -> tuple[Message, ...]:
        seeker = _speaker(record, "initiatorWorkerId", location)
        recommender = _speaker(record, "respondentWorkerId", location)
        if seeker == recommender:
            raise location.error("respondentWorkerId", f"both speakers have the id {quoted(seeker)}")
        roles = {seeker: Role.SEEKER, recommender: Role.RECOMMENDER}
        items = _get(record, "messages", list, location)
        if not items:
            raise location.error("messages", "a dialogue must have at least one message")
        return tuple(
            self._message(item, f"messages[{i}]", location, roles, titles, nameless) for i, item in enumerate(items)
        )

    def _message(
        self,
        item: object,
        name: str,
        location: RecordLocation,
        roles: Mapping[int | str, Role],
        titles: Mapping[int, str],
        nameless: Set[int],
    ) -> Message:
        if not isinstance(item, dict):
            raise location.error(name, f"a message must be an object, not {_kind(item)}")
        sender = _speaker(item, "senderWorkerId", location, f"{name}.")
        role = roles.get(sender)
        if role is None:
            raise location.error(
                f"{name}.senderWorkerId", f"{quoted(sender)} is neither of the two speakers {list(roles)}"
            )
        text = as_written(_get(item, "text", str, location, f"{name}."))
        if nameless and "@" in text:
            text = MENTION.sub(lambda mention: "" if mentioned_film(mention) in nameless else mention[0], text)
        if not text.strip():
            self.repairs["empty_message"] += 1
        for film_id in mentioned_films(text) if "@" in text else ():
            if film_id in titles:
                continue
            if film_id not in self.films:
                raise location.error(
                    f"{name}.text",
                    f"names film @{film_id}, which neither movieMentions nor the catalogue declares",
                    "Declare the film, or take the @ out of the text.",
                )
            self.repairs["undeclared_mention"] += 1
        return Message(role, text)

    def _form(
        self,
        record: dict[str, object],
        name: str,
        location: RecordLocation,
        titles: Mapping[int, str],
        nameless: Set[int],
    ) -> dict[int, Feedback]:
        """One questionnaire; its films must be declared, and those that are left out have no answers."""
        form: dict[int, Feedback] = {}
        seen_ids: set[int | None] = set()
        for key, answers in self._object(record, name, "empty_list_as_questionnaire", location).items():
            film_id = _whole_number(key)
            if film_id is not None and film_id in seen_ids:
                raise location.error(f"{name}.{key}", *twice(film_id))
            seen_ids.add(film_id)
            if film_id in nameless:
                continue
            if film_id is None or film_id not in titles:
                raise location.error(
                    f"{name}.{key}",
                    "answers for a film that movieMentions does not declare",
                    "Declare the film there.",
                )
            if not isinstance(answers, dict):
                raise location.error(f"{name}.{key}", f"answers must be an object, not {_kind(answers)}")
            suggested, seen, liked = (
                self._answer(answers, key, f"{name}.{film_id}.", location) for key in ("suggested", "seen", "liked")
            )
            if suggested is Answer.UNSAID:
                raise location.error(f"{name}.{film_id}.suggested", "must be 0, 1 or null, not 2")
            form[film_id] = Feedback(None if suggested is None else suggested is Answer.YES, seen, liked)
        return form

    def _answer(self, answers: dict[str, object], key: str, prefix: str, location: RecordLocation) -> Answer | None:
        if key not in answers:
            raise location.error(prefix + key, "is missing")
        code = answers[key]
        if code is None:
            self.repairs["unknown_answer"] += 1
            return None
        if isinstance(code, bool) or not isinstance(code, int) or code not in _ANSWERS:
            raise location.error(prefix + key, f"must be 0, 1, 2 or null, not {quoted(code)}")
        return _ANSWERS[code]

    def _object(self, record: dict[str, object], name: str, repair: str, location: RecordLocation) -> dict[str, object]:
        """A field that must be an object; an empty list is repaired to an empty object."""
        if record.get(name) == []:
            self.repairs[repair] += 1
            return {}
        return _get(record, name, dict, location)


def _get(record: dict[str, object], name: str, kind: type[_Kind], location: RecordLocation, prefix: str = "") -> _Kind:
    """A field that must be present and of this type."""
    if name not in record:
        raise location.error(prefix + name, "is missing")
    value = record[name]
    if not isinstance(value, kind):
        raise location.error(prefix + name, f"must be {_KINDS[kind]}, not {_kind(value)}")
    return value


def _speaker(record: dict[str, object], name: str, location: RecordLocation, prefix: str = "") -> int | str:
    """A worker id: a number or a string."""
    value = record.get(name)
    if value is None:
        raise location.error(prefix + name, "the speaker's id is missing")
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise location.error(prefix + name, f"a speaker's id must be a number or a string, not {_kind(value)}")
    return value


def _whole_number(value: object) -> int | None:
    """A whole number of at most 64 bits given as a number or as digits; None for anything else."""
    if isinstance(value, str):
        return whole_number(value, LAST_ID)
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if -LAST_ID <= value <= LAST_ID else None


def _kind(value: object) -> str:
    return "null" if value is None else _KINDS.get(type(value), type(value).__name__)
