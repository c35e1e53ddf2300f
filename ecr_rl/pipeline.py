"""The whole way: corpus, critic, second evaluator, recommender, supervised policy, PPO, evaluation, report.

Trained parts come from the artefact cache; PPO, evaluation and report live in the run folder. A stage that finished
under the same settings is not run again. Stage functions are imported when their stage begins: they load torch.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from ecr_rl.artefacts import Artefact, ArtefactCache, ArtefactFolders, code_version, model_version
from ecr_rl.config import RunConfig
from ecr_rl.runs import RunFolder
from ecr_rl.stage import Stage
from envs.corpus import Corpus, load_corpus
from envs.files import write_json

ARTEFACTS = "artefacts.json"
log = logging.getLogger(__name__)

_TEXT = ("envs.catalog", "envs.title_finder", "envs.dialogue", "envs.markup")
_READERS = ("algorithms.acts", "algorithms.emotions", "algorithms.sentences", "algorithms.sentiment")
_LABELS = (
    *_TEXT,
    *_READERS,
    "envs.genres",
    "envs.heads",
    "envs.word_patterns",
    "ecr_rl.labels",
    "ecr_rl.training.critic",
    "algorithms.pair_text",
)
CODE = {
    "critic": (
        *_LABELS,
        "algorithms.critic",
        "algorithms.critic_training",
        "algorithms.encoder",
        "algorithms.film_table",
        "algorithms.surface",
    ),
    "evaluator": (*_LABELS, "algorithms.ngrams", "algorithms.second_evaluator"),
    "recommender": (*_TEXT, "algorithms.recommender"),
    "responder": (
        *_TEXT,
        "envs.observations",
        "envs.proposals",
        "algorithms.language_model",
        "algorithms.responder",
        "algorithms.text",
    ),
}
"""The modules whose code decides an artefact, by its kind."""


_JUDGED = {"dialogues", "gold_replies", "resamples", "samples"}
"""Settings of the evaluation that do not touch training."""
_ELSEWHERE = {"name": True, "cache": True, "resources": True, "ppo": {"checkpoint_every"}}
"""Settings of where and how, not of what: a finished stage stays finished when they change."""


class Pipeline:
    """The stages of one run, in the order of their methods; each builds what it needs of those before it."""

    def __init__(self, config: RunConfig, run: RunFolder) -> None:
        """Work under these settings in this folder.

        Args:
            config: the settings.
            run: a folder made by ``RunFolder.create``.
        """
        self._config, self._run = config, run
        self._cache = ArtefactCache(config.cache_folder)
        self._made: dict[str, Artefact] = {}

    def corpus(self) -> Corpus:
        """The dialogues; downloaded when the source is remote and not cached."""
        return self._corpus

    def critic(self) -> Path:
        """Folder of the trained critic."""
        settings = self._config.critic
        key = {"settings": settings.model_dump(), "encoder": model_version(settings.encoder)}

        def build(folder: Path, stage: Stage) -> Mapping[str, Any]:
            from ecr_rl.training.critic import build_critic

            return build_critic(self.corpus(), settings, folder, stage.update)

        return self._artefact("critic", key, settings.steps, build)

    def second_evaluator(self) -> Path:
        """Folder of the evaluator that PPO never sees."""

        def build(folder: Path, stage: Stage) -> Mapping[str, Any]:
            from ecr_rl.training.critic import build_second_evaluator

            return build_second_evaluator(self.corpus(), folder, stage.update)

        return self._artefact("evaluator", {}, 1, build)

    def recommender(self) -> Path:
        """Folder of the film recommender."""
        settings = self._config.recommender

        def build(folder: Path, stage: Stage) -> Mapping[str, Any]:
            from ecr_rl.training.critic import build_recommender

            figures = build_recommender(self.corpus(), settings, folder)
            stage.update(1, 1, {})
            return figures

        return self._artefact("recommender", {"settings": settings.model_dump()}, 1, build)

    def responder(self) -> Path:
        """Folder of the supervised policy: PPO's start, its reference, and the baseline of the report."""
        config = self._config
        recommender = self.recommender()
        key = {
            "policy": config.policy.model_dump(exclude={"temperature", "dtype"}),  # they only sample
            "model": model_version(config.policy.model),
            "supervised": config.supervised.model_dump(),
            "env": config.env.model_dump(),
            "recommender": recommender.name,
        }

        def build(folder: Path, stage: Stage) -> Mapping[str, Any]:
            from algorithms.recommender import CooccurrenceRecommender
            from algorithms.responder import train_responder

            return train_responder(
                self.corpus(),
                CooccurrenceRecommender.load(recommender),
                config.policy,
                config.supervised,
                config.env,
                folder,
                config.cache_folder,
                stage.update,
            )

        return self._artefact("responder", key, config.supervised.steps, build)

    def artefacts(self) -> ArtefactFolders:
        """The folders of all trained parts; those that are missing are built."""
        return ArtefactFolders(self.critic(), self.second_evaluator(), self.recommender(), self.responder())

    def train(self) -> dict[str, Any]:
        """PPO from the supervised policy, from the last checkpoint where one is; its figures."""
        settings = self._config.model_dump(mode="json", exclude={"evaluation": _JUDGED, **_ELSEWHERE})

        def work(stage: Stage, artefacts: ArtefactFolders) -> Mapping[str, Any]:
            from ecr_rl.training.ppo import train_ppo

            return train_ppo(self._config, artefacts, self._run, stage.update)

        return self._in_folder("ppo", settings, self._config.ppo.iterations, work, later=("evaluation", "report"))

    def evaluate(self) -> dict[str, Any]:
        """The trained policy beside the supervised one on held-out dialogues; the report's figures."""
        self.train()
        settings = self._config.model_dump(mode="json", exclude=_ELSEWHERE)

        def work(stage: Stage, artefacts: ArtefactFolders) -> Mapping[str, Any]:
            from ecr_rl.evaluation.compare import compare

            self._run.rewind("evaluation", 0)
            return compare(self._config, artefacts, self._run, stage.update)

        return self._in_folder("evaluation", settings, self._config.evaluation.dialogues, work, later=("report",))

    def report(self) -> dict[str, Any]:
        """The report: ``report/index.html``, plots and ``report/report.json``; returns what the JSON says."""
        self.evaluate()
        return write_report_of(self._run)

    @cached_property
    def _corpus(self) -> Corpus:
        self._run.rewind("data", 0)
        with self._run.stage("data", 1) as stage:
            corpus = load_corpus(
                self._config.data, self._config.cache_folder, lambda done, total: stage.update(done, total or done, {})
            )
            splits = {name: float(len(dialogues)) for name, dialogues in corpus.splits.items()}
            stage.update(1, 1, {**splits, "films": float(len(corpus.catalog))})
        return corpus

    def _artefact(
        self, kind: str, settings: Mapping[str, Any], total: int, build: Callable[[Path, Stage], Mapping[str, Any]]
    ) -> Path:
        if kind not in self._made:
            key = {"corpus": self.corpus().fingerprint, "code": code_version(CODE[kind]), **settings}

            def builder(folder: Path) -> Mapping[str, Any]:
                self._run.rewind(kind, 0)  # a killed attempt left lines
                _prepare_torch(self._config.resources.driver_threads)
                with self._run.stage(kind, total) as stage:
                    return build(folder, stage)

            part = self._made[kind] = self._cache.build(kind, key, builder)
            if part.cached:
                log.info("%s: from the cache, %s", kind, part.folder)
            self._note_artefacts()
        return self._made[kind].folder

    def _note_artefacts(self) -> None:
        made = {
            kind: {"folder": str(part.folder), "cached": part.cached, "figures": dict(part.figures)}
            for kind, part in self._made.items()
        }
        write_json(self._run.path / ARTEFACTS, made)

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
        _prepare_torch(self._config.resources.driver_threads)
        with self._run.stage(name, total) as stage:
            result = dict(work(stage, artefacts))
        self._run.finish(name, settings, result)
        return result


def write_report_of(run: RunFolder) -> dict[str, Any]:
    """Write the report of an evaluated run, as stage ``report``; returns what ``report/report.json`` says."""
    from ecr_rl.report.report import write_report

    run.rewind("report", 0)
    with run.stage("report", 1) as stage:
        write_report(run.path)
        stage.update(1, 1, {})
    return json.loads((run.path / "report" / "report.json").read_text(encoding="utf-8"))


def _prepare_torch(threads: int) -> None:
    """Bound torch's threads (two processes of all cores each slow each other down many times); no bars but ours."""
    import torch
    from transformers.utils import logging as transformers_logging

    torch.set_num_threads(threads)
    transformers_logging.disable_progress_bar()
