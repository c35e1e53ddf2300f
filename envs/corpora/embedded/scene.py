"""One dialogue of the embedded corpus: a seeker and a recommender talk, and both fill in their forms."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from envs.corpora.embedded.films import GENRES, SampleFilmChooser
from envs.corpora.embedded.language import Draft
from envs.corpora.embedded.recommenders import RecommenderCharacter, RecommenderVoice, Said, Suggestion, TurnQuality
from envs.corpora.embedded.seekers import Reaction, SeekerCharacter, SeekerVoice
from envs.dialogue import Answer, Dialogue, Feedback, Message, Role, mentioned_films
from envs.errors import DataError

MIN_MESSAGES, MAX_MESSAGES = 6, 12
"""The fewest and the most messages of a dialogue."""


@dataclass(frozen=True, slots=True)
class GeneratedTurn:
    """A recommender turn, with the templates and qualities that made it.

    Attributes:
        text: the turn, with ``@id`` mentions.
        template: the keys of its clause templates, in order.
        quality: the qualities that it expresses.
    """

    text: str
    template: tuple[str, ...]
    quality: TurnQuality


@dataclass(frozen=True, slots=True)
class GeneratedDialogue:
    """A dialogue and its generated recommender turns, in order, one for each recommender utterance."""

    dialogue: Dialogue
    turns: tuple[GeneratedTurn, ...]


class Scene:
    """One dialogue while it is generated."""

    def __init__(self, rng: Random, films: SampleFilmChooser) -> None:
        """Draw the two speakers."""
        self._rng, self._films = rng, films
        self._seeker = SeekerCharacter.draw(rng, films)
        self._character = RecommenderCharacter.draw(rng)
        self._seeker_voice = SeekerVoice(rng, self._seeker, films)
        self._recommender = RecommenderVoice(rng, self._character, films)
        self._lines: list[tuple[Role, list[str]]] = []
        self._turns: list[GeneratedTurn] = []
        self._form: dict[int, Feedback] = {}
        self._accepted: int | None = None

    def play(self, index: int) -> GeneratedDialogue:
        """Play the dialogue from its opening to its end; ``index`` counts from 0."""
        opened = self._rng.random() < 0.6
        if opened:
            self._recommend(self._recommender.open())
        self._seek(self._seeker_voice.open(opened))
        reaction = self._seeker.mood_section
        if self._rng.random() < 0.25:
            asked = self._recommender.ask(reaction, self._said())
            self._recommend(asked)
            self._seek(self._seeker_voice.answer(asked.question))
            reaction = "plain"
        self._rounds(reaction)
        if len(self._lines) < MIN_MESSAGES or self._rng.random() < 0.85:
            self._recommend(self._recommender.close(self._accepted))
        return GeneratedDialogue(self._dialogue(index), tuple(self._turns))

    def _recommend(self, turn: Suggestion) -> None:
        draft = turn.draft
        self._lines.append((Role.RECOMMENDER, draft.clauses))
        self._turns.append(GeneratedTurn(draft.text, tuple(draft.template), turn.quality))

    def _seek(self, draft: Draft) -> None:
        clauses = draft.clauses
        if self._seeker.casual:
            clauses = [clause.lower() for clause in clauses]
            clauses[-1] = clauses[-1].removesuffix(".")
        self._lines.append((Role.SEEKER, clauses))

    def _rounds(self, reaction: str) -> None:
        """Suggestions and answers to them, until the seeker is content or the dialogue is long enough."""
        planned = self._rng.choice((2, 3, 3, 4))
        for number in range(1, planned + 1):
            turn, draft, answer = self._round(reaction)
            content = answer.accepted and number > 1 and self._rng.random() < 0.3
            if number == planned or content or len(self._lines) + 4 > MAX_MESSAGES:
                glad = answer.section != "no" and self._rng.random() < turn.quality.overall
                self._seeker_voice.thank(draft, glad)
                self._seek(draft)
                return
            if answer.section != "no" or self._rng.random() < 0.3:
                draft.say("more")
            self._seek(draft)
            reaction = answer.section

    def _round(self, reaction: str) -> tuple[Suggestion, Draft, Reaction]:
        """One suggestion, described on request; returns it with the seeker's answer, which is not yet said."""
        turn = self._suggest(reaction)
        may_ask = len(self._lines) + 4 <= MAX_MESSAGES and not self._recommender.told_hook
        draft, answer = self._seeker_voice.react(turn, may_ask=may_ask)
        if answer.asks:
            self._seek(draft)
            described = self._recommender.describe(
                turn.films[0], turn.quality.rightness == 1, self._said(turn.films[0])
            )
            described.films = turn.films
            self._recommend(described)
            draft, answer = self._seeker_voice.react(described, may_ask=False)
            turn = described
        for film in turn.films[1:]:
            self._form[film] = Feedback(True, Answer.NO, Answer.UNSAID)
        self._form[turn.films[0]] = Feedback(True, answer.seen, answer.liked)
        if answer.accepted:
            self._accepted = turn.films[0]
        return turn, draft, answer

    def _suggest(self, reaction: str) -> Suggestion:
        """Choose a film, right or wrong, and say the turn that suggests it."""
        film, right = self._film(self._rng.random() < self._character.rightness)
        other = None
        if self._rng.random() < 0.12:
            shared = self._taste(film) or self._films[film].genres[0]
            avoided = self._seeker.dislikes if right else ()
            other = self._films.choose(
                self._rng, wanted=(shared,), avoided=avoided, anchors=(film,), used={*self._known(), film}
            )
        turn = self._recommender.suggest(film, other, right, reaction, self._said(film))
        self._recommend(turn)
        return turn

    def _film(self, right: bool) -> tuple[int, bool]:
        """A film not named yet, and whether it fits; a right one resembles what the seeker likes."""
        seeker, rng, known = self._seeker, self._rng, self._known()
        if right:
            film = self._films.choose(
                rng, wanted=seeker.tastes, avoided=seeker.dislikes, anchors=seeker.liked, used=known
            )
            if film is not None:
                return film, True
        hated = seeker.dislikes if rng.random() < 0.5 else ()
        film = self._films.choose(rng, wanted=hated, avoided=() if hated else seeker.tastes, used=known)
        if film is None:
            raise DataError(f"no film is left that does not suit a seeker of {', '.join(seeker.tastes)}")
        return film, False

    def _known(self) -> set[int]:
        """The films that no turn should suggest: named, or known to the seeker."""
        disliked = () if self._seeker.disliked is None else (self._seeker.disliked,)
        return {*self._seeker.liked, *disliked, *self._form}

    def _taste(self, film: int) -> str | None:
        """The first of the seeker's tastes that is a genre of the film."""
        return next((genre for genre in self._seeker.tastes if genre in self._films[film].genres), None)

    def _said(self, film: int | None = None) -> Said:
        """What the recommender knows of the seeker; the taste is a genre of the film if the two share one."""
        tastes = self._seeker.tastes
        taste = (None if film is None else self._taste(film)) or tastes[0]
        fields = {"taste": GENRES[taste].plural, "taste_genre": GENRES[taste].word}
        if self._seeker.mood is not None:
            fields["mood"] = self._seeker.mood
        if self._seeker_voice.told:
            fields["liked"] = f"@{self._rng.choice(self._seeker_voice.told)}"
        return Said(tastes, fields)

    def _dialogue(self, index: int) -> Dialogue:
        messages = self._messages()
        named = dict.fromkeys(film for message in messages for film in mentioned_films(message.text))
        form = {film: self._form.get(film) or self._of_own(film) for film in named}
        return Dialogue(
            conversation_id=index + 1,
            index=index,
            messages=messages,
            titles={film: f"{self._films[film].title} ({self._films[film].year})" for film in named},
            seeker_form=form,
            recommender_form=self._misheard(form),
            provenance="sample",
            tastes=self._seeker.tastes,
            dislikes=self._seeker.dislikes,
            mood=self._seeker.mood,
        )

    def _messages(self) -> tuple[Message, ...]:
        """The lines as messages; now and then a speaker sends the last sentence on its own."""
        messages: list[Message] = []
        room = MAX_MESSAGES - len(self._lines)
        for role, clauses in self._lines:
            often = 0.12 if role is Role.SEEKER else 0.04
            if room and len(clauses) > 1 and self._rng.random() < often:
                room -= 1
                messages.append(Message(role, " ".join(clauses[:-1])))
                clauses = clauses[-1:]
            messages.append(Message(role, " ".join(clauses)))
        return tuple(messages)

    def _of_own(self, film: int) -> Feedback:
        """The questionnaire's answers about a film that the seeker brought up."""
        return Feedback(False, Answer.YES, Answer.NO if film == self._seeker.disliked else Answer.YES)

    def _misheard(self, form: dict[int, Feedback]) -> dict[int, Feedback]:
        """The recommender's form: the seeker's form with a few answers missing; sometimes empty."""
        if self._rng.random() < 0.1:
            return {}
        return {
            film: replace(answers, liked=Answer.UNSAID) if self._rng.random() < 0.06 else answers
            for film, answers in form.items()
        }
