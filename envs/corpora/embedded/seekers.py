"""The seekers of the embedded corpus: a mood, tastes, films they know, and how they answer a recommender."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from envs.corpora.embedded.films import GENRES, SampleFilmChooser
from envs.corpora.embedded.language import Draft, phrasebook
from envs.corpora.embedded.recommenders import Suggestion, TurnQuality
from envs.dialogue import Answer

LOW_MOODS = ("sad", "stressed", "lonely", "tired", "bored", "anxious")
HIGH_MOODS = ("happy", "excited", "relaxed", "nostalgic", "hopeful", "curious")


@dataclass
class SeekerCharacter:
    """Who seeks.

    Attributes:
        mood: one of the moods above, or None.
        tastes: one or two genres.
        dislikes: up to two genres.
        liked: ids of films that the seeker knows and likes, the most informative first.
        disliked: the id of a film that the seeker knows and does not like, or None.
        casual: writes in lower case, without the last full stop.
    """

    mood: str | None
    tastes: tuple[str, ...]
    dislikes: tuple[str, ...]
    liked: tuple[int, ...]
    disliked: int | None
    casual: bool

    @classmethod
    def draw(cls, rng: Random, films: SampleFilmChooser) -> SeekerCharacter:
        """Draw a seeker whose liked films resemble each other."""
        mood = rng.choice(LOW_MOODS + HIGH_MOODS) if rng.random() < 0.88 else None
        tastes = (films.genre(rng),)
        if rng.random() < 0.6:
            tastes += (films.genre(rng, beside=tastes[0], without=tastes),)
        dislikes: tuple[str, ...] = ()
        while rng.random() < 0.55 and len(dislikes) < 2:
            dislikes += (films.genre(rng, without=tastes + dislikes),)
        liked: list[int] = []
        while len(liked) < 2:
            film = films.choose(rng, wanted=tastes, avoided=dislikes, anchors=liked, used=liked)
            if film is None:
                break
            liked.append(film)
        disliked = films.choose(rng, wanted=dislikes, avoided=tastes, used=liked)
        return cls(mood, tastes, dislikes, tuple(liked), disliked, rng.random() < 0.3)

    @property
    def mood_section(self) -> str:
        """The recommender's section that answers this mood."""
        return "plain" if self.mood is None else "low" if self.mood in LOW_MOODS else "high"

    def fits(self, genres: tuple[str, ...]) -> bool:
        """Whether a film of these genres is what the seeker asked for."""
        return bool(set(genres) & set(self.tastes)) and not set(genres) & set(self.dislikes)


@dataclass(slots=True)
class Reaction:
    """What the seeker's answer means for the rest of the dialogue.

    Attributes:
        section: the recommender's section that answers it: ``yes``, ``no`` or ``seen``.
        seen, liked: what the seeker's questionnaire will say of the film.
        accepted: the seeker is going to watch it.
        asks: the seeker asked what the film is about.
    """

    section: str
    seen: Answer
    liked: Answer
    accepted: bool = False
    asks: bool = False


@dataclass
class SeekerVoice:
    """Composes a seeker's turns, and remembers which liked films were already named."""

    rng: Random
    seeker: SeekerCharacter
    films: SampleFilmChooser
    told: list[int] = field(default_factory=list)
    spoken: set[str] = field(default_factory=set)

    def _begin(self, **fields: str) -> Draft:
        tastes = [GENRES[genre].plural for genre in self.seeker.tastes]
        fields |= {"taste": tastes[0]}
        if len(tastes) > 1:
            fields["taste2"] = tastes[1]
        if self.seeker.mood is not None:
            fields["mood"] = self.seeker.mood
        if self.seeker.dislikes:
            fields["dislike"] = GENRES[self.seeker.dislikes[0]].plural
        return Draft(phrasebook("seeker"), self.rng, fields, self.spoken)

    def _tell_liked(self, draft: Draft, section: str) -> None:
        """Name a liked film that was not named yet (two for ``liked.two``), if there is one."""
        left = [film for film in self.seeker.liked if film not in self.told]
        named = left[: 2 if section == "liked.two" else 1]
        if not named:
            return
        if section == "liked.two" and len(named) < 2:
            section = "liked"
        draft.fields |= {"liked": f"@{named[0]}", "liked2": f"@{named[-1]}"}
        draft.say(section)
        self.told += named

    def open(self, answering: bool) -> Draft:
        """The seeker's first turn; ``answering`` when the recommender spoke first."""
        draft = self._begin()
        if draft.chance(0.4 if answering else 0.7):
            draft.say("greet")
        if self.seeker.mood is not None:
            draft.say("mood")
            if draft.chance(0.35):
                draft.say(f"cause.{self.seeker.mood}")
        draft.say("want.two" if len(self.seeker.tastes) > 1 else "want")
        if draft.chance(0.55):
            self._tell_liked(draft, "liked.two" if draft.chance(0.25) else "liked")
        if self.seeker.dislikes and draft.chance(0.4):
            draft.say("dislike")
        elif self.seeker.disliked is not None and draft.chance(0.12):
            draft.fields["disliked"] = f"@{self.seeker.disliked}"
            draft.say("disliked")
        return draft

    def answer(self, question: str | None) -> Draft:
        """Answer a turn without a film."""
        draft = self._begin()
        self._answer(draft, question)
        if not draft.clauses:
            draft.say("fine")
        if question != "film" and draft.chance(0.45):
            self._tell_liked(draft, "liked")
        return draft

    def _answer(self, draft: Draft, question: str | None) -> None:
        if question == "film":
            self._tell_liked(draft, "answer.film")
        elif question in ("genre", "company", "era"):
            draft.say(f"answer.{question}")

    def react(self, turn: Suggestion, may_ask: bool) -> tuple[Draft, Reaction]:
        """Answer a suggestion: the words depend on the film and on the suggestion's qualities.

        Args:
            turn: the recommender's turn.
            may_ask: whether the seeker may ask what the film is about before saying yes or no.
        """
        film = self.films[turn.films[0]]
        draft = self._begin()
        right = self.seeker.fits(film.genres)
        glad = draft.chance(0.08 + 0.84 * turn.quality.overall)
        seen = draft.chance(0.08 + 0.05 * film.fame)
        self._comment(draft, turn.quality)
        if may_ask and right and not seen and draft.chance(0.15 if turn.quality.informativeness else 0.4):
            draft.say("about")
            return draft, Reaction("plain", Answer.UNSAID, Answer.UNSAID, asks=True)
        reaction = self._judge(draft, film.genres, right, seen, glad, turn.question)
        if reaction.section != "yes" or turn.question in ("company", "era"):
            self._answer(draft, turn.question)
        return draft, reaction

    def _judge(
        self, draft: Draft, genres: tuple[str, ...], right: bool, seen: bool, glad: bool, question: str | None
    ) -> Reaction:
        """Say yes or no to a film."""
        level = "high" if glad else "flat"
        if right and seen:
            draft.say(f"seen.{level}")
            return Reaction("seen", Answer.YES, Answer.YES)
        if right:
            if question == "seen" and draft.chance(0.7):
                draft.say("answer.seen")
            liked_genres = [genre for genre in genres if genre in self.seeker.tastes]
            draft.fields["good"] = GENRES[liked_genres[0]].plural
            draft.say(f"yes.{level}")
            return Reaction("yes", Answer.NO, Answer.YES if glad or draft.chance(0.5) else Answer.UNSAID, accepted=True)
        bad = [genre for genre in genres if genre in self.seeker.dislikes]
        if seen and draft.chance(0.5):
            draft.say("seen.no")
            return Reaction("no", Answer.YES, Answer.NO)
        if bad:
            draft.fields["bad"] = GENRES[bad[0]].plural
            draft.say("no.dislike")
            return Reaction("no", Answer.NO, Answer.NO)
        if glad and draft.chance(0.25):
            draft.say("yes.flat")
            return Reaction("yes", Answer.NO, Answer.UNSAID, accepted=True)
        draft.say("no.off")
        return Reaction("no", Answer.NO, Answer.NO)

    def _comment(self, draft: Draft, quality: TurnQuality) -> None:
        """Sometimes comment on the tone or the facts of the recommender's turn."""
        drawn = self.rng.random()
        if drawn < 0.14 and quality.warmth is not None:
            low = self.seeker.mood in LOW_MOODS and draft.chance(0.6)
            draft.say("cold" if not quality.warmth else "warm.low" if low else "warm")
        elif 0.14 <= drawn < 0.24 and quality.informativeness is not None:
            draft.say("told" if quality.informativeness else "untold")

    def thank(self, draft: Draft, glad: bool) -> None:
        """End the conversation."""
        draft.say(f"thanks.{'high' if glad else 'flat'}")
        if draft.chance(0.5):
            draft.say("bye")
