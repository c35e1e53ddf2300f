"""The seeker with an agenda: it answers from what the questionnaires of its dialogue say that it likes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import takewhile

import numpy as np

from envs.catalog import Catalog
from envs.dialogue import Dialogue, Role, SeekerProfile
from envs.seeker_lines import LINES, Act
from envs.state import ConversationState, Opening, SeekerTurn, Turn

_FAREWELL = re.compile(
    r"\b(?:bye|goodbye|good ?night|farewell|take care|see (?:you|ya)"
    r"|have (?:a|an) (?:nice|good|great|lovely|wonderful|awesome) (?:day|night|evening|afternoon|weekend|one|time)"
    r"|enjoy (?:the|your) (?:movie|film|show|day|evening|night|weekend)s?)\b",
    re.IGNORECASE,
)
_HOW_ARE_YOU = re.compile(r"\bhow(?: are|'re|s|'s| is) (?:you|it|your|things|everything)\b", re.IGNORECASE)
_WORD = re.compile(r"\w+")
_EXPLAINS = 5
"""Words from which on a reply counts as telling something about a film."""
_PATIENCE = 2
"""Turns in a row with neither a new film nor a question after which it leaves."""
_KEEN, _MATCH, _TOLD = 0.1, 0.5, 0.2
"""Chance to take an unknown film: at no genre in common, added at all genres in common, added once it was described."""
_CURIOUS = 0.6
"""Chance to ask about an unknown film rather than to decline it."""
_SAID_TASTES = {Act.TASTES, Act.OPEN, Act.MOOD}


class ProfileSeeker:
    """Follows a fixed agenda from the dialogue's profile and the catalogue's genres.

    It opens with the human seeker's first lines. Asked, it tells mood, tastes, then dislikes. A film in ``liked`` it
    accepts, unless it has seen it; a film in ``disliked``, or of a genre in ``dislikes``, it rejects; any other it
    takes with a chance that grows with the share of the film's genres among its tastes, else it asks what the film is
    about or declines. It leaves after two turns in a row with neither a new film nor a question, and ends with thanks
    on a goodbye. Where a profile has no tastes, the genres of its liked films stand in. It never names a film that
    nobody has named in the conversation.
    """

    def __init__(self, catalog: Catalog, max_turns: int) -> None:
        """A seeker that stays for ``max_turns`` recommender turns at most."""
        self._catalog = catalog
        self._max_turns = max_turns

    @property
    def turns(self) -> int:
        """Free recommender turns at most."""
        return self._max_turns

    def start(self, dialogue: Dialogue, rng: np.random.Generator) -> Opening:
        """The human seeker's lines before any recommender's; none where the recommender opens."""
        lines = takewhile(lambda turn: turn.role is Role.SEEKER, dialogue.utterances)
        return Opening(tuple(lines))

    def answer(self, state: ConversationState, rng: np.random.Generator) -> SeekerTurn:
        """React to the films of the reply if it names some, else to what it says or asks."""
        turn = state.turns[-1]
        asked = self._asked_before(state)
        if turn.fresh:
            return self._judge(state, turn.fresh, rng)
        if asked is not None and len(_WORD.findall(turn.reply.text)) >= _EXPLAINS:
            return self._decide(state, asked, rng)
        if _FAREWELL.search(turn.reply.text):
            return _say(rng, Act.GOODBYE, ended=True)
        if _idle_turns(state) >= _PATIENCE:
            return _say(rng, Act.LEAVE, ended=True)
        if turn.reply.films:
            return _say(rng, Act.REPEATED, film=turn.reply.films[0])
        return self._about_itself(state, rng)

    def _asked_before(self, state: ConversationState) -> int | None:
        answer = state.turns[-2].answer if len(state.turns) > 1 else None
        return None if answer is None else answer.asked

    def _judge(self, state: ConversationState, films: Sequence[int], rng: np.random.Generator) -> SeekerTurn:
        """One answer to the films of a reply: the first that it takes, else what it thinks of the first."""
        verdicts = [self._verdict(state.dialogue.profile, film_id, rng) for film_id in films]
        rejected = tuple(
            film_id
            for film_id, act in zip(films, verdicts, strict=True)
            if act in (Act.REJECT, Act.REJECT_GENRE, Act.DECLINE)
        )
        if Act.ACCEPT in verdicts:
            return _accept(films[verdicts.index(Act.ACCEPT)], rejected, rng)
        film_id, act = films[0], verdicts[0]
        genre = next((genre for genre in self._genres(film_id) if genre in state.dialogue.profile.dislikes), "")
        asked = film_id if act is Act.ASK else None
        return _say(rng, act, film=film_id, genre=genre, rejected=rejected, asked=asked)

    def _verdict(self, profile: SeekerProfile, film_id: int, rng: np.random.Generator) -> Act:
        """What it thinks of a film that nobody had named; ACCEPT, LOVED, SEEN, REJECT(_GENRE), ASK or DECLINE."""
        seen = film_id in profile.seen
        if film_id in profile.liked:
            return Act.LOVED if seen else Act.ACCEPT
        if film_id in profile.disliked:
            return Act.REJECT
        if seen:
            return Act.SEEN
        if any(genre in profile.dislikes for genre in self._genres(film_id)):
            return Act.REJECT_GENRE
        if rng.random() < _KEEN + _MATCH * self._match(profile, film_id):
            return Act.ACCEPT
        return Act.ASK if rng.random() < _CURIOUS else Act.DECLINE

    def _decide(self, state: ConversationState, film_id: int, rng: np.random.Generator) -> SeekerTurn:
        """About a film that it asked for and was told of."""
        chance = _KEEN + _TOLD + _MATCH * self._match(state.dialogue.profile, film_id)
        if rng.random() < chance:
            return _accept(film_id, (), rng)
        return _say(rng, Act.DECLINE, film=film_id, rejected=(film_id,))

    def _about_itself(self, state: ConversationState, rng: np.random.Generator) -> SeekerTurn:
        """Mood and tastes first, then dislikes, then tastes again; a nudge where it was not asked anything."""
        profile, reply = state.dialogue.profile, state.turns[-1].reply.text
        acts = [Act.SMALL_TALK] if _HOW_ARE_YOU.search(reply) else []
        if len(state.rendered) == 1:  # the recommender opened
            acts.insert(0, Act.GREET)
        told = [turn.answer.act for turn in state.turns[:-1] if turn.answer is not None]
        tastes = self._tastes(profile)
        about = Act.TASTES if tastes else Act.OPEN
        if not _SAID_TASTES.intersection(told):
            acts += [Act.MOOD, about] if profile.mood else [about]
        elif "?" in reply:
            acts.append(Act.DISLIKES if profile.dislikes and Act.DISLIKES not in told else about)
        else:
            acts.append(Act.NUDGE)
        words = {"mood": profile.mood, "tastes": _listed(tastes[:2]), "dislikes": _listed(profile.dislikes[:1])}
        return SeekerTurn(" ".join(_line(rng, act, **words) for act in acts), act=acts[-1])

    def _match(self, profile: SeekerProfile, film_id: int) -> float:
        """The share of a film's genres that are among the tastes; 0 for a film without genres."""
        genres = self._genres(film_id)
        tastes = self._tastes(profile)
        return sum(genre in tastes for genre in genres) / len(genres) if genres else 0.0

    def _tastes(self, profile: SeekerProfile) -> tuple[str, ...]:
        """The profile's tastes, or the genres of its liked films, the most frequent first."""
        if profile.tastes:
            return profile.tastes
        counts = Counter(genre for film_id in profile.liked for genre in self._genres(film_id))
        return tuple(sorted(counts, key=lambda genre: (-counts[genre], genre)))

    def _genres(self, film_id: int) -> tuple[str, ...]:
        return self._catalog[film_id].genres if film_id in self._catalog else ()


def _idle_turns(state: ConversationState) -> int:
    """How many turns in a row, the last one included, had neither a new film nor a question; a greeting is none."""
    opened = 0 if state.opening.history else 1
    return sum(1 for _ in takewhile(_idle, reversed(state.turns[opened:])))


def _idle(turn: Turn) -> bool:
    return not turn.fresh and "?" not in turn.reply.text


def _accept(film_id: int, rejected: tuple[int, ...], rng: np.random.Generator) -> SeekerTurn:
    text = f"{_line(rng, Act.ACCEPT, film=f'@{film_id}')} {_line(rng, Act.GOODBYE)}"
    return SeekerTurn(text, ended=True, accepted=film_id, rejected=rejected, act=Act.ACCEPT)


def _say(
    rng: np.random.Generator,
    act: Act,
    *,
    film: int | None = None,
    genre: str = "",
    ended: bool = False,
    rejected: tuple[int, ...] = (),
    asked: int | None = None,
) -> SeekerTurn:
    text = _line(rng, act, film=f"@{film}", genre=genre)
    return SeekerTurn(text, ended=ended, rejected=rejected, asked=asked, act=act)


def _line(rng: np.random.Generator, act: Act, **words: str | None) -> str:
    """One of the act's sentences, drawn at random, filled in, its first letter a capital."""
    lines = LINES[act]
    text = lines[int(rng.integers(len(lines)))].format(**words)
    return text[0].upper() + text[1:]


def _listed(genres: Sequence[str]) -> str:
    return " and ".join(genres)
