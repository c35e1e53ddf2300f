"""What a seeker with an agenda does with a turn, before it is put into words.

The seeker knows the questionnaire of its dialogue and what its human said there. A film is accepted when the
questionnaire likes it and nobody has named it before, seen or not: on ReDial seven liked films in ten are marked as
seen, a third of the official test dialogues has no other, and most of train does not say. By this rule 98 % of its
dialogues have a film to be found. Nothing else is ever accepted, however well it suits or is told.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from envs.catalog import Catalog
from envs.dialogue import Dialogue, Role, without_films
from envs.genres import genre_name, said_genres
from envs.seeker_lines import EMOTIONS, Act
from envs.state import ConversationState, SeekerTurn, Turn

FAREWELL = re.compile(
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
_CURIOUS = 0.5
"""Chance to ask about an unknown film that may suit it rather than to decline it."""
_SAID_TASTES = {Act.TASTES, Act.OPEN, Act.MOOD}
_YES = {Act.ACCEPT, Act.ACCEPT_AGAIN}
_NO = {Act.REJECT, Act.REJECT_GENRE, Act.DECLINE, Act.DECLINE_TASTES, Act.DECLINE_TOLD}


@dataclass(frozen=True, slots=True)
class Move:
    """What a seeker does with a turn.

    Attributes:
        acts: what it says, in order; the last one is what the turn is known by.
        emotion: how it feels about it, one of ``envs.emotions.NINE``.
        film: the film that it speaks of, one that was named; None for none.
        genre: the genre that the film is turned down for, empty for none.
        tastes, dislikes: the genres that it speaks of.
        mood: its mood in one word, None where it is not known.
        accepted: the film that it will watch, None for none.
        rejected: films that it turned down.
        asked: the film that it wants to hear more about, None for none.
        ended: it ends the conversation.
    """

    acts: tuple[Act, ...]
    emotion: str
    film: int | None = None
    genre: str = ""
    tastes: tuple[str, ...] = ()
    dislikes: tuple[str, ...] = ()
    mood: str | None = None
    accepted: int | None = None
    rejected: tuple[int, ...] = ()
    asked: int | None = None
    ended: bool = False

    def said(self, text: str) -> SeekerTurn:
        """The seeker's turn once it is put into words."""
        return SeekerTurn(
            text,
            ended=self.ended,
            accepted=self.accepted,
            rejected=self.rejected,
            asked=self.asked,
            act=self.acts[-1],
            emotion=self.emotion,
        )


class SeekerAgenda:
    """Decides from a dialogue's questionnaire, from what its seeker said there, and from the catalogue's genres.

    Asked, it tells mood, tastes, then dislikes. A film that it likes it accepts; one that it dislikes, that is of a
    genre that it refuses, or that shares no genre with its tastes it turns down for that reason; about any other it may
    ask, and declines it once told. It leaves after two turns in a row with neither a new film nor a question, and ends
    with thanks on a goodbye.
    """

    def __init__(self, catalog: Catalog) -> None:
        """Decide about these films."""
        self._catalog = catalog

    def move(self, state: ConversationState) -> Move:
        """What to do with the reply of ``state.turns[-1]``; chance comes from ``state.rng`` alone."""
        turn = state.turns[-1]
        asked = _asked_before(state)
        if turn.fresh:
            return self._judge(state, turn.fresh)
        if asked is not None and len(_WORD.findall(turn.reply.text)) >= _EXPLAINS:
            return self._about(state, Act.DECLINE_TOLD, asked, rejected=(asked,))
        if FAREWELL.search(turn.reply.text):
            return self._about(state, Act.GOODBYE, ended=True)
        if _idle_turns(state) >= _PATIENCE:
            return self._about(state, Act.LEAVE, ended=True)
        if turn.reply.films:
            return self._about(state, Act.REPEATED, turn.reply.films[0])
        return self._about_itself(state)

    def tastes(self, dialogue: Dialogue) -> tuple[str, ...]:
        """The genres that it likes: known to the corpus, else said by its human, else of its liked films."""
        return self._wishes(dialogue)[0]

    def dislikes(self, dialogue: Dialogue) -> tuple[str, ...]:
        """The genres that it does not like: known to the corpus, else refused by its human."""
        return self._wishes(dialogue)[1]

    def _judge(self, state: ConversationState, films: Sequence[int]) -> Move:
        """One answer to the new films of a reply: the first that it likes, else what it thinks of the first."""
        verdicts = [self._verdict(state, film) for film in films]
        rejected = tuple(film for film, act in zip(films, verdicts, strict=True) if act in _NO)
        liked = [(film, act) for film, act in zip(films, verdicts, strict=True) if act in _YES]
        if liked:
            film, act = liked[0]
            return Move((act,), self._feeling(state, act), film, accepted=film, rejected=rejected, ended=True)
        film, act = films[0], verdicts[0]
        asked = film if act is Act.ASK else None
        return self._about(state, act, film, rejected=rejected, asked=asked)

    def _verdict(self, state: ConversationState, film: int) -> Act:
        """What it thinks of a film that nobody had named."""
        profile, genres = state.dialogue.profile, self._genres(film)
        tastes, dislikes = self._wishes(state.dialogue)
        if film in profile.liked:
            return Act.ACCEPT_AGAIN if film in profile.seen else Act.ACCEPT
        if film in profile.disliked:
            return Act.REJECT
        if film in profile.seen:
            return Act.SEEN
        if any(genre in dislikes for genre in genres):
            return Act.REJECT_GENRE
        if genres and tastes and not set(genres) & set(tastes):
            return Act.DECLINE_TASTES
        return Act.ASK if state.rng.random() < _CURIOUS else Act.DECLINE

    def _about(
        self,
        state: ConversationState,
        act: Act,
        film: int | None = None,
        *,
        rejected: tuple[int, ...] = (),
        asked: int | None = None,
        ended: bool = False,
    ) -> Move:
        tastes, dislikes = self._wishes(state.dialogue)
        genre = "" if film is None else next((genre for genre in self._genres(film) if genre in dislikes), "")
        emotion = self._feeling(state, act)
        return Move((act,), emotion, film, genre, tastes[:2], rejected=rejected, asked=asked, ended=ended)

    def _about_itself(self, state: ConversationState) -> Move:
        """Mood and tastes first, then dislikes, then tastes again; a nudge where it was not asked anything."""
        tastes, dislikes = self._wishes(state.dialogue)
        mood, reply = state.dialogue.mood, state.turns[-1].reply.text
        acts = [Act.SMALL_TALK] if _HOW_ARE_YOU.search(reply) else []
        if len(state.rendered) == 1:  # the recommender opened
            acts.insert(0, Act.GREET)
        told = [turn.answer.act for turn in state.turns[:-1] if turn.answer is not None]
        about = Act.TASTES if tastes else Act.OPEN
        if not _SAID_TASTES.intersection(told):
            acts += [Act.MOOD, about] if mood else [about]
        elif "?" in reply:
            acts.append(Act.DISLIKES if dislikes and Act.DISLIKES not in told else about)
        else:
            acts.append(Act.NUDGE)
        emotion = self._feeling(state, acts[-1])
        return Move(tuple(acts), emotion, tastes=tastes[:2], dislikes=dislikes[:1], mood=mood)

    def _feeling(self, state: ConversationState, act: Act) -> str:
        emotions = EMOTIONS[act]
        return emotions[int(state.rng.integers(len(emotions)))]

    def _wishes(self, dialogue: Dialogue) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Tastes and dislikes, the most telling first."""
        said, refused = _stated(dialogue)
        dislikes = dialogue.dislikes or tuple(genre for genre in refused if genre not in said)
        tastes = dialogue.tastes or said
        if not tastes:
            counts = Counter(genre for film in sorted(dialogue.profile.liked) for genre in self._genres(film))
            tastes = _most_first(counts)
        return tuple(genre for genre in tastes if genre not in dislikes), dislikes

    def _genres(self, film: int) -> tuple[str, ...]:
        return tuple(map(genre_name, self._catalog[film].genres)) if film in self._catalog else ()


def _stated(dialogue: Dialogue) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The genres that the human seeker spoke of, and those that it refused."""
    said: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for turn in dialogue.utterances:
        if turn.role is Role.SEEKER:
            for counts, genres in zip((said, refused), said_genres(without_films(turn.text).lower()), strict=True):
                counts.update(genres)
    return _most_first(said), _most_first(refused)


def _most_first(counts: Counter[str]) -> tuple[str, ...]:
    return tuple(sorted(counts, key=lambda genre: (-counts[genre], genre)))


def _asked_before(state: ConversationState) -> int | None:
    answer = state.turns[-2].answer if len(state.turns) > 1 else None
    return None if answer is None else answer.asked


def _idle_turns(state: ConversationState) -> int:
    """How many turns in a row, the last one included, had neither a new film nor a question; a greeting is none."""
    opened = 0 if state.opening.history else 1
    return sum(1 for _ in takewhile(_idle, reversed(state.turns[opened:])))


def _idle(turn: Turn) -> bool:
    return not turn.fresh and "?" not in turn.reply.text
