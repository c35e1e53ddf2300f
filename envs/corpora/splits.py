"""Split validation dialogues off from train: the latest ones, a random draw, or a published list of ids."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from envs.dialogue import LAST_ID, Dialogue
from envs.errors import ConfigError, DataError
from envs.files import user_path
from envs.inputs.json_text import read_json
from envs.inputs.numbers import whole_number
from envs.settings import DataSettings

Split = tuple[tuple[Dialogue, ...], tuple[Dialogue, ...]]
"""Train without validation, and validation; both in the file's order."""


def split_validation(train: Sequence[Dialogue], settings: DataSettings) -> Split:
    """Take the validation dialogues out of train as ``settings.validation`` says.

    ``latest`` takes those with the greatest conversation ids, since ids grow with time and test is later than train;
    dialogues without an id stay in train. ``random`` draws from all of them by ``settings.seed``. Anything else names
    a JSON list of conversation ids.

    Raises:
        ConfigError: there are too few dialogues.
        DataError: the list cannot be read, or names a dialogue that is not in train.
    """
    if settings.validation == "latest":
        chosen = _latest(train, settings.validation_dialogues)
    elif settings.validation == "random":
        _refuse_too_few(len(train), settings.validation_dialogues)
        rng = np.random.default_rng(settings.seed)
        chosen = set(rng.permutation(len(train))[: settings.validation_dialogues].tolist())
    else:
        chosen = _listed(train, settings.validation)
    return (
        tuple(dialogue for i, dialogue in enumerate(train) if i not in chosen),
        tuple(dialogue for i, dialogue in enumerate(train) if i in chosen),
    )


def _latest(train: Sequence[Dialogue], count: int) -> set[int]:
    ids = {i: dialogue.conversation_id for i, dialogue in enumerate(train) if dialogue.conversation_id is not None}
    _refuse_too_few(len(ids), count)
    return set(sorted(ids, key=lambda i: (ids[i], i))[-count:])


def _refuse_too_few(available: int, wanted: int) -> None:
    if available <= wanted:
        raise ConfigError(
            f"data.validation_dialogues is {wanted}, but only {available} train dialogues can be chosen from; "
            "set it below that"
        )


def _listed(train: Sequence[Dialogue], validation: str) -> set[int]:
    """The positions of the listed conversations, all of which must be in train."""
    ids = set(validation_ids(validation))
    chosen = {i for i, dialogue in enumerate(train) if dialogue.conversation_id in ids}
    absent = sorted(ids - {train[i].conversation_id for i in chosen})
    if absent:
        raise DataError(
            f"{len(absent)} of the {len(ids)} listed conversations are not in train, such as {absent[0]}",
            file=validation,
            remedy="Use a list made for this corpus.",
        )
    if len(chosen) == len(train):
        raise ConfigError(f"the validation list {validation} leaves no dialogue to train on; list fewer")
    return chosen


def validation_ids(validation: str) -> list[int]:
    """The conversation ids of ``FILE`` (a JSON list, or an object of one list) or ``FILE#KEY`` (an object's list).

    Raises:
        DataError: there is no such file or key, or it is not a list of ids.
    """
    name, _, key = validation.partition("#")
    file = user_path(name)
    value = read_json(file, remedy="data.validation takes latest, random, FILE or FILE#KEY of a JSON file.")
    if isinstance(value, dict):
        key = key or (next(iter(value)) if len(value) == 1 else "")
        if key not in value:
            raise DataError(
                f"it has no list {key!r}" if key else "it holds several lists",
                file=file,
                remedy=f"Choose one by {name}#KEY: {', '.join(value)}.",
            )
        value = value[key]
    if not isinstance(value, list) or not value or not all(map(_is_id, value)):
        raise DataError("must be a list of conversation ids", file=file, field=key or None, remedy="Give numbers.")
    return [int(number) for number in value]


def _is_id(number: object) -> bool:
    """Whether a value is a conversation id: a number, or its digits."""
    digits = str(number) if isinstance(number, int) and not isinstance(number, bool) else number
    return isinstance(digits, str) and whole_number(digits, LAST_ID) is not None
