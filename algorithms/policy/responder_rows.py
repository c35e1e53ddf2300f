"""Training rows of the responder: conversations with emotions and films before each reply.

A row starts at one recommender turn of a dialogue and goes to the dialogue's end, or as far as the model's positions
reach. It holds the human history before that turn, then observations and replies in alternation: exactly the token
stream that the environment makes of a conversation. Only replies carry loss.

A proposal holds the films of the human reply. The recommender's best films complete it to the number that the
environment proposes, so that the number of films tells nothing. A reply without films thus declines the proposal; a
reply with more films than can be proposed is context without loss. The emotions shown are those of the human reply, so
the policy learns to follow what the planner will ask for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from algorithms.policy.emotion_planner import TrainedEmotionPlanner
from algorithms.policy.text import ConversationText
from algorithms.settings.supervised import SupervisedSettings
from envs.catalog import Catalog
from envs.corpora.corpus import Corpus
from envs.dialogue import MENTION, Dialogue, Role, Utterance, mentioned_film, mentioned_films
from envs.film_text.markup import SLOTS, plain
from envs.settings import EnvSettings
from envs.turns.observations import marked, prompt
from envs.turns.proposals import Recommenders, propose_films

TurnKey = tuple[int, int]
"""(dialogue, turn): 0-based indices of a dialogue, and of a recommender turn among its utterances."""

_BEFORE_PUNCTUATION = re.compile(r"\s+([.,!?;:'])")


@dataclass(frozen=True, slots=True)
class Row:
    """One training row: tokens, which of them carry loss, and the weight of each; all (length,)."""

    tokens: np.ndarray
    loss: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True)
class Advice:
    """The recommender that proposes films, and the planner that reads the emotions of a reply."""

    recommender: Recommenders
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
        weights: Mapping[TurnKey, float] | None = None,
    ) -> None:
        """Compute films and emotions of every recommender turn once.

        Args:
            dialogues: the dialogues that rows are drawn from.
            catalog: their films.
            advice: proposes films and reads emotions; None for a policy that is shown neither, and whose slots stand
                for the human's own films.
            text: the tokenizer.
            env: how much history and how many films the environment will show.
            seed: of the draws.
            weights: of the replies' losses by turn; a turn without an entry has weight 1.
        """
        self._dialogues, self._weights = dialogues, weights or {}
        self._catalog, self._text, self._env, self._seed = catalog, text, env, seed
        self._proposals: dict[TurnKey, list[int]] = {}
        self._emotions: dict[TurnKey, tuple[str, ...]] = {}
        if advice is not None:
            self._take(advice)

    def __len__(self) -> int:
        """Number of dialogues."""
        return len(self._dialogues)

    def row(self, epoch: int, index: int) -> Row:
        """The row of a dialogue in an epoch; each epoch draws another start."""
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
        turn_keys = [
            (index, turn)
            for index, dialogue in enumerate(self._dialogues)
            for turn, utterance in enumerate(dialogue.utterances)
            if utterance.role is Role.RECOMMENDER
        ]
        dialogues = [self._dialogues[index] for index, _ in turn_keys]
        contexts = [self._dialogues[index].utterances[:turn] for index, turn in turn_keys]
        replies = [self._dialogues[index].utterances[turn].text for index, turn in turn_keys]
        proposals = propose_films(advice.recommender, dialogues, contexts, self._env.proposals)
        self._proposals = dict(zip(turn_keys, proposals, strict=True))
        self._emotions = dict(zip(turn_keys, advice.planner.carried(replies), strict=True))

    def _advised(self, turn_key: TurnKey) -> tuple[str, Sequence[int]]:
        """The end of a turn's observation (emotions and proposal), and the films that the slots stand for."""
        own = mentioned_films(self._dialogues[turn_key[0]].utterances[turn_key[1]].text)[: self._env.proposals]
        if turn_key not in self._emotions:
            return prompt((), (), self._catalog), own
        others = (film for film in self._proposals[turn_key] if film not in own)
        films = [*own, *others][: self._env.proposals]
        return prompt(self._emotions[turn_key], films, self._catalog), films

    def _observation(self, turns: Sequence[Utterance], turn: int, ending: str, first: bool) -> np.ndarray:
        before = turns[max(0, turn - self._env.max_history) : turn] if first else turns[turn - 1 : turn]
        rendered = [Utterance(said.role, plain(self._catalog.render(said.text))) for said in before]
        return self._text.observation(marked(rendered) + ending, first=first)


def training_dialogues(corpus: Corpus, settings: SupervisedSettings) -> list[Dialogue]:
    """The train dialogues that training uses: all, or a seeded choice if training has fewer rows than dialogues."""
    wanted = min(len(corpus.train), settings.steps * settings.batch_size)
    chosen = np.random.default_rng([settings.seed, 23]).permutation(len(corpus.train))[:wanted]
    return [corpus.train[turn_key] for turn_key in sorted(chosen.tolist())]


def reply_with_slots(text: str, proposal: Sequence[int], catalog: Catalog) -> tuple[str, bool]:
    """A human reply with slots for the proposed films and titles for the others, and whether it carries loss.

    It carries loss if every film in it is proposed and its text is not empty.
    """
    slots = dict(zip(proposal, SLOTS, strict=False))
    reply = reply_with_names(text, lambda film: slots.get(film) or plain(catalog.render(f"@{film}")))
    return reply, bool(reply) and all(film in slots for film in mentioned_films(text))


def reply_with_names(text: str, name: Callable[[int], str]) -> str:
    """A reply (films as ``@id``) as training reads it: plain text, with ``name(id)`` for each film."""
    pieces, end = [], 0
    for mention in MENTION.finditer(text):
        pieces += [plain(text[end : mention.start()]), name(mentioned_film(mention))]
        end = mention.end()
    pieces.append(plain(text[end:]))
    return _BEFORE_PUNCTUATION.sub(r"\1", " ".join(piece for piece in pieces if piece))


def _joined(pieces: Sequence[np.ndarray], loss: Sequence[bool], weights: Sequence[float]) -> Row:
    lengths = [len(piece) for piece in pieces]
    tokens = np.concatenate([np.zeros(0, np.int32), *pieces])
    return Row(tokens, np.repeat(np.array(loss, bool), lengths), np.repeat(np.array(weights, np.float32), lengths))
