"""Features of a conversation: films with the seeker's feelings about them, emotions, words, and facts of films.

This is ECR's emotional semantic fusion (Zhang et al., RecSys 2024, section 4.1) as named features with values. A film
that the seeker names, or answers to, gives one feature for each emotion of that turn; its value is the emotion's
probability. In a group of n features of equal value each is 1 / sqrt(n), so long turns weigh no more than short ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from algorithms.readers.emotions import EmotionReader
from algorithms.readers.seeker_words import seeker_words
from envs.catalog import Catalog, Film
from envs.dialogue import HIDDEN, Role, Utterance, mentioned_films, without_films
from envs.emotions import NINE, named_emotions
from envs.film_text.words import WORD, word_grams

_PEOPLE = 6
"""The most people of a film that count, the director first."""
_PERIOD = 5
"""Length of a period, in years."""
_FAR, _LONG, _WORDS = 6, 8, 18
"""Counts of named films, turns and words above these are treated alike."""
PLACES = 4
"""Where a film was named last: in the last turn; else in the last turn that names films, in the one before, earlier."""
NAMED_AS = 2 * 2 * PLACES
"""The number of ways in which a film was named: by whom last, once or more often, and where."""


Features = dict[str, float]
"""Value by name; the name's first word is its group."""


@dataclass(frozen=True, slots=True)
class ContextFeatures:
    """One conversation so far.

    Attributes:
        features: the input of a network.
        last: features of the last turn that predict whether a named film comes again.
        wishes: the seeker's words, those after a negation as ``not word``.
        named: the films that it names, each with the way it was named, from 0 to ``NAMED_AS`` - 1.
    """

    features: Features
    last: Features
    wishes: frozenset[str]
    named: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class TurnFeatures:
    """One turn, read once: its films, words in order, words with negation, and emotions with their probabilities."""

    role: Role
    films: tuple[int, ...]
    hides: bool
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

    def read(self, contexts: Sequence[Sequence[Utterance]]) -> list[ContextFeatures]:
        """Read N conversations; equal turns are read once."""
        turns = self._turns({(turn.role, turn.text) for context in contexts for turn in context})
        return [self._reading([turns[turn.role, turn.text] for turn in context]) for context in contexts]

    def _turns(self, said: Iterable[tuple[Role, str]]) -> dict[tuple[Role, str], TurnFeatures]:
        ordered = sorted(said)
        lines = [without_films(text) for role, text in ordered if role is Role.SEEKER]
        nine = self.emotions.read(lines).nine if lines else np.zeros((0, len(NINE)))
        felt = iter(zip(named_emotions(nine), nine, strict=True))
        return {key: self._turn(*key, next(felt) if key[0] is Role.SEEKER else None) for key in ordered}

    def _turn(self, role: Role, text: str, felt: tuple[tuple[str, ...], np.ndarray] | None) -> TurnFeatures:
        line = without_films(text).lower()
        emotions = {} if felt is None else {name: float(felt[1][NINE.index(name)]) for name in felt[0]}
        wishes = frozenset(seeker_words(line)) if role is Role.SEEKER else frozenset()
        films = tuple(film for film in mentioned_films(text) if film in self._films)
        return TurnFeatures(role, films, HIDDEN in text, "?" in line, tuple(WORD.findall(line)), wishes, emotions)

    def _reading(self, turns: Sequence[TurnFeatures]) -> ContextFeatures:
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
        if turns and turns[-1].role is Role.RECOMMENDER:  # the recommender continues its turn
            _add(features, "begun", turns[-1].words)
        _add(features, "seeker-film", (film for turn in seeker for film in turn.films))
        _add(features, "recommender-film", (film for turn in recommender for film in turn.films))
        _add(features, "last-film", next((turn.films for turn in reversed(turns) if turn.films), ()))
        _add(features, "knowledge", (fact for film in named for fact in self._films[film]))
        _add_hidden(features, turns)
        features |= _felt(turns)
        features[f"named {min(_FAR, len(named))}"] = features[f"turns {min(_LONG, len(turns))}"] = 1.0
        return ContextFeatures(features, _last(turns, len(named)), wishes, named)


def facts(film: Film) -> Iterable[str]:
    """A film's facts other than text: genres, people, period."""
    yield from (f"genre:{genre}" for genre in film.genres)
    yield from (f"person:{person}" for person in film.people[:_PEOPLE])
    yield f"period:{'unknown' if film.year is None else film.year // _PERIOD * _PERIOD}"


def _add(features: Features, group: str, values: Iterable[object]) -> None:
    distinct = dict.fromkeys(values)
    features.update({f"{group} {each}": len(distinct) ** -0.5 for each in distinct})


def _add_hidden(features: Features, turns: Sequence[TurnFeatures]) -> None:
    """Add the surroundings of masked films: words of their turn and its two neighbours, and films nearby."""
    hidden_at = next((hidden_at for hidden_at, turn in enumerate(turns) if turn.hides), None)
    if hidden_at is None:
        return
    turn = turns[hidden_at]
    _add(features, "hidden", (turn.role.value, *turn.words))
    _add(features, "hidden-pair", word_grams(turn.words)[len(turn.words) :])
    _add(features, "hidden-before", turns[hidden_at - 1].words if hidden_at else ())
    _add(features, "hidden-after", turns[hidden_at + 1].words if hidden_at + 1 < len(turns) else ())
    _add(
        features, "hidden-near", (film for turn in turns[max(0, hidden_at - 2) : hidden_at + 3] for film in turn.films)
    )


def _felt(turns: Sequence[TurnFeatures]) -> Features:
    """Emotions of the last seeker turn, of all turns together, and films with the emotions of the turn about them."""
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


def _last(turns: Sequence[TurnFeatures], named: int) -> Features:
    """Words, length, question, films and emotions of the last turn, by its speaker, and the number of turns so far."""
    if not named:
        return {}
    turn = turns[-1]
    counts = {"films": min(3, len(turn.films)), "words": min(_WORDS, len(turn.words)) // 3, "asks": int(turn.asks)}
    said = [f"says {word}" for word in dict.fromkeys(turn.words)] + [f"{name} {n}" for name, n in counts.items()]
    features = dict.fromkeys([f"{turn.role} {each}" for each in said], 1.0)
    features |= {f"turns {min(_LONG, len(turns))}": 1.0, f"named {min(_FAR, named)}": 1.0}
    return features | {f"emotion {name}": share for name, share in turn.emotions.items()}


def _named(turns: Sequence[TurnFeatures]) -> dict[int, int]:
    ways: dict[int, int] = {}
    times: dict[int, int] = {}
    naming = [turn for turn in turns if turn.films]
    answered = int(bool(naming) and naming[-1] is not turns[-1])
    for back, turn in zip(range(len(naming) - 1, -1, -1), naming, strict=True):
        for film in turn.films:
            times[film] = times.get(film, 0) + 1
            way = (turn.role is Role.RECOMMENDER) * 2 + (times[film] > 1)
            ways[film] = way * PLACES + min(back + answered, PLACES - 1)
    return ways
