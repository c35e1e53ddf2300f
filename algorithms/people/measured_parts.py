"""What of a reply goes with people's overall ratings: eleven parts, measured, not learnt from ratings."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from algorithms.readers.counted_features import NAMES as COUNTED
from algorithms.readers.counted_features import surface
from algorithms.readers.emotions import EmotionReader, Emotions
from algorithms.readers.film_table import FilmTable
from algorithms.readers.sentiment import compound
from envs.film_text.words import repetition
from envs.heads import Exchange

PARTS = {
    "film": "the reply names a film",
    "suits": "how well its new films go with what was said (.5 without a new film)",
    "match": "how well their genres match the seeker's wishes, 0 where one was refused (.5 where neither is known)",
    "kin": "how much its new films share with films that the seeker named (.5 without a new film)",
    "facts": "genres told that fit the films named, less those that do not",
    "content": "distinct words of four letters or more, saturating",
    "fresh": "less the share of the reply's word pairs that the recommender said before",
    "mood": "the feeling of the seeker's last turn: warm against hostile and sorrowful",
    "mood_words": "VADER's sentiment of the two turns before the reply",
    "tone": "the feeling of the reply: warm against hostile",
    "tone_words": "VADER's sentiment of the reply",
}
"""The parts and what each measures; of all, more is better."""

_LONGEST = 2000
"""Characters read of a text."""
_FLOOR = 0.05
"""Added to a probability before its logarithm."""
_WRONG = 0.7
"""Weight of a wrong genre beside a right one."""
_COLUMN = {name: column for column, name in enumerate(COUNTED)}
_SPACES = re.compile(r"\s+")


class PartReader:
    """Measures the parts of exchanges."""

    def __init__(self, films: FilmTable, emotions: EmotionReader) -> None:
        """Measure with these films and this reader of emotions."""
        self._films, self._emotions = films, emotions

    def measure(self, exchanges: Sequence[Exchange], counted: np.ndarray | None = None) -> np.ndarray:
        """The parts of N exchanges, (N, parts), in the order of ``PARTS``.

        Args:
            exchanges: what is measured.
            counted: their counted features (``surface``), where they are known already.
        """
        if not exchanges:
            return np.zeros((0, len(PARTS)))
        numbers = np.asarray(surface(exchanges, self._films) if counted is None else counted, dtype=np.float64)
        column = {name: numbers[:, place] for name, place in _COLUMN.items()}
        new = column["new_films"] > 0
        reply = self._read([exchange.reply for exchange in exchanges])
        seeker = self._read([exchange.last_seeker_turn for exchange in exchanges])
        facts = np.tanh(2 * column["genre_right"]) - _WRONG * np.tanh(2 * column["genre_wrong"])
        mood = _log(seeker.warmth) - _log(np.asarray(seeker.hostility) + seeker.sorrow)
        parts = {
            "film": (column["films"] > 0).astype(np.float64),
            "suits": np.where(new, column["affinity"], 0.5),
            "match": _match(column),
            "kin": np.where(new, column["kin"], 0.5),
            "facts": facts,
            "content": np.tanh(2 * column["long_words"]),
            "fresh": -np.array([_said_before(exchange) for exchange in exchanges]),
            "mood": mood,
            "mood_words": np.array([_mood_words(exchange) for exchange in exchanges]),
            "tone": _log(reply.warmth) - _log(reply.hostility),
            "tone_words": column["sentiment"],
        }
        return np.stack([parts[name] for name in PARTS], axis=1)

    def _read(self, texts: Sequence[str]) -> Emotions:
        return self._emotions.read([self._films.without_titles(text[:_LONGEST]) for text in texts])


def _match(column: dict[str, np.ndarray]) -> np.ndarray:
    known = column["match_known"] > 0
    matched = np.where(known, column["match"] / np.where(known, column["match_known"], 1.0), 0.5)
    return matched * (column["refused"] == 0)


def _said_before(exchange: Exchange) -> float:
    return repetition([exchange.reply[:_LONGEST]], [text[:_LONGEST] for text in exchange.earlier_replies])


def _mood_words(exchange: Exchange) -> float:
    return compound(_SPACES.sub(" ", " ".join(turn.text[:_LONGEST] for turn in exchange.context[-2:])))


def _log(probabilities: np.ndarray) -> np.ndarray:
    return np.log(_FLOOR + np.asarray(probabilities, dtype=np.float64))
