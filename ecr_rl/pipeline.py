"""The whole way: corpus, recommender, supervised policy, labels, critic, both evaluators, PPO, evaluation, report.

Trained parts come from the artefact cache; PPO, evaluation and report live in the run folder. A stage that finished
under the same settings is not run again. Stage functions are imported when their stage begins: they load torch.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecr_rl.config import RunConfig, with_given
from ecr_rl.labels.judging.judge_protocol import Judge
from ecr_rl.labels.replies.made_replies import PolicyReply
from ecr_rl.runs.artefacts import ArtefactCache, ArtefactFolders, head_versions, model_version, require_heads
from ecr_rl.runs.folder import RunFolder
from ecr_rl.runs.parts import RunParts, pinned
from ecr_rl.runs.source_closure import code_version
from ecr_rl.runs.stage import Stage
from ecr_rl.settings import ContextForm, EvaluationSettings, TextReaderSettings
from envs.corpora.corpus import Corpus, load_corpus
from envs.errors import ConfigError

if TYPE_CHECKING:
    from algorithms.readers.film_affinity import FilmAffinity
    from ecr_rl.labels.labelling import LabelPlan

_JUDGED = set(EvaluationSettings.model_fields) - {"calibration_conversations"}
"""Settings of the evaluation that do not touch training: all but what normalises the reward."""
_ELSEWHERE = {"name": True, "cache": True, "mirror": True, "resources": True, "ppo": {"checkpoint_every"}}
"""Settings of where and how, not of what: a finished stage stays finished when they change."""


class Pipeline:
    """The stages of one run, in the order of their methods; each builds what it needs of those before it."""

    def __init__(self, config: RunConfig, run: RunFolder) -> None:
        """Work under these settings in this folder.

        Args:
            config: the settings.
            run: a folder made by ``RunFolder.create``.
        """
        self._config, self._run, self._heads = config, run, head_versions(config.heads)
        self.parts = RunParts(run.path, config.cache_folder)

    def corpus(self) -> Corpus:
        """The dialogues; downloaded when the source is remote and not cached."""
        return self._corpus

    @cached_property
    def affinity(self) -> FilmAffinity:
        """Which films go with which, learned from the train dialogues."""
        from algorithms.readers.film_affinity import FilmAffinity

        return FilmAffinity.fit(self.corpus().train, self.corpus().catalog)

    def judge_maker(self) -> Callable[[], Judge]:
        """Builds the judge of the labels; can be sent to a worker."""
        from ecr_rl.labels.judging.judges import rubric_maker

        catalog, settings = self.corpus().catalog, self._config
        return rubric_maker(catalog, self.instruments(), settings.labels.context, settings.heads, self.affinity)

    @pinned("instruments")
    def instruments(self) -> Path | None:
        """Folder of what the rubric measures with; None for the stand-ins, which need no data."""
        settings = self._config.labels.instruments
        if settings == TextReaderSettings():
            return None

        def build(folder: Path, stage: Stage) -> Mapping[str, Any]:
            from ecr_rl.labels.judging.text_readers import fit_text_readers

            figures = fit_text_readers(settings, folder)
            stage.update(1, 1, {})
            return figures

        key = {
            "settings": settings.model_dump(),
            "emotions": model_version(settings.emotions),
            "acts": model_version(settings.acts),
        }
        return self._artefact("instruments", key, 1, build)

    def policy_replies(self, split: str, count: int) -> Sequence[PolicyReply]:
        """What the supervised policy answers to turns of a split's dialogues; a killed sampling goes on."""
        from functools import partial

        from algorithms.recommender.recommender import Recommender
        from ecr_rl.labels.labelling import label_splits, policy_cases
        from ecr_rl.labels.replies.policy_replies import sample_replies
        from ecr_rl.labels.replies.policy_store import stored_replies

        config, corpus = self._config, self.corpus()
        responder, recommender = self.responder(), self.recommender()
        dialogues, share = label_splits(corpus, count)[split]
        cases = policy_cases(dialogues, corpus.catalog, share, config.seed)
        key = {"cases": cases, "responder": responder.name, "env": config.env.shown()}
        key |= {"code": code_version(self.policy_replies)}
        sample = partial(
            sample_replies,
            dialogues=dialogues,
            catalog=corpus.catalog,
            responder=responder,
            recommender=Recommender.load(recommender),
            policy=config.policy,
            env=config.env,
            seed=config.seed,
        )
        name = f"policy-replies-{split}"
        self._run.rewind(name, 0)
        _prepare_torch(config.resources.driver_threads)
        with self._run.stage(name, len(cases)) as stage:
            folder = ArtefactCache(config.cache_folder).folder("policy-replies", key)
            return stored_replies(folder, cases, sample, stage.update)

    def label_plan(self, count: int, judge: Callable[[], Judge], context: ContextForm, policy: bool) -> LabelPlan:
        """What is to be labelled: ``count`` examples at most, by a judge."""
        from ecr_rl.labels.labelling import plan_of

        replies = {split: self.policy_replies(split, count) for split in ("train", "valid")} if policy else {}
        return plan_of(self.corpus(), count, self._config.seed, judge, context, replies)

    @pinned("labels")
    def labels(self) -> Path:
        """Folder of the labels that the critic learns from."""
        settings = self._config.labels
        if settings.folder is not None:
            return self._given("labels", settings.folder, "labels.json", "ecr-rl label")
        key: dict[str, Any] = {"settings": settings.model_dump(mode="json", exclude={"folder", "instruments"})}
        key |= {"seed": self._config.seed, "instruments": (found := self.instruments()) and found.name}
        key |= {"heads": self._heads} | ({"responder": self.responder().name} if settings.policy else {})

        def plan() -> LabelPlan:
            return self.label_plan(settings.count, self.judge_maker(), settings.context, settings.policy)

        def build(folder: Path, stage: Stage, plan: LabelPlan) -> Mapping[str, Any]:
            from ecr_rl.labels.judge_folder import write_judge_folder
            from ecr_rl.labels.labelling import label_examples

            catalog, heads = self.corpus().catalog, self._config.heads
            write_judge_folder(folder, catalog, self.instruments(), settings.context, heads, self.affinity)
            return label_examples(plan, folder, workers=os.cpu_count() or 1, on_step=stage.update)["counts"]

        return self._artefact("labels", key, settings.count, build, plan)

    @pinned("critic")
    def critic(self) -> Path:
        """Folder of the trained critic."""
        settings = self._config.critic
        if settings.folder is not None:
            return self._given("critic", settings.folder, "critic.json", "ecr-rl critic train")
        source = self.labels()
        key = {
            "settings": settings.model_dump(exclude={"folder", "workers"}),
            "encoders": [model_version(encoder) for encoder in (settings.encoder, *settings.more_encoders)],
            "labels": source.name if self._config.labels.folder is None else model_version(str(source)),
        }

        def build(folder: Path, stage: Stage) -> Mapping[str, Any]:
            from ecr_rl.training.critic import build_critic

            return build_critic(source, settings, folder, stage.update)

        return self._artefact("critic", key, settings.steps, build)

    @pinned("evaluator")
    def reporting_evaluator(self) -> Path:
        """Folder of the evaluator that PPO never sees."""
        found = self.instruments()

        def build(folder: Path, stage: Stage) -> Mapping[str, Any]:
            from ecr_rl.training.parts import build_reporting_evaluator

            return build_reporting_evaluator(self.corpus(), self.judge_maker()(), folder, stage.update)

        key = {"instruments": found and found.name, "context": self._config.labels.context, "heads": self._heads}
        return self._artefact("evaluator", key, 1, build)

    @pinned("selecting_evaluator")
    def selecting_evaluator(self) -> Path:
        """Folder of the evaluator that chooses the iteration whose policy is kept."""
        found = self.instruments()

        def build(folder: Path, stage: Stage) -> Mapping[str, Any]:
            from ecr_rl.training.selecting_evaluator import build_selecting_evaluator

            return build_selecting_evaluator(self.corpus(), self.judge_maker()(), folder, stage.update)

        key = {"instruments": found and found.name, "context": self._config.labels.context, "heads": self._heads}
        return self._artefact("selecting_evaluator", key, 1, build)

    @pinned("recommender")
    def recommender(self) -> Path:
        """Folder of the film recommender."""
        settings = self._config.recommender

        def build(folder: Path, stage: Stage) -> Mapping[str, Any]:
            from ecr_rl.training.parts import build_recommender

            return build_recommender(self.corpus(), settings, folder, stage.update)

        key = {"settings": settings.model_dump(), "emotions": model_version(settings.emotions)}
        return self._artefact("recommender", key, 1, build)

    @pinned("responder")
    def responder(self) -> Path:
        """Folder of the supervised policy: PPO's start, its reference, and the baseline of the report."""
        config = self._config
        recommender = self.recommender()
        key = {
            "policy": config.policy.model_dump(exclude={"temperature", "dtype"}),  # they only sample
            "model": model_version(config.policy.model),
            "supervised": config.supervised.model_dump(),
            "emotions": model_version(config.supervised.emotions),
            "env": config.env.shown(),
            "recommender": recommender.name,
        }

        def build(folder: Path, stage: Stage) -> Mapping[str, Any]:
            from ecr_rl.training.responder import build_responder

            return build_responder(self.corpus(), recommender, config, folder, stage.update)

        return self._artefact("responder", key, config.supervised.steps, build)

    def artefacts(self) -> ArtefactFolders:
        """The folders of all trained parts; those that are missing are built."""
        return ArtefactFolders(
            recommender=self.recommender(),
            responder=self.responder(),
            critic=self.critic(),
            reporting_evaluator=self.reporting_evaluator(),
            selecting_evaluator=self.selecting_evaluator() if self._config.ppo.select_every else None,
        )

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
        settings = self._config.model_dump(mode="json", exclude={"evaluation": {"samples"}, **_ELSEWHERE})

        def work(stage: Stage, artefacts: ArtefactFolders) -> Mapping[str, Any]:
            from ecr_rl.evaluation.conversations.compare import compare

            self._run.rewind("evaluation", 0)
            return compare(self._config, artefacts, self._run, stage.update)

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
        self.train()
        artefacts = self.artefacts()
        settings = with_given(self._config, "env", seeker=seeker)
        settings = with_given(settings, "evaluation", dialogues=dialogues)
        _prepare_torch(settings.resources.driver_threads)
        self._run.rewind("against", 0)
        with self._run.stage("against", settings.evaluation.dialogues) as stage:
            from ecr_rl.evaluation.conversations.compare import compare_with

            return compare_with(settings, artefacts, self._run, baseline, best_of, seeker, stage.update)

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
        self,
        kind: str,
        settings: Mapping[str, Any],
        total: int,
        build: Callable[..., Mapping[str, Any]],
        *needed: Callable[[], Any],
    ) -> Path:
        """The folder of a part, built where it is missing.

        Args:
            kind: of the part.
            settings: what decides it beside corpus and code.
            total: steps of its stage.
            build: takes the folder to fill, its stage, and what ``needed`` gave; returns the part's figures. The method
                that defines it is where the search for the code begins that decides the part.
            needed: work with stages of its own, done before this stage begins.
        """

        def builder(folder: Path) -> Mapping[str, Any]:
            self._run.rewind(kind, 0)  # a killed attempt left lines
            _prepare_torch(self._config.resources.driver_threads)
            given = [work() for work in needed]
            with self._run.stage(kind, total) as stage:
                return build(folder, stage, *given)

        key = {"corpus": self.corpus().fingerprint, "code": code_version(build), **settings}
        return self.parts.build(kind, key, builder)

    def _given(self, kind: str, written: str, card: str, maker: str) -> Path:
        """The folder that a setting names in place of a part that the run would make.

        Args:
            kind: of the part; its section of the settings.
            written: the setting.
            card: the file that such a folder holds.
            maker: the command that makes one.

        Raises:
            ConfigError: it holds no such file, or scores other heads than the run.
        """
        folder = Path(written).expanduser().resolve()
        if not (folder / card).is_file():
            raise ConfigError(f"{kind}.folder={written}: no {kind} there, {card} is missing. {maker} makes one")
        require_heads(folder / card, self._config.head_definitions, f"{kind}.folder={written}")
        return self.parts.give(kind, folder)

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
