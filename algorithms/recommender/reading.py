"""What a conversation tells a recommender: films with the seeker's feeling about them, emotions, words, film knowledge.

This is ECR's emotional semantic fusion (Zhang et al., RecSys 2024, section 4.1) as named features with values: a film
that the seeker names, or answers to, stands once for each emotion of that turn, with the emotion's probability. A
group of n features of equal value has 1 / sqrt(n) each, so that long turns weigh no more than short ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from algorithms.emotions import EmotionReader
from algorithms.seeker_words import seeker_words
from envs.catalog import Catalog, Film
from envs.dialogue import Role, Utterance, mentioned_films, without_films
from envs.emotions import NINE, named_emotions
from envs.words import WORD, word_grams

_PEOPLE = 6
"""People of a film that count, the director first."""
_PERIOD = 5
"""Years of a period of film."""
_FAR, _LONG = 6, 8
"""Counts of films named and of turns are told apart up to these."""
PLACES = 4
"""Places where a film was named last: the last turn of all; else the last that names films, the one before, earlier."""
NAMED_AS = 2 * 2 * PLACES
"""Ways in which a film can have been named: by whom last, once or more often, and where."""


class Task(IntEnum):
    """What is foreseen from a conversation; named films come again at rates of its own in each."""

    RECOMMENDER = 0
    """Films of the recommender's next message: what a recommender is for."""
    SEEKER = 1
    """Films of the seeker's next message: further examples to learn from."""
    MASKED = 2
    """Films of a masked message of the dialogue; named films are never among them."""


Features = dict[str, float]
"""Value by name; the name's first word is its group."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One conversation so far.

    Attributes:
        features: what a network takes in.
        wishes: the seeker's words, those after a negation as ``not word``.
        named: films that it names, each with the way it was named, from 0 to ``NAMED_AS`` - 1.
    """

    features: Features
    wishes: frozenset[str]
    named: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn, read once: its films, words in order, words with negation, and emotions with their probabilities."""

    role: Role
    films: tuple[int, ...]
    asks: bool
    words: tuple[str, ...]
    wishes: frozenset[str]
    emotions: Mapping[str, float]


class ContextReader:
    """Reads conversations for a catalogue."""

    def __init__(self, catalog: Catalog, emotions: EmotionReader) -> None:
        """Read films of this catalogue, and the seeker's emotions with this reader."""
        self._films = {film.film_id: tuple(facts(film)) for film in catalog}
        self.emotions = emotions

    def read(self, contexts: Sequence[Sequence[Utterance]]) -> list[Reading]:
        """Read N conversations; equal turns are read once."""
        turns = self._turns({(turn.role, turn.text) for context in contexts for turn in context})
        return [self._reading([turns[turn.role, turn.text] for turn in context]) for context in contexts]

    def _turns(self, said: Iterable[tuple[Role, str]]) -> dict[tuple[Role, str], Turn]:
        ordered = sorted(said)
        lines = [without_films(text) for role, text in ordered if role is Role.SEEKER]
        nine = self.emotions.read(lines).nine if lines else np.zeros((0, len(NINE)))
        felt = iter(zip(named_emotions(nine), nine, strict=True))
        return {key: self._turn(*key, next(felt) if key[0] is Role.SEEKER else None) for key in ordered}

    def _turn(self, role: Role, text: str, felt: tuple[tuple[str, ...], np.ndarray] | None) -> Turn:
        line = without_films(text).lower()
        emotions = {} if felt is None else {name: float(felt[1][NINE.index(name)]) for name in felt[0]}
        wishes = frozenset(seeker_words(line)) if role is Role.SEEKER else frozenset()
        films = tuple(film for film in mentioned_films(text) if film in self._films)
        return Turn(role, films, "?" in line, tuple(WORD.findall(line)), wishes, emotions)

    def _reading(self, turns: Sequence[Turn]) -> Reading:
        features: Features = {}
        seeker = [turn for turn in turns if turn.role is Role.SEEKER]
        recommender = [turn for turn in turns if turn.role is Role.RECOMMENDER]
        asked = seeker[-1].words if seeker else ()
        named = _named(turns)
        wishes = frozenset(word for turn in seeker for word in turn.wishes)
        _add(features, "wish", sorted(wishes))
        _add(features, "asked", (*asked, "?") if seeker and seeker[-1].asks else asked)
        _add(features, "asked-pair", word_grams(asked)[len(asked) :])
        _add(features, "told", (word for turn in recommender for word in turn.words))
        if turns and turns[-1].role is Role.RECOMMENDER:  # it goes on speaking
            _add(features, "begun", turns[-1].words)
        _add(features, "seeker-film", (film for turn in seeker for film in turn.films))
        _add(features, "recommender-film", (film for turn in recommender for film in turn.films))
        _add(features, "last-film", next((turn.films for turn in reversed(turns) if turn.films), ()))
        _add(features, "knowledge", (fact for film in named for fact in self._films[film]))
        features |= _felt(turns)
        features[f"named {min(_FAR, len(named))}"] = features[f"turns {min(_LONG, len(turns))}"] = 1.0
        return Reading(features, wishes, named)


def facts(film: Film) -> Iterable[str]:
    """What is known of a film without its text: genres, people, period."""
    yield from (f"genre:{genre}" for genre in film.genres)
    yield from (f"person:{person}" for person in film.people[:_PEOPLE])
    yield f"period:{'unknown' if film.year is None else film.year // _PERIOD * _PERIOD}"


def _add(features: Features, group: str, found: Iterable[object]) -> None:
    distinct = dict.fromkeys(found)
    features.update({f"{group} {each}": len(distinct) ** -0.5 for each in distinct})


def _felt(turns: Sequence[Turn]) -> Features:
    """The last seeker turn's emotions, all turns' together, and films with the emotion of the turn about them."""
    features: Features = {}
    last: tuple[int, ...] = ()
    seekers = sum(turn.role is Role.SEEKER for turn in turns)
    for turn in turns:
        if turn.role is Role.SEEKER:
            for name, share in turn.emotions.items():
                mood = f"mood {name}"
                features[mood] = features.get(mood, 0.0) + share / seekers
                for film in turn.films or last:
                    key = f"felt {name}:{film}"
                    features[key] = max(features.get(key, 0.0), share)
        last = turn.films or last
    said = next((turn.emotions for turn in reversed(turns) if turn.role is Role.SEEKER), {})
    return features | {f"emotion {name}": share for name, share in said.items()}


def _named(turns: Sequence[Turn]) -> dict[int, int]:
    found: dict[int, int] = {}
    times: dict[int, int] = {}
    naming = [turn for turn in turns if turn.films]
    answered = int(bool(naming) and naming[-1] is not turns[-1])
    for back, turn in zip(range(len(naming) - 1, -1, -1), naming, strict=True):
        for film in turn.films:
            times[film] = times.get(film, 0) + 1
            way = (turn.role is Role.RECOMMENDER) * 2 + (times[film] > 1)
            found[film] = way * PLACES + min(back + answered, PLACES - 1)
    return found
