"""A trial: RLlib's algorithm with drawn settings, scored by the selecting evaluator on validation dialogues.

The objective is that evaluator's score of the policy that the trial would keep, never the trial's own reward. It is
below 0 for a policy that violates a constraint on what it may lose (``ecr_rl.training.constraints.rank``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import ray
import torch
from ray.tune import PlacementGroupFactory

from algorithms.people.evaluator import usable_evaluator
from algorithms.ppo.algorithm import ConversationPPO
from algorithms.ppo.config import algorithm_config
from algorithms.ppo.shipped_files import ShippedFile, deliver
from algorithms.settings.resources import LEARNER_SHARE, RUNNER_SHARE, ResourceSettings
from ecr_rl.config import RunConfig, changed
from ecr_rl.evaluation.conversations.held_out import HeldOutConversations
from ecr_rl.evaluation.conversations.records import write_records
from ecr_rl.runs.artefacts import ArtefactFolders
from ecr_rl.sweep.settings import SweepSettings
from ecr_rl.sweep.space import values_of
from ecr_rl.training.constraints import violated
from ecr_rl.training.ppo import choice_of, env_spec_of, export_policy, iteration_figures, trained_weights
from ecr_rl.training.selection import FOLDER, Selection
from envs.files import write_json

PLAN, JOB = "plan", "job"
"""Keys of a trial's Tune config: the plan that all trials share; a final training's job, in place of draws."""
NAME, SEED, VALUES = "name", "seed", "values"
"""Keys of a job: its candidate's name, its training seed, its settings by ``section.key``."""
OBJECTIVE, RECORDS = "objective", "records.jsonl"
"""The key of the figure that chooses trials; the file of test conversations in a final training's last checkpoint."""
FAILURES = "failures.json"
"""The file, next to them, with the indices of conversations that ended because the seeker failed."""
VIOLATES = "kept_violates"
"""A result's key of the names of the constraints that the kept policy violates, with spaces between them."""
SETTINGS = "kept_settings"
"""A result's key of the settings of the kept policy, as JSON text, since TensorBoard would plot numbers."""
_TRAINED = "settings.json"


@dataclass(frozen=True)
class TrialPlan:
    """All that the trials of a sweep share.

    Attributes:
        config: the base run's settings.
        sweep: the sweep's settings, with the search space.
        artefacts: folders of the trained parts.
        reference: the heads' means and deviations under the supervised policy.
        shipped_files: files for machines without these folders.
        dump: where a batch with numbers that are not finite is written.
    """

    config: RunConfig
    sweep: SweepSettings
    artefacts: ArtefactFolders
    reference: Path
    shipped_files: Sequence[ShippedFile]
    dump: Path


class SweepTrial(ConversationPPO):
    """One training of a sweep; its Tune config holds draws, or the job of a final training."""

    def __init__(self, config: Mapping[str, Any], **kwargs: Any) -> None:
        """Set up the algorithm under the trial's settings."""
        plan: TrialPlan = ray.get(config[PLAN])
        deliver(plan.shipped_files)
        job = config.get(JOB)
        values = values_of(config, plan.sweep) if job is None else {**job[VALUES], SEED: job[SEED]}
        settings = changed(plan.config, values)
        self._plan, self._settings, self._final = plan, settings, job is not None
        self._values = self._kept = values
        torch.set_num_threads(settings.resources.driver_threads)
        env_spec = env_spec_of(settings, plan.artefacts, plan.reference)
        chosen_on = env_spec_of(settings, plan.artefacts, plan.reference, "valid")
        if plan.artefacts.selecting_evaluator is None:
            raise TypeError("a sweep has a selecting evaluator")
        people = usable_evaluator(plan.artefacts.people_selecting)
        self._selection = Selection(settings, chosen_on, plan.artefacts.selecting_evaluator, people)
        super().__init__(
            algorithm_config(
                env_spec,
                plan.artefacts.responder,
                settings.policy,
                settings.ppo,
                settings.resources,
                plan.dump,
                plan.shipped_files,
                choice_of(settings, plan.artefacts),
            ),
            **kwargs,
        )

    def __repr__(self) -> str:
        """The class's name. RLlib's own method fails if a trial failed at its start, and hides the trial's error."""
        return type(self).__name__

    def step(self) -> dict[str, Any]:
        """Run one iteration; return its figures as plain numbers, and the objective so far."""
        if not self._selection.scores:
            self._selection.score(0, trained_weights(self), 0.0)
        figures: dict[str, Any] = iteration_figures(super().step())
        done = self.iteration + 1
        if self._selection.due(done):
            figures |= self._selection.score(done, trained_weights(self), figures["kl_reference"])
            if figures["selected_iteration"] == done:
                self._kept = self._values
        kept = self._selection.best or self._selection.scores[0]
        figures |= {
            OBJECTIVE: self._selection.rank(kept),
            "kept_score": kept.score,
            VIOLATES: " ".join(violated(self._selection.constraints(kept))),
            "kept_kl": kept.kl,
            "kept_dist2": kept.dist2,
            "kept_iteration": kept.iteration,
            SETTINGS: json.dumps(self._kept),
        }
        return {**figures, "start_score": self._selection.scores[0].score}

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Save RLlib's checkpoint and the selection so far; at a final training's end also its test conversations."""
        super().save_checkpoint(checkpoint_dir)
        folder = Path(checkpoint_dir)
        self._selection.save(folder / FOLDER)
        write_json(folder / _TRAINED, {"kept": self._kept, "kl": self._settings.ppo.kl})
        if self._final and self.iteration >= self._settings.ppo.iterations:
            self._converse(folder)

    def load_checkpoint(self, checkpoint_dir: str) -> None:
        """Resume from a checkpoint; with another trial's checkpoint, set the KL weight of this trial's settings."""
        super().load_checkpoint(checkpoint_dir)
        folder = Path(checkpoint_dir)
        self._selection.load(folder / FOLDER)
        trained = json.loads((folder / _TRAINED).read_text(encoding="utf-8"))
        self._kept = trained["kept"]
        if trained["kl"] != self._settings.ppo.kl:
            self.learner_group.foreach_learner(_set_kl_weight, weight=self._settings.ppo.kl)  # pyright: ignore

    def _converse(self, folder: Path) -> None:
        """Play and save the kept policy's conversations on the test dialogues."""
        plan, settings = self._plan, self._settings
        conversations = HeldOutConversations(settings, plan.artefacts, plan.reference)
        with TemporaryDirectory() as aside:
            policy = Path(aside) / "policy"
            kept = self._selection.weights or trained_weights(self)
            export_policy(kept, settings, plan.artefacts, policy)
            played = conversations.play(policy, lambda done, total, figures: None)
        write_records(folder / RECORDS, [record for record in played.records if record.key not in played.failed])
        write_json(folder / FAILURES, sorted(played.failed))


def _set_kl_weight(learner: Any, weight: float) -> None:
    learner.kl_weight = weight


def trial_resources(resources: ResourceSettings) -> PlacementGroupFactory:
    """The resources that Tune reserves for a trial: its own process first, then env runners and learners."""
    gpu = resources.gpus > 0
    runner: dict[str, float] = {"CPU": resources.cpus_per_env_runner} | ({"GPU": RUNNER_SHARE} if gpu else {})
    learner: dict[str, float] = {"CPU": resources.cpus_per_learner} | ({"GPU": LEARNER_SHARE} if gpu else {})
    own: dict[str, float] = {"CPU": resources.driver_threads}
    return PlacementGroupFactory([own, *[runner] * resources.runner_count, *[learner] * resources.learner_count])
