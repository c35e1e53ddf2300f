"""Decide how a seeker with an agenda reacts to a turn, before the reaction is put into words.

The seeker knows the questionnaire of its dialogue and what its human said there. It accepts a film when the
questionnaire likes the film and nobody has named it before, whether it is marked as seen or not. On ReDial seven liked
films in ten are marked as seen, a third of the official test dialogues has no other liked film, and most of train does
not say. By this rule 98 % of its dialogues have a film to be found. The seeker accepts no other film, however well it
suits or is described.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import Any

from envs.catalog import Catalog
from envs.dialogue import Dialogue
from envs.film_text.genres import genre_name
from envs.seekers.attributes import Attributes
from envs.seekers.lines import EMOTIONS, Act
from envs.turns.state import ConversationState, SeekerTurn, Turn

FAREWELL = re.compile(
    r"\b(?:bye|goodbye|good ?night|farewell|take care|see (?:you|ya)"
    r"|have (?:a|an) (?:nice|good|great|lovely|wonderful|awesome) (?:day|night|evening|afternoon|weekend|one|time)"
    r"|enjoy (?:the|your) (?:movie|film|show|day|evening|night|weekend)s?)\b",
    re.IGNORECASE,
)
_HOW_ARE_YOU = re.compile(r"\bhow(?: are|'re|s|'s| is) (?:you|it|your|things|everything)\b", re.IGNORECASE)
_WORD = re.compile(r"\w+")
_EXPLAINS = 5
"""A reply of at least this many words counts as telling something about a film."""
_PATIENCE = 2
"""The seeker leaves after this many turns in a row with neither a new film nor a question."""
_CURIOUS = 0.5
"""Probability that the seeker asks about an unknown film that may suit it; otherwise it declines the film."""
_TOLD_BY = {act: act for act in (Act.TASTES, Act.OPEN, Act.DISLIKES, Act.PEOPLE)} | {
    Act.DECLINE_TASTES: Act.TASTES,
    Act.REJECT_GENRE: Act.DISLIKES,
}
"""What an act tells about the seeker; a reason for declining a film is a taste, too."""
_YES = {Act.ACCEPT, Act.ACCEPT_AGAIN}
_NO = {Act.REJECT, Act.REJECT_GENRE, Act.DECLINE, Act.DECLINE_TASTES, Act.DECLINE_TOLD}
_TELLS = {*_NO, Act.SEEN, Act.REPEATED}
"""Acts after which the seeker tells one more thing about itself."""


@dataclass(frozen=True, slots=True)
class Move:
    """How a seeker reacts to a turn.

    Attributes:
        act: the main act.
        emotion: how it feels about it, one of ``envs.emotions.NINE``.
        before, about: further acts: a greeting or a mood before the main act, a taste after it.
        film: the film that it speaks of, which was named before; None for none.
        genre: the genre that the film is turned down for, empty for none.
        tastes, dislikes: the genres that it may speak of.
        people: the people that it may speak of.
        mood: its mood in one word, None where it is not known.
        accepted: the film that it will watch, None for none.
        rejected: films that it turned down.
        asked: the film that it wants to hear more about, None for none.
        ended: it ends the conversation.
    """

    act: Act
    emotion: str
    before: tuple[Act, ...] = ()
    about: tuple[Act, ...] = ()
    film: int | None = None
    genre: str = ""
    tastes: tuple[str, ...] = ()
    dislikes: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    mood: str | None = None
    accepted: int | None = None
    rejected: tuple[int, ...] = ()
    asked: int | None = None
    ended: bool = False

    @property
    def acts(self) -> tuple[Act, ...]:
        """All that it says, in order."""
        return (*self.before, self.act, *self.about)

    def said(self, text: str) -> SeekerTurn:
        """The seeker's turn once it is put into words."""
        return SeekerTurn(
            text,
            ended=self.ended,
            accepted=self.accepted,
            rejected=self.rejected,
            asked=self.asked,
            act=self.act,
            told=tuple(_TOLD_BY[act] for act in self.acts if act in _TOLD_BY),
            emotion=self.emotion,
        )


class SeekerAgenda:
    """Decides by a dialogue's questionnaire, its human seeker's words and the catalogue's genres.

    When it is asked, or turns a film down, it tells its mood and tastes, then its dislikes, then people whose films it
    likes. It accepts a film that it likes. It turns a film down if it dislikes the film, refuses one of its genres, or
    shares none of its genres, and says this reason. It may ask about any other film, and declines it after the answer.
    It leaves after two turns in a row with neither a new film nor a question, and answers a goodbye with thanks.
    """

    def __init__(self, catalog: Catalog) -> None:
        """Decide about the films of this catalogue."""
        self._catalog = catalog
        self._attributes: dict[int, tuple[Dialogue, Attributes]] = {}

    def move(self, state: ConversationState) -> Move:
        """React to the reply of ``state.turns[-1]``; all randomness comes from ``state.rng``."""
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

    def _judge(self, state: ConversationState, films: Sequence[int]) -> Move:
        """One answer to the new films of a reply: it accepts the first that it likes, else judges the first."""
        verdicts = [self._verdict(state, film) for film in films]
        rejected = tuple(film for film, act in zip(films, verdicts, strict=True) if act in _NO)
        liked = [(film, act) for film, act in zip(films, verdicts, strict=True) if act in _YES]
        if liked:
            film, act = liked[0]
            return self._move(state, act, film=film, accepted=film, rejected=rejected, ended=True)
        film, act = films[0], verdicts[0]
        asked = film if act is Act.ASK else None
        return self._about(state, act, film, rejected=rejected, asked=asked)

    def _verdict(self, state: ConversationState, film: int) -> Act:
        """What it thinks of a film that nobody had named."""
        profile, genres = state.dialogue.profile, self._genres(film)
        likes = self.attributes(state.dialogue)
        if film in profile.liked:
            return Act.ACCEPT_AGAIN if film in profile.seen else Act.ACCEPT
        if film in profile.disliked:
            return Act.REJECT
        if film in profile.seen:
            return Act.SEEN
        if any(genre in likes.dislikes for genre in genres):
            return Act.REJECT_GENRE
        if genres and likes.genres and not set(genres) & set(likes.genres):
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
        likes = self.attributes(state.dialogue)
        genre = "" if film is None else next((genre for genre in self._genres(film) if genre in likes.dislikes), "")
        untold = (other for other in self._untold(state) if other is not _TOLD_BY.get(act))
        about = tuple(islice(untold, 1)) if act in _TELLS else ()
        return self._move(state, act, about=about, film=film, genre=genre, rejected=rejected, asked=asked, ended=ended)

    def _about_itself(self, state: ConversationState) -> Move:
        """Tell mood and tastes, then dislikes, people, and tastes again; without a question, ask for a film."""
        reply, untold = state.turns[-1].reply.text, self._untold(state)
        before = [Act.SMALL_TALK] if _HOW_ARE_YOU.search(reply) else []
        if len(state.rendered) == 1:  # the recommender opened
            before.insert(0, Act.GREET)
        if untold[:1] in ((Act.TASTES,), (Act.OPEN,)):
            before += [Act.MOOD] if state.dialogue.mood else []
            return self._move(state, untold[0], before=tuple(before))
        if "?" not in reply:
            return self._move(state, Act.NUDGE, before=tuple(before))
        again = Act.TASTES if self.attributes(state.dialogue).genres else Act.OPEN
        return self._move(state, untold[0] if untold else again, before=tuple(before))

    def _untold(self, state: ConversationState) -> tuple[Act, ...]:
        """What it may still tell about itself, in order."""
        likes = self.attributes(state.dialogue)
        known = (
            Act.TASTES if likes.genres else Act.OPEN,
            *((Act.DISLIKES,) if likes.dislikes else ()),
            *((Act.PEOPLE,) if likes.people else ()),
        )
        told = {act for turn in state.turns[:-1] if turn.answer is not None for act in turn.answer.told}
        return tuple(act for act in known if act not in told)

    def _move(self, state: ConversationState, act: Act, **fields: Any) -> Move:
        likes = self.attributes(state.dialogue)
        return Move(
            act=act,
            emotion=self._feeling(state, act),
            tastes=likes.genres[:2],
            dislikes=likes.dislikes[:1],
            people=likes.people[:2],
            mood=state.dialogue.mood,
            **fields,
        )

    def _feeling(self, state: ConversationState, act: Act) -> str:
        emotions = EMOTIONS[act]
        return emotions[int(state.rng.integers(len(emotions)))]

    def attributes(self, dialogue: Dialogue) -> Attributes:
        """What the dialogue's seeker likes; cached for each dialogue."""
        known = self._attributes.get(id(dialogue))
        if known is None or known[0] is not dialogue:
            known = self._attributes[id(dialogue)] = (dialogue, Attributes.of(dialogue, self._catalog))
        return known[1]

    def _genres(self, film: int) -> tuple[str, ...]:
        return tuple(map(genre_name, self._catalog[film].genres)) if film in self._catalog else ()


def _asked_before(state: ConversationState) -> int | None:
    answer = state.turns[-2].answer if len(state.turns) > 1 else None
    return None if answer is None else answer.asked


def _idle_turns(state: ConversationState) -> int:
    """How many turns in a row, up to the last, had neither a new film nor a question; greetings do not count."""
    opened = 0 if state.opening.history else 1
    return sum(1 for _ in takewhile(_idle, reversed(state.turns[opened:])))


def _idle(turn: Turn) -> bool:
    return not turn.fresh and "?" not in turn.reply.text
