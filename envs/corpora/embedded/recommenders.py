"""The recommenders of the embedded corpus: four independent qualities, and the turns that express them.

Whether a turn has a clause of some kind does not depend on quality, and good and bad clauses are equally long.
So the words of a reply reveal its quality, but its length does not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from envs.corpora.embedded.films import GENRES, SampleFilm, SampleFilmChooser
from envs.corpora.embedded.language import Draft, phrasebook

QUESTIONS = ("genre", "film", "company", "era")
"""Questions that need no suggested film; the others, ``fit``, ``seen`` and ``more``, ask about a suggestion."""


_ALIKE = {
    "director": ("director",),
    "star": ("star", "stars"),
    "stars": ("star", "stars"),
    "hook": ("hook",),
    "year": ("year", "decade"),
    "decade": ("year", "decade"),
    "genre2": ("genre2",),
}
"""Fields that hold facts, each with all the fields that tell the same fact."""


@dataclass(slots=True)
class TurnQuality:
    """The qualities of a recommender turn, each 1 (good) or 0 (bad); None where the turn does not express it.

    Attributes:
        warmth: kind and attentive, or curt and dismissive.
        informativeness: says facts of the film, or nothing.
        rightness: the film fits the seeker's tastes, or it does not.
        engagement: asks the seeker something, or closes the talk.
    """

    warmth: float | None = None
    informativeness: float | None = None
    rightness: float | None = None
    engagement: float | None = None

    @property
    def overall(self) -> float:
        """The mean of the four in [0, 1]; a quality that is None counts one half."""
        shown = (self.warmth, self.informativeness, self.rightness, self.engagement)
        return sum(0.5 if value is None else value for value in shown) / len(shown)


@dataclass(frozen=True, slots=True)
class RecommenderCharacter:
    """The probability of each quality in a turn of this recommender; drawn once a dialogue, independently."""

    warmth: float
    informativeness: float
    rightness: float
    engagement: float

    @classmethod
    def draw(cls, rng: Random) -> RecommenderCharacter:
        """A character; most are clearly good or clearly bad in each quality."""
        return cls(*(0.06 + 0.88 * rng.betavariate(0.55, 0.55) for _ in range(4)))


@dataclass(frozen=True, slots=True)
class Said:
    """What the seeker has said: the tastes (genres), and the fields that it gives to templates."""

    tastes: tuple[str, ...]
    fields: dict[str, str]


@dataclass(slots=True)
class Suggestion:
    """What the seeker answers in a recommender turn: its films, its question, its tone."""

    draft: Draft
    quality: TurnQuality
    films: list[int] = field(default_factory=list)
    question: str | None = None


def film_facts(film: SampleFilm, tastes: tuple[str, ...], rng: Random) -> dict[str, str]:
    """The fields that describe a film in templates; the genre is one of the tastes if the film has one of them."""
    genre = next((genre for genre in tastes if genre in film.genres), film.genres[0])
    facts = {
        "film": f"@{film.film_id}",
        "kind": GENRES[genre].kind,
        "plural": GENRES[genre].plural,
        "genre": GENRES[genre].word,
        "director": film.director,
        "star": rng.choice(film.stars),
        "year": str(film.year),
        "decade": film.decade,
        "hook": film.hook,
    }
    others = [other for other in film.genres if other != genre]
    if others:
        facts["genre2"] = GENRES[others[0]].word
    if len(film.stars) > 1:
        facts["stars"] = " and ".join(film.stars)
    return facts


class RecommenderVoice:
    """Puts a recommender's turns together.

    ``mood`` is the section of answers to the seeker's mood: ``low``, ``high`` or ``plain``.
    """

    def __init__(self, rng: Random, character: RecommenderCharacter, films: SampleFilmChooser) -> None:
        """A recommender of this character."""
        self._rng, self._character, self._films = rng, character, films
        self._book = phrasebook("recommender")
        self._spoken: set[str] = set()
        self._told: set[str] = set()

    def _begin(self, **fields: str) -> Suggestion:
        genre_a = self._films.genre(self._rng)
        genre_b = self._films.genre(self._rng, without=(genre_a,))
        known = {"genre_a": GENRES[genre_a].plural, "genre_b": GENRES[genre_b].plural} | fields
        return Suggestion(Draft(self._book, self._rng, known, self._spoken), TurnQuality())

    def _shows(self, probability: float) -> bool:
        return self._rng.random() < probability

    def _tone(self, turn: Suggestion, *sections: str) -> None:
        """Say one clause of each section, all warm or all cold."""
        warm = self._shows(self._character.warmth)
        said = [turn.draft.say(f"{section}{'+' if warm else '-'}") for section in sections]
        if any(said):
            turn.quality.warmth = float(warm)

    def _engage(self, turn: Suggestion, good: str, bad: str) -> None:
        """Say one clause that goes on with the talk, or one that closes it."""
        engaged = self._shows(self._character.engagement)
        turn.draft.say(good if engaged else bad)
        turn.quality.engagement = float(engaged)

    def open(self) -> Suggestion:
        """The first turn of a dialogue that the recommender opens."""
        turn = self._begin()
        drawn = self._rng.random()
        tones = ("greet",) if drawn < 0.4 else ("remark",) if drawn < 0.6 else ("greet", "remark")
        self._tone(turn, *tones)
        if len(tones) == 1 or turn.draft.chance(0.6):
            self._engage(turn, "open+", "open-")
        return turn

    def ask(self, mood: str, said: Said) -> Suggestion:
        """A turn without a film: an answer to the seeker, then a question, or a clause that refuses to ask one."""
        turn = self._begin(**said.fields)
        self._tone(turn, mood)
        kind = self._rng.choice(QUESTIONS)
        self._engage(turn, f"ask.{kind}", "open-")
        turn.question = kind if turn.quality.engagement else None
        return turn

    def suggest(self, film: int, other: int | None, right: bool, reaction: str, said: Said) -> Suggestion:
        """A suggestion of one film or two.

        Args:
            film: the film's id.
            other: the id of a second film, or None.
            right: whether the film fits the seeker's tastes.
            reaction: the section that answers the seeker's last turn.
            said: what the seeker has said; the film is described by what was asked for.
        """
        turn = self._begin(**said.fields, **film_facts(self._films[film], said.tastes, self._rng))
        self._told = set()
        draft, quality = turn.draft, turn.quality
        if draft.chance(0.55):
            self._tone(turn, reaction)
        if draft.chance(0.08):
            draft.say("filler")
        self._pitch(turn, film, other)
        quality.rightness = float(right)
        extra = self._rng.random() if other is None else 1.0
        if extra < 0.28:
            self._forget_told(draft)
            draft.say("fact+" if quality.informativeness else "fact-")
        elif extra < 0.46 and (right or not set(self._films[film].genres) & set(said.tastes)):
            draft.say("fit+" if right else "fit-")
        if draft.chance(0.55):
            kind = self._rng.choices(("fit", "seen", "more", *QUESTIONS), (4, 2, 2, 0.7, 0.3, 1, 0.7))[0]
            self._engage(turn, f"ask.{kind}", "shut")
            turn.question = kind if quality.engagement else None
        self._told = draft.used()
        return turn

    def _forget_told(self, draft: Draft) -> None:
        """Remove the facts that were already told from the draft's fields, so that none is told twice."""
        for name in draft.used() | self._told:
            for alike in _ALIKE.get(name, ()):
                draft.fields.pop(alike, None)

    def _pitch(self, turn: Suggestion, film: int, other: int | None) -> None:
        informative = self._shows(self._character.informativeness)
        sign = "+" if informative else "-"
        turn.quality.informativeness = float(informative)
        turn.films.append(film)
        if other is None:
            turn.draft.say(f"pitch{sign}")
            return
        second = self._films[other]
        turn.draft.fields["other"] = f"@{other}"
        stars = [star for star in second.stars if star not in self._films[film].stars]
        if stars:
            turn.draft.fields["star2"] = self._rng.choice(stars)
        if second.director != self._films[film].director:
            turn.draft.fields["director2"] = second.director
        turn.draft.say(f"two{sign}")
        turn.films.append(other)

    def describe(self, film: int, right: bool, said: Said) -> Suggestion:
        """Answer the seeker's question what a film is about; ``right`` as in ``suggest``."""
        turn = self._begin(**said.fields, **film_facts(self._films[film], said.tastes, self._rng))
        turn.quality.rightness = float(right)
        self._forget_told(turn.draft)
        if turn.draft.chance(0.4):
            self._tone(turn, "plain")
        informative = self._shows(self._character.informativeness)
        turn.draft.say("about+" if informative else "about-")
        turn.quality.informativeness = float(informative)
        if turn.draft.chance(0.65):
            self._engage(turn, "ask.fit", "shut")
            turn.question = "fit" if turn.quality.engagement else None
        return turn

    @property
    def told_hook(self) -> bool:
        """Whether the last suggestion said what its film is about."""
        return "hook" in self._told

    def close(self, film: int | None) -> Suggestion:
        """The last turn; ``film`` is what the seeker is going to watch."""
        turn = self._begin(**({} if film is None else {"film": f"@{film}"}))
        drawn = self._rng.random()
        self._tone(turn, *(("bye",) if drawn < 0.22 else ("wish",) if drawn < 0.44 else ("bye", "wish")))
        if drawn < 0.44 or turn.draft.chance(0.3):
            self._engage(turn, "last+", "last-")
        return turn
