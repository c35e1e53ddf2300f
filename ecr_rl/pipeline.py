"""The whole way: corpus, recommender, supervised policy, labels, critic, both evaluators, PPO, evaluation, report.

Trained parts come from the artefact cache (``parts_pipeline``); PPO, evaluation and report live in the run folder. A
stage that finished under the same settings is not run again. Stage functions are imported when their stage begins: they
load torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from algorithms.chat.endpoint import check_speaker
from ecr_rl.config import with_given
from ecr_rl.parts_pipeline import PartsPipeline
from ecr_rl.runs.artefacts import ArtefactFolders
from ecr_rl.runs.stage import Stage
from ecr_rl.runs.torch_threads import prepare_torch
from envs import marks

if TYPE_CHECKING:
    from ecr_rl.report.record import Report


class Pipeline(PartsPipeline):
    """All stages of one run, in the order of their methods; each builds what it needs of those before it."""

    def train(self) -> dict[str, Any]:
        """PPO from the supervised policy, from the last checkpoint where one is; its figures."""
        settings = marks.decided_up_to(self._config, "ppo")

        def work(stage: Stage, artefacts: ArtefactFolders) -> Mapping[str, Any]:
            from ecr_rl.training.ppo import train_ppo

            return train_ppo(self._config, artefacts, self._run, stage.update)

        return self._in_folder("ppo", settings, self._config.ppo.iterations, work, later=("evaluation", "report"))

    def evaluate(self) -> dict[str, Any]:
        """The trained policy beside the supervised one on held-out dialogues; the report's figures."""
        self.train()
        settings = marks.decided_up_to(self._config, "evaluation")

        def work(stage: Stage, artefacts: ArtefactFolders) -> Mapping[str, Any]:
            from ecr_rl.evaluation.conversations.compare import compare

            self._run.rewind("evaluation", 0)
            return compare(self._config, artefacts, self._run, stage.update).to_json()

        return self._in_folder("evaluation", settings, self._config.evaluation.dialogues, work, later=("report",))

    def evaluate_against(
        self, baseline: Path | None, best_of: int = 1, seeker: str | None = None, dialogues: int | None = None
    ) -> dict[str, Any]:
        """The trained policy beside another run's, or a responder, or the critic's choice of its replies.

        Args:
            baseline: a run folder or a responder's; None: the run's own supervised policy.
            best_of: replies that the baseline samples a turn.
            seeker: converses in place of the run's own.
            dialogues: in place of the run's number.
        """
        settings = with_given(self._config, "env", seeker=seeker)
        check_speaker(settings.env)
        self.train()
        artefacts = self.artefacts()
        settings = with_given(settings, "evaluation", dialogues=dialogues)
        prepare_torch(settings.resources.driver_threads)
        self._run.rewind("against", 0)
        with self._run.stage("against", settings.evaluation.dialogues) as stage:
            from ecr_rl.evaluation.conversations.compare import compare_with

            return compare_with(settings, artefacts, self._run, baseline, best_of, seeker, stage.update).to_json()

    def report(self) -> Report:
        """The report: ``report/index.html``, plots and ``report/report.json``; returns what the JSON says."""
        from ecr_rl.report.report import write_report_of

        self.evaluate()
        return write_report_of(self._run)

    def _in_folder(
        self,
        name: str,
        settings: Mapping[str, Any],
        total: int,
        work: Callable[[Stage, ArtefactFolders], Mapping[str, Any]],
        later: tuple[str, ...],
    ) -> dict[str, Any]:
        """Run a stage of the run folder unless it finished under these settings; stages after it then run again."""
        done = self._run.finished(name, settings)
        if done is not None:
            return done
        self._run.forget(name, *later)
        artefacts = self.artefacts()
        prepare_torch(self._config.resources.driver_threads)
        with self._run.stage(name, total) as stage:
            result = dict(work(stage, artefacts))
        self._run.finish(name, settings, result)
        return result
