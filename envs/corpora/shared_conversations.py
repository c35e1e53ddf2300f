"""Refuse a conversation that stands in two splits: what was learnt from would be judged on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from envs.dialogue import Dialogue
from envs.errors import DataError

FEWEST_MESSAGES = 4
"""The fewest messages by which a conversation without an id is told; people often say ``Hi`` and ``Hello``."""


@dataclass(frozen=True, slots=True)
class Split:
    """The dialogues of one split.

    Attributes:
        name: ``train``, ``valid`` or ``test``.
        dialogues: its dialogues.
        origins: where the dialogue of each ``index`` stands, for the error; None if nothing is known of it.
    """

    name: str
    dialogues: Sequence[Dialogue]
    origins: Sequence[object] | None = None

    def place(self, dialogue: Dialogue) -> str:
        """A dialogue's place, for a person."""
        if self.origins is None:
            return f"{self.name} dialogue {dialogue.index}"
        return f"{self.origins[dialogue.index]} (split {self.name})"


def refuse_shared(*splits: Split, ids_tell: bool = True) -> None:
    """Refuse one conversation in two splits.

    Two dialogues are one conversation if they have the same texts, at least ``FEWEST_MESSAGES`` of them, unless their
    ids differ: two ids are two conversations, whatever they say.

    Args:
        splits: the splits.
        ids_tell: one id is one conversation, whatever it says; False where each split may count from 0.

    Raises:
        DataError: there is one; both places are named.
    """
    by_id: dict[int, tuple[Split, Dialogue]] = {}
    by_texts: dict[str, tuple[Split, Dialogue]] = {}
    for split in splits:
        for dialogue in split.dialogues:
            here, number = (split, dialogue), dialogue.conversation_id
            first = here if number is None or not ids_tell else by_id.setdefault(number, here)
            if first[0] is split and len(dialogue.messages) >= FEWEST_MESSAGES:
                alike = by_texts.setdefault("\0".join(message.text for message in dialogue.messages), here)
                if None in (number, alike[1].conversation_id) or number == alike[1].conversation_id:
                    first = alike
            if first[0] is not split:
                raise _shared(*first, *here)


def _shared(first: Split, one: Dialogue, second: Split, other: Dialogue) -> DataError:
    number = other.conversation_id if one.conversation_id is None else one.conversation_id
    named = "a conversation without an id" if number is None else f"conversation {number}"
    return DataError(
        f"{named} stands in two splits: {first.place(one)}, and {second.place(other)}",
        remedy="Keep it in one of them, or give two conversations two ids.",
    )
