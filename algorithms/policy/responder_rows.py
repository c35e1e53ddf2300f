"""What supervised training of the policy reads: conversations with emotions and films before each reply.

A row is one dialogue from one of its recommender turns on to its end, or as far as the model's positions go: the human
history before it, then observation and reply in turn, exactly the token stream that the environment makes of a
conversation. The loss is on replies. A proposal holds the films of the human reply, filled up by the recommender's top
films to as many as an environment proposes, so that the number of films tells nothing; a reply without films declines
what the recommender proposes, and one with more films than can be proposed is context without loss. The emotions are
those that the human reply carries: the policy learns to follow what the planner will ask for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from algorithms.policy.emotion_planner import TrainedEmotionPlanner
from algorithms.policy.text import ConversationText
from algorithms.settings import SupervisedSettings
from envs.catalog import Catalog
from envs.corpora.corpus import Corpus
from envs.dialogue import MENTION, Dialogue, Role, Utterance, mentioned_films
from envs.film_text.markup import SLOTS, plain
from envs.settings import EnvSettings
from envs.turns.observations import marked, prompt
from envs.turns.proposals import FilmRecommender

Place = tuple[int, int]
"""(dialogue, turn): 0-based places of a dialogue, and of a recommender turn among its utterances."""

_BEFORE_PUNCTUATION = re.compile(r"\s+([.,!?;:'])")


@dataclass(frozen=True, slots=True)
class Row:
    """One training row: tokens, which of them carry loss, and the weight of each; all (length,)."""

    tokens: np.ndarray
    loss: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True)
class Advice:
    """Who proposes films, and reads the emotions that a reply carries."""

    recommender: FilmRecommender
    planner: TrainedEmotionPlanner


class ResponderRows:
    """Draws training rows from dialogues; row ``(epoch, index)`` is a pure function of the seed."""

    def __init__(
        self,
        dialogues: Sequence[Dialogue],
        catalog: Catalog,
        advice: Advice | None,
        text: ConversationText,
        env: EnvSettings,
        seed: int,
        weights: Mapping[Place, float] | None = None,
    ) -> None:
        """Work out films and emotions of every recommender turn once.

        Args:
            dialogues: what rows are drawn from.
            catalog: their films.
            advice: who proposes films and reads emotions; None for a policy that is shown neither, and whose slots
                stand for the human's own films.
            text: the tokenizer.
            env: history and proposals, as the environment will show them.
            seed: of the draws.
            weights: of the replies' losses; 1 where a turn is not named.
        """
        self._dialogues, self._weights = dialogues, weights or {}
        self._catalog, self._text, self._env, self._seed = catalog, text, env, seed
        self._proposals: dict[Place, list[int]] = {}
        self._emotions: dict[Place, tuple[str, ...]] = {}
        if advice is not None:
            self._take(advice)

    def __len__(self) -> int:
        """Number of dialogues."""
        return len(self._dialogues)

    def row(self, epoch: int, index: int) -> Row:
        """The row of a dialogue in an epoch: its start varies with the epoch."""
        rng = np.random.default_rng([self._seed, epoch, index])
        turns = self._dialogues[index].utterances
        starts = [turn for turn, utterance in enumerate(turns) if utterance.role is Role.RECOMMENDER]
        if not starts:
            return _joined([], [], [])
        start = starts[0] if rng.random() < 0.5 else starts[int(rng.integers(len(starts)))]
        pieces: list[np.ndarray] = []
        loss: list[bool] = []
        weights: list[float] = []
        for turn in (turn for turn in starts if turn >= start):
            ending, slots = self._advised((index, turn))
            observation = self._observation(turns, turn, ending, first=turn == start)
            reply, usable = reply_with_slots(turns[turn].text, slots, self._catalog)
            action = self._text.action(reply)
            if sum(map(len, pieces)) + len(observation) + len(action) > self._text.settings.positions:
                break
            pieces += [observation, action]
            loss += [False, usable and len(action) <= self._text.settings.max_new]
            weights += [0.0, self._weights.get((index, turn), 1.0)]
        return _joined(pieces, loss, weights)

    def _take(self, advice: Advice) -> None:
        places = [
            (index, turn)
            for index, dialogue in enumerate(self._dialogues)
            for turn, utterance in enumerate(dialogue.utterances)
            if utterance.role is Role.RECOMMENDER
        ]
        contexts = [self._dialogues[index].utterances[:turn] for index, turn in places]
        replies = [self._dialogues[index].utterances[turn].text for index, turn in places]
        self._proposals = dict(zip(places, advice.recommender.propose(contexts, self._env.proposals), strict=True))
        self._emotions = dict(zip(places, advice.planner.carried(replies), strict=True))

    def _advised(self, place: Place) -> tuple[str, Sequence[int]]:
        """How the observation of a turn ends, and the films that its slots stand for."""
        own = mentioned_films(self._dialogues[place[0]].utterances[place[1]].text)[: self._env.proposals]
        if place not in self._emotions:
            return prompt((), (), self._catalog), own
        others = (film for film in self._proposals[place] if film not in own)
        films = [*own, *others][: self._env.proposals]
        return prompt(self._emotions[place], films, self._catalog), films

    def _observation(self, turns: Sequence[Utterance], turn: int, ending: str, first: bool) -> np.ndarray:
        before = turns[max(0, turn - self._env.max_history) : turn] if first else turns[turn - 1 : turn]
        rendered = [Utterance(said.role, plain(self._catalog.render(said.text))) for said in before]
        return self._text.observation(marked(rendered) + ending, first=first)


def training_dialogues(corpus: Corpus, settings: SupervisedSettings) -> list[Dialogue]:
    """The train dialogues that training can draw: all of them, or a seeded choice of as many as it has rows."""
    wanted = min(len(corpus.train), settings.steps * settings.batch_size)
    chosen = np.random.default_rng([settings.seed, 23]).permutation(len(corpus.train))[:wanted]
    return [corpus.train[place] for place in sorted(chosen.tolist())]


def reply_with_slots(text: str, proposal: Sequence[int], catalog: Catalog) -> tuple[str, bool]:
    """A human reply with slots for the proposed films, titles for the others, and whether it may be learned.

    It may when every film in it is proposed, and something is said.
    """
    slots = dict(zip(proposal, SLOTS, strict=False))
    reply = reply_with_names(text, lambda film: slots.get(film) or plain(catalog.render(f"@{film}")))
    return reply, bool(reply) and all(film in slots for film in mentioned_films(text))


def reply_with_names(text: str, name: Callable[[int], str]) -> str:
    """A reply (films as ``@id``) as training reads it: plain text, each film by the name that ``name`` gives it."""
    pieces, end = [], 0
    for found in MENTION.finditer(text):
        pieces += [plain(text[end : found.start()]), name(int(found[1]))]
        end = found.end()
    pieces.append(plain(text[end:]))
    return _BEFORE_PUNCTUATION.sub(r"\1", " ".join(piece for piece in pieces if piece))


def _joined(pieces: Sequence[np.ndarray], loss: Sequence[bool], weights: Sequence[float]) -> Row:
    lengths = [len(piece) for piece in pieces]
    tokens = np.concatenate([np.zeros(0, np.int32), *pieces])
    return Row(tokens, np.repeat(np.array(loss, bool), lengths), np.repeat(np.array(weights, np.float32), lengths))
