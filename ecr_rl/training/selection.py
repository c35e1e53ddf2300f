"""Select the policy that a run keeps: the one with the selecting evaluator's best score on validation dialogues.

If ``ppo.select_variety`` asks for a share of the supervised policy's variety, policies that keep it come first.

Every policy meets the same dialogues with the same seekers and the same sampling noise. Each checkpoint holds the state
of the selection (``selection/``), so a resumed run selects as if it had never stopped.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save

from algorithms.evaluators.registry import evaluator_of
from algorithms.evaluators.text_figures import count_grams
from algorithms.packaged_models import best_device
from algorithms.policy.film_choice import VECTORS, learnt_recommender
from algorithms.policy.language_model import policy_dtype
from algorithms.policy.rollout import Conversation, Episode, roll_out
from algorithms.policy.text import ConversationText, load_tokenizer
from algorithms.ppo.env_spec import EnvSpec
from algorithms.ppo.module import trained_copy
from ecr_rl.config import RunConfig
from ecr_rl.runs.metrics import TensorBoardPage
from envs.conversation import EVALUATION, ConversationVectorEnv
from envs.corpora.spread import evenly_spread
from envs.files import write_bytes, write_json
from envs.film_text.markup import EMOTION, plain
from envs.heads import Exchange

FOLDER = "selection"
"""The selection's folder in a checkpoint."""
_SHOWN = 6
"""The number of conversations on a TensorBoard page."""
_SCORES, _WEIGHTS = "scores.json", "weights.safetensors"


@dataclass(frozen=True, slots=True)
class Scored:
    """A policy's figures on the validation dialogues; means over a dialogue's turns, then over dialogues.

    Attributes:
        iteration: the last iteration of its training; 0 is the supervised policy.
        score: the selecting evaluator's score, 0 to 1.
        reward: the run's own reward, for comparison.
        length: words a reply.
        dist2: distinct word bigrams divided by all word bigrams, over all replies together.
        kl: to the supervised policy, nats a token, on the conversations that the iteration trained on.
    """

    iteration: int
    score: float
    reward: float
    length: float
    dist2: float
    kl: float


class Selection:
    """Scores policies during a run, and keeps the weights of the best."""

    def __init__(self, config: RunConfig, env_spec: EnvSpec, evaluator: Path) -> None:
        """Choose among the policies of a run.

        Args:
            config: the run's settings; ``ppo.select_every`` is above 0.
            env_spec: the run's environment, on the validation split.
            evaluator: folder of the selecting evaluator.
        """
        self._config, self._env_spec = config, env_spec
        self._evaluator = evaluator_of(config.ppo.selecting).load(evaluator)
        self.scores: list[Scored] = []
        self.weights: dict[str, np.ndarray] = {}
        self.page = TensorBoardPage({}, {})
        """Conversations and scores of the policy that was scored last."""

    @property
    def best(self) -> Scored | None:
        """The best policy so far, the earliest among equals; None before a trained policy is scored.

        A policy that keeps ``ppo.select_variety`` of the supervised policy's variety ranks above all that do not. The
        supervised policy is scored, but never chosen: a run that never beats it keeps its own best, and says so.
        """
        start = next((scored.dist2 for scored in self.scores if not scored.iteration), 0.0)
        least = self._config.ppo.select_variety * start
        tried = (scored for scored in self.scores if scored.iteration)
        return max(tried, key=lambda scored: (scored.dist2 >= least, scored.score), default=None)

    def due(self, iteration: int) -> bool:
        """Whether to score the policy after this iteration: at 0, at the end, and at times after the value warm-up."""
        ppo = self._config.ppo
        if iteration in (0, ppo.iterations):
            return True
        return iteration > ppo.value_warmup and iteration % ppo.select_every == 0

    def score(self, iteration: int, weights: Mapping[str, np.ndarray], kl: float) -> dict[str, float]:
        """Score a policy, keep its weights if it is the best, and return its figures.

        Args:
            iteration: the last iteration of its training.
            weights: the trained weights, from ``ConversationModule.get_state``.
            kl: of the iteration; it is recorded with the score.
        """
        begun = time.perf_counter()
        talks = self._converse(weights)
        figures_by_name = {"select_score": self._judge, "select_reward": _pay, "select_length": _words}
        each = {name: [of(talk) for talk in talks] for name, of in figures_by_name.items()}
        self.page = _page(talks, each)
        score, reward, length = (float(np.mean(values)) for values in each.values())
        scored = Scored(iteration, score, reward, length, _dist2(talks), kl)
        self.scores.append(scored)
        if self.best is scored:
            # The arrays may be views of weights that training goes on to change; hence the copy.
            kept = {name: array for name, array in weights.items() if not name.startswith("value_head.")}
            self.weights = {name: np.array(array) for name, array in kept.items()}
        figures = {f"select_{name}": value for name, value in asdict(scored).items() if name != "iteration"}
        chosen = {} if self.best is None else {"selected_iteration": self.best.iteration}
        return figures | chosen | {"select_seconds": time.perf_counter() - begun}

    def facts(self) -> dict[str, Any]:
        """The chosen policy and all scored ones, as JSON values; empty for a run without iterations."""
        start = next((scored.score for scored in self.scores if scored.iteration == 0), None)
        chosen = {} if self.best is None else {"iteration": self.best.iteration, "score": self.best.score}
        named = {f"selected_{name}": value for name, value in chosen.items()}
        return named | {"start_score": start, "selection": [asdict(scored) for scored in self.scores]}

    def save(self, folder: Path) -> None:
        """Write scores and best weights."""
        write_bytes(folder / _WEIGHTS, save(self.weights))
        write_json(folder / _SCORES, [asdict(scored) for scored in self.scores])

    def load(self, folder: Path) -> None:
        """Load what ``save`` wrote."""
        self.weights = load_file(folder / _WEIGHTS)
        self.scores = [Scored(**scored) for scored in json.loads((folder / _SCORES).read_text(encoding="utf-8"))]

    def _converse(self, weights: Mapping[str, np.ndarray]) -> list[Conversation]:
        config, device = self._config, best_device()
        model = trained_copy(self._env_spec.responder, config.policy, weights)
        model = model.to(device=device, dtype=policy_dtype(config.policy, device)).eval()  # pyright: ignore
        text = ConversationText(load_tokenizer(str(self._env_spec.responder)), config.policy)
        if VECTORS in weights:
            self._env.recommender = learnt_recommender(self._recommender, weights)
        return roll_out(model, text, self._env, self._episodes, config.seed)

    @cached_property
    def _episodes(self) -> list[Episode]:
        """One episode for each selection dialogue; the dialogues are spread evenly over the validation split."""
        indices = evenly_spread(self._env.dialogue_count, self._config.ppo.select_dialogues)
        return [(EVALUATION, index) for index in indices]

    @cached_property
    def _env(self) -> ConversationVectorEnv:
        resources, ppo = self._config.resources, self._config.ppo
        return self._env_spec.build(min(resources.conversations_per_runner, ppo.select_dialogues))

    @cached_property
    def _recommender(self) -> Any:
        """The recommender before training; call this before the environment first gets another one."""
        return self._env.recommender

    def _judge(self, talk: Conversation) -> float:
        exchanges = [Exchange(outcome.context, outcome.reply) for outcome in talk.outcomes]
        return float(self._evaluator.scores(exchanges).mean())


def _page(talks: Sequence[Conversation], each: Mapping[str, Sequence[float]]) -> TensorBoardPage:
    """Some conversations, evenly spread, as text; of all dialogues their figures, of all turns the heads' scores."""
    scores = [outcome.heads for talk in talks for outcome in talk.outcomes]
    heads = {f"head_{head}": [each[head] for each in scores] for head in scores[0]}
    shown = [talks[index] for index in evenly_spread(len(talks), _SHOWN)]
    texts = {f"conversation_{index}": _markdown(talk) for index, talk in enumerate(shown)}
    return TensorBoardPage(texts, {**each, **heads})


def _markdown(talk: Conversation) -> str:
    """A conversation as Markdown: what came before, then each reply with its reward and the seeker's answer."""
    lines = [f"{turn.role}: {turn.text}" for turn in talk.outcomes[0].context]
    for outcome, reward, answer in zip(talk.outcomes, talk.rewards, talk.answers, strict=True):
        lines += [f"**recommender: {outcome.reply}** ({reward:+.2f})", f"seeker: {plain(answer.split(EMOTION)[0])}"]
    return "\n\n".join(lines)


def _dist2(talks: Sequence[Conversation]) -> float:
    counts = count_grams([[outcome.reply for outcome in talk.outcomes] for talk in talks], 2)
    return counts.distinct / max(1.0, float(counts.totals.sum()))


def _pay(talk: Conversation) -> float:
    return float(np.mean(talk.rewards))


def _words(talk: Conversation) -> float:
    return float(np.mean([len(outcome.reply.split()) for outcome in talk.outcomes]))
