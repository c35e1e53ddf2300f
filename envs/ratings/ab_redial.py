"""AB-ReDial's own files: ``annotated_turns.csv`` and ``annotated_dialogues.csv`` (Siro et al., SIGIR 2022).

A row is what one rater said of a dialogue ``ConvId``. The file of turns has three rated turns a row; turn K has four
utterances (two before, the rated one, and the next) and ``relevanceK``, ``interestingnessK``, ``overallK``. The file of
dialogues has the whole dialogue as ``utterance0``, ``utterance1``, … and five ratings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from envs.dialogue import Utterance
from envs.ratings.rated_text import Location, text_of, turns_of, words_of
from envs.ratings.record import RatedDialogue, RatedReply, RatingSet
from envs.ratings.tables import number_in, rows_of

_TURN_RATINGS = ("relevance", "interestingness", "overall")
_DIALOGUE_RATINGS = ("understanding", "task-completion", "interest-arousal", "efficiency", "dialogue-overall")
_UTTERANCES = 4
"""Utterances of a rated turn: two before, the rated one, and the seeker's next."""


@dataclass
class _Rated:
    """The rows of one turn or dialogue."""

    location: Location
    ratings: dict[str, list[float]] = field(default_factory=dict)

    def add(self, cells: Mapping[str, str], columns: Mapping[str, str], location: Location) -> None:
        """Add what one rater said; ``columns`` names the column of each rating."""
        for name, column in columns.items():
            number = number_in(cells[column], column, location)
            if number is not None:
                self.ratings.setdefault(name, []).append(number)

    @property
    def known(self) -> dict[str, tuple[float, ...]]:
        """The ratings by name."""
        return {name: tuple(numbers) for name, numbers in self.ratings.items()}


def is_turns(columns: Sequence[str]) -> bool:
    """Whether a table's columns are those of the rated turns."""
    return {"ConvId", "utterance0", "relevance1"} <= set(columns)


def is_dialogues(columns: Sequence[str]) -> bool:
    """Whether a table's columns are those of the rated dialogues."""
    return {"ConvId", "utterance0", *_DIALOGUE_RATINGS} <= set(columns)


def read_turns(file: Path, text: str) -> RatingSet:
    """Read the rated turns; a turn that nobody rated is left out.

    Raises:
        DataError: a row is of another form; file, line and field are named.
    """
    found: dict[tuple[str, ...], _Rated] = {}
    first = [f"{name}1" for name in _TURN_RATINGS]
    for location, cells in rows_of(file, text, ["ConvId", *(f"utterance{i}" for i in range(_UTTERANCES)), *first]):
        for number in count(1):
            columns = {name: f"{name}{number}" for name in _TURN_RATINGS}
            said = [f"utterance{i}" for i in range(_UTTERANCES * (number - 1), _UTTERANCES * number)]
            if not all(column in cells for column in (*columns.values(), *said)):
                break
            key = (text_of(cells["ConvId"], "ConvId", location), *(cells[column] for column in said[:3]))
            found.setdefault(key, _Rated(location)).add(cells, columns, location)
    return RatingSet("ab-redial", tuple(_replies(found)), ())


def _replies(found: Mapping[tuple[str, ...], _Rated]) -> Iterator[RatedReply]:
    for (group, *before, response), rated in found.items():
        if rated.known:
            context = turns_of([turn for turn in before if turn.strip()], "utterance", rated.location)
            reply = words_of(response, "utterance", rated.location)
            yield RatedReply(context, reply, rated.known, group, str(rated.location))


def read_dialogues(file: Path, text: str) -> RatingSet:
    """Read the rated dialogues.

    Raises:
        DataError: a row is of another form; file, line and field are named.
    """
    found: dict[tuple[str, ...], _Rated] = {}
    columns: dict[str, str] = dict(zip(_DIALOGUE_RATINGS, _DIALOGUE_RATINGS, strict=True))
    for location, cells in rows_of(file, text, ["ConvId", "utterance0", *_DIALOGUE_RATINGS]):
        said = [cells[f"utterance{i}"] for i in range(len(cells)) if f"utterance{i}" in cells]
        key = (text_of(cells["ConvId"], "ConvId", location), *(words for words in said if words.strip()))
        found.setdefault(key, _Rated(location)).add(cells, columns, location)
    dialogues = []
    for (group, *said), rated in found.items():
        turns: tuple[Utterance, ...] = turns_of(said, "utterance", rated.location)
        if turns and rated.known:
            dialogues.append(RatedDialogue(turns, rated.known, group, str(rated.location)))
    return RatingSet("ab-redial-dialogues", (), tuple(dialogues))
