"""The state of one conversation: what was said, by whom, and what each side knows of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from envs.catalog import Catalog
from envs.dialogue import Dialogue, Role, Utterance, mentioned_films
from envs.film_text.markup import SEEKER, plain
from envs.film_text.spoken_titles import speaks_of
from envs.rewards import CONVERSATION_PARTS
from envs.turns.observations import described, marked, prompt
from envs.turns.replies import Reply


@dataclass(frozen=True, slots=True)
class Opening:
    """How a seeker starts a conversation.

    Attributes:
        history: human turns before the first free recommender turn, films as ``@id``; empty when the recommender opens.
        reference: what the human recommender said in that turn, films as ``@id``; None if the seeker does not use it.
        position: the index of that turn in the dialogue's ``utterances``.
    """

    history: tuple[Utterance, ...]
    reference: str | None = None
    position: int = 0


@dataclass(frozen=True, slots=True)
class SeekerTurn:
    """What a seeker answers.

    Attributes:
        text: its line, films as ``@id`` (the environment renders them); empty when the corpus has no answer.
        ended: the conversation ends with this line.
        accepted: the film that it will watch, None for none.
        rejected: films that it turned down.
        asked: the film that it wants to hear more about, None for none.
        incoherent: the replayed line answers a film that nobody named in this conversation.
        act: what it did, one of ``envs.seekers.lines.Act``; empty for a replayed line.
        told: what it told about itself, as acts.
        emotion: how it feels, one of ``envs.emotions.NINE``; empty for a replayed line.
        failure: why it could not answer, in words; empty if it did. The effect of the reply is then unknown.
    """

    text: str
    ended: bool = False
    accepted: int | None = None
    rejected: tuple[int, ...] = ()
    asked: int | None = None
    incoherent: bool = False
    act: str = ""
    told: tuple[str, ...] = ()
    emotion: str = ""
    failure: str = ""


@dataclass(frozen=True, slots=True)
class TurnOutcome:
    """What the environment made of one reply.

    Attributes:
        reply: the cleaned reply, films as titles.
        context: the turns before it, films as titles.
        films: the films that it names, in order.
        heads: the reward model's scores in [0, 1], by head; empty without a reward model.
        parts: what each head pays and ``envs.rewards.RULES``, by name; a control's own in place of the heads.
        accepted: the film that the seeker accepts with its answer, None for none.
        failure: why the seeker could not answer; empty if it did. On a failure it is unknown whether it accepts.
        cut: the reply stopped at its limit, before its end.
        stripped: how many markers, film ids and titles outside slots were removed.
        empty_slots: slots without a proposed film, left out.
        incoherent: the seeker's replayed answer is about a film that nobody named in this conversation.
        reference: what the human recommender said in this turn, films as titles; None except for the first free turn
            of a replay.
        proposal: the films that were proposed for this reply.
        emotions: the emotions that it was to carry, by name.
    """

    reply: str
    context: tuple[Utterance, ...]
    films: tuple[int, ...]
    heads: dict[str, float]
    parts: dict[str, float]
    accepted: int | None
    failure: str
    cut: bool
    stripped: int
    empty_slots: int
    incoherent: bool
    reference: str | None
    proposal: tuple[int, ...]
    emotions: tuple[str, ...]

    @property
    def reward(self) -> float:
        """The sum of the parts."""
        return sum(self.parts.values())

    @property
    def conversation_pay(self) -> float:
        """The sum of ``envs.rewards.CONVERSATION_PARTS``: what is paid for the conversation and not for the reply."""
        return sum(self.parts[name] for name in CONVERSATION_PARTS)


@dataclass(slots=True)
class Turn:
    """One free turn: the reply, those of its films that nobody had named before, and the seeker's answer."""

    reply: Reply
    fresh: tuple[int, ...]
    answer: SeekerTurn | None = None


@dataclass(slots=True)
class ConversationState:
    """One conversation under way.

    Attributes:
        episode: (stream, index).
        dialogue: the human dialogue it starts from.
        dialogue_index: its index among the environment's dialogues.
        rng: the only source of randomness in this conversation.
        opening: how it started, with the whole human history.
        catalog: names of films.
        max_characters: an utterance is shown up to this length.
        utterances: the turns so far, films as ``@id``: all that the recommender sees.
        rendered: the same turns with films as titles and no markers: what critic and reports read.
        named: every film named so far, and who named it first.
        shown: how many human turns the first observation showed.
        turns: the free turns.
        proposal: the films proposed for the next reply.
        emotions: the emotions that the next reply should carry, by name.
        terminated, truncated: how it ended; both False while it runs.
    """

    episode: tuple[int, int]
    dialogue: Dialogue
    dialogue_index: int
    rng: np.random.Generator
    opening: Opening
    catalog: Catalog
    max_characters: int
    utterances: list[Utterance] = field(default_factory=list)
    rendered: list[Utterance] = field(default_factory=list)
    named: dict[int, Role] = field(default_factory=dict)
    shown: int = 0
    turns: list[Turn] = field(default_factory=list)
    proposal: tuple[int, ...] = ()
    emotions: tuple[str, ...] = ()
    terminated: bool = False
    truncated: bool = False

    @property
    def over(self) -> bool:
        """Whether it has ended, either way."""
        return self.terminated or self.truncated

    @property
    def history(self) -> list[Utterance]:
        """The rendered human turns that the first observation showed."""
        return self.rendered[: self.shown]

    def show_history(self, longest: int) -> None:
        """Begin with the last ``longest`` turns of the opening's history."""
        for utterance in self.opening.history:
            self._name(self._films_in(utterance.text), utterance.role)
        shown = self.opening.history[max(0, len(self.opening.history) - longest) :]
        for utterance in shown:
            self._say(utterance)
        self.shown = len(shown)

    def add_reply(self, reply: Reply) -> None:
        """The recommender's turn."""
        self.turns.append(Turn(reply, tuple(film for film in reply.films if film not in self.named)))
        self._name(reply.films, Role.RECOMMENDER)
        self.utterances.append(Utterance(Role.RECOMMENDER, reply.mentions))
        self.rendered.append(Utterance(Role.RECOMMENDER, reply.text))

    def add_answer(self, answer: SeekerTurn) -> None:
        """The seeker's turn; an answer without text leaves no utterance."""
        self.turns[-1].answer = answer
        self._name(self._films_in(answer.text), Role.SEEKER)
        if answer.text:
            self._say(Utterance(Role.SEEKER, answer.text))

    def replies(self) -> list[str]:
        """What the recommender has said so far, films as titles."""
        return [utterance.text for utterance in self.rendered if utterance.role is Role.RECOMMENDER]

    def render(self, text: str) -> str:
        """Text as a model reads it: films as titles, no markers, at most ``max_characters``."""
        return plain(self.catalog.render(text))[: self.max_characters]

    def observation(self) -> str:
        """The text that the recommender answers: history or last answer, emotions, proposal, its own marker.

        A terminated conversation shows the seeker's last line alone.
        """
        if not self.turns:
            said = marked(self.rendered)
        else:
            answer = self.turns[-1].answer
            said = marked(self.rendered[-1:]) if answer is not None and answer.text else SEEKER
        return said if self.terminated else said + prompt(self.emotions, self.proposal, self.catalog)

    def transcript(self) -> str:
        """The conversation for a human reader, one line a turn, the proposal last."""
        lines = [f"{utterance.role.value}: {utterance.text}" for utterance in self.rendered]
        return "\n".join([*lines, f"[{described(self.proposal, self.catalog)}]"])

    def _say(self, utterance: Utterance) -> None:
        self.utterances.append(utterance)
        self.rendered.append(Utterance(utterance.role, self.render(utterance.text), utterance.first_message))

    def _films_in(self, text: str) -> list[int]:
        """The films that a text names as ``@id`` or by title; people write both."""
        shown = self.catalog.render(text)
        liked = (film for film in sorted(self.dialogue.profile.liked) if film in self.catalog)
        told = [film for film in liked if speaks_of(shown, self.catalog[film].title)]
        return [*mentioned_films(text), *self.catalog.find(shown), *told]

    def _name(self, films: Sequence[int], role: Role) -> None:
        for film_id in films:
            self.named.setdefault(film_id, role)
