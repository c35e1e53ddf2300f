"""Select the policy that a run keeps: of those that satisfy the constraints, the selecting evaluator's best.

The constraints (``constraints.py``) bound what a policy may lose against the supervised one on validation dialogues.

Every policy meets the same dialogues with the same seekers and the same sampling noise. Each checkpoint holds the state
of the selection (``selection/``), so a resumed run selects as if it had never stopped.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save

from algorithms.evaluators.pmi import ContextInformation
from algorithms.evaluators.registry import HeadScorer, evaluator_of
from algorithms.packaged_models import best_device
from algorithms.policy.film_choice import VECTORS, learnt_recommender
from algorithms.policy.language_model import policy_dtype
from algorithms.policy.rollout import Conversation, Episode, roll_out
from algorithms.policy.text import ConversationText, load_tokenizer
from algorithms.ppo.env_spec import EnvSpec
from algorithms.ppo.module import trained_copy
from ecr_rl.config import RunConfig
from ecr_rl.runs.metrics import TensorBoardPage
from ecr_rl.training.constraints import Constraint, Scored, constraints_of, rank, violated
from ecr_rl.training.selection_judges import SelectionJudges
from envs.conversation import EVALUATION, ConversationVectorEnv
from envs.corpora.spread import evenly_spread
from envs.files import write_bytes, write_json
from envs.film_text.markup import EMOTION, plain

log = logging.getLogger(__name__)
FOLDER = "selection"
"""The selection's folder in a checkpoint."""
_SHOWN = 6
"""The number of conversations on a TensorBoard page."""
_SCORES, _WEIGHTS = "scores.json", "weights.safetensors"


class Selection:
    """Scores policies during a run, and keeps the weights of the best."""

    def __init__(self, config: RunConfig, env_spec: EnvSpec, evaluator: Path, people: HeadScorer | None = None) -> None:
        """Choose among the policies of a run.

        Args:
            config: the run's settings; ``ppo.select_every`` is above 0.
            env_spec: the run's environment, on the validation split.
            evaluator: folder of the selecting evaluator.
            people: an evaluator with a head ``overall`` that learnt from people's ratings; None: no constraint by it.

        Raises:
            ModelError: there is no such evaluator, or no language model to measure the PMI with.
        """
        ppo = config.ppo
        self._config, self._env_spec = config, env_spec
        information = None
        if ppo.select_pmi is not None:
            information = ContextInformation.load(ppo.select_language_model, config.cache_folder)
        if people is None and ppo.select_people is not None:
            log.info("no evaluator of people's ratings was given, so ppo.select_people constrains nothing")
        selecting = evaluator_of(ppo.selecting).load(evaluator)
        self._judges = SelectionJudges(selecting, people, information, ppo.select_pmi_dialogues)
        self.scores: list[Scored] = []
        self.weights: dict[str, np.ndarray] = {}
        self.page = TensorBoardPage({}, {})
        """Conversations and scores of the policy that was scored last."""

    @property
    def best(self) -> Scored | None:
        """The best policy so far by ``constraints.rank``, the earliest among equals; None before one is scored.

        The supervised policy is scored, but never chosen: a run none of whose policies satisfies all constraints keeps
        the one that violates them least, and a run that never beats the supervised policy keeps its own best. Both say
        so.
        """
        return max((scored for scored in self.scores if scored.iteration), key=self.rank, default=None)

    def rank(self, scored: Scored) -> float:
        """The policy's ``constraints.rank``."""
        return rank(scored.score, self.constraints(scored))

    def constraints(self, scored: Scored) -> list[Constraint]:
        """The constraints on a policy; none before the supervised policy is scored."""
        start = next((each for each in self.scores if not each.iteration), None)
        return [] if start is None else constraints_of(self._config.ppo, scored, start)

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
        scored, each = self._judges.score(talks, self._env.catalog, iteration, kl)
        self.page = _page(talks, each)
        self.scores.append(scored)
        if self.best is scored:
            # The arrays may be views of weights that training goes on to change; hence the copy.
            kept = {name: array for name, array in weights.items() if not name.startswith("value_head.")}
            self.weights = {name: np.array(array) for name, array in kept.items()}
        measured = {name: value for name, value in asdict(scored).items() if name != "iteration" and value is not None}
        figures = {f"select_{name}": value for name, value in measured.items()}
        if iteration:
            figures |= {f"select_slack_{each.name}": each.slack for each in self.constraints(scored)}
        chosen = {} if self.best is None else {"selected_iteration": self.best.iteration}
        return figures | chosen | {"select_seconds": time.perf_counter() - begun}

    def facts(self) -> dict[str, Any]:
        """The chosen policy and all scored ones, as JSON values; empty for a run without iterations.

        Of each policy, ``violates`` names the constraints that it does not satisfy; ``constraints`` are those in force.
        """
        start = next((scored for scored in self.scores if not scored.iteration), None)
        facts: dict[str, Any] = {"start_score": None if start is None else start.score}
        if self.best is not None:
            names = violated(self.constraints(self.best))
            facts |= {"selected_iteration": self.best.iteration, "selected_score": self.best.score}
            facts |= {"selected_violates": names}
        in_force = [] if start is None else self.constraints(start)
        facts["constraints"] = [{"name": each.name, "start": each.start, "margin": each.margin} for each in in_force]
        policies = [asdict(scored) | {"violates": violated(self.constraints(scored))} for scored in self.scores]
        return facts | {"selection": policies}

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
