"""The trained parts of a run: corpus, recommender, supervised policy, labels, critic, evaluators.

They come from the artefact cache, and are built where they are missing there. Stage functions are imported when their
stage begins: they load torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecr_rl.config import RunConfig
from ecr_rl.labels.judging.judge_protocol import Judge
from ecr_rl.labels.replies.made_replies import PolicyReply
from ecr_rl.runs.artefacts import ArtefactCache, ArtefactFolders, head_versions, model_version, require_heads
from ecr_rl.runs.folder import RunFolder
from ecr_rl.runs.parts import RunParts, pinned
from ecr_rl.runs.settings_key import settings_key
from ecr_rl.runs.source_closure import code_version
from ecr_rl.runs.stage import Stage
from ecr_rl.runs.torch_threads import prepare_torch
from ecr_rl.settings import ContextForm, TextReaderSettings
from envs import marks
from envs.corpora.corpus import Corpus, load_corpus
from envs.errors import ConfigError
from envs.files import user_path
from envs.ratings.reading import conversations_of, read_ratings
from envs.ratings.record import RatingSet

if TYPE_CHECKING:
    from algorithms.readers.film_affinity import FilmAffinity
    from ecr_rl.labels.prepared_judge import PlannedLabels


class PartsPipeline:
    """The stages that make a run's trained parts; each builds what it needs of those before it."""

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

    def ratings(self) -> tuple[RatingSet, ...]:
        """The ratings of people that the settings name, read once; none where they name none.

        Raises:
            DataError: a path is missing, or holds no ratings that can be read.
        """
        return self._ratings

    @cached_property
    def affinity(self) -> FilmAffinity:
        """Which films go with which, learned from the train dialogues."""
        from algorithms.readers.film_affinity import FilmAffinity

        return FilmAffinity.fit(self.corpus().train, self.corpus().catalog)

    def judge_maker(self, context: ContextForm | None = None) -> Callable[[], Judge]:
        """Builds the rubric, which is told what ``context`` or ``labels.context`` says; can be sent to a worker."""
        from ecr_rl.labels.judging.judges import rubric_maker

        catalog, settings = self.corpus().catalog, self._config
        form, people = context or settings.labels.context, self.people()
        return rubric_maker(catalog, self.instruments(), form, settings.heads, self.affinity, people)

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

        return self._artefact("instruments", {}, 1, build)

    @pinned("people")
    def people(self) -> Path | None:
        """Folder of what people's ratings say of replies; None for the model that comes with the project."""
        sets, settings = self.ratings(), self._config.people
        if not sets:
            return None

        def build(folder: Path, stage: Stage) -> Mapping[str, Any]:
            from ecr_rl.training.people import build_people_model

            corpus = self.corpus()
            return build_people_model(
                sets, corpus.catalog, self.affinity, self.instruments(), settings, folder, stage.update
            )

        return self._artefact("people", {"instruments": self._instruments_name()}, 1, build)

    def policy_replies(self, split: str, count: int) -> Sequence[PolicyReply]:
        """What the supervised policy answers to turns of a split's dialogues; a killed sampling goes on."""
        from functools import partial

        from algorithms.recommender.cross_fitted import CrossFittedRecommender
        from ecr_rl.labels.labelling import label_splits, policy_cases
        from ecr_rl.labels.replies.policy_replies import sample_replies
        from ecr_rl.labels.replies.policy_store import stored_replies

        config, corpus = self._config, self.corpus()
        responder, recommender = self.responder(), self.recommender()
        dialogues, share = label_splits(corpus, count)[split]
        cases = policy_cases(dialogues, corpus.catalog, share, config.seed)
        key = {"cases": cases, "responder": responder.name, "code": code_version(self.policy_replies)}
        key |= settings_key(config, "policy_replies")
        sample = partial(
            sample_replies,
            dialogues=dialogues,
            catalog=corpus.catalog,
            responder=responder,
            recommender=CrossFittedRecommender(recommender),
            policy=config.policy,
            env=config.env,
            seed=config.seed,
        )
        name = f"policy-replies-{split}"
        self._run.rewind(name, 0)
        prepare_torch(config.resources.driver_threads)
        with self._run.stage(name, len(cases)) as stage:
            folder = ArtefactCache(config.cache_folder).folder("policy-replies", key)
            return stored_replies(folder, cases, sample, stage.update)

    def planned_labels(self) -> list[PlannedLabels]:
        """Each judge that the settings name, and what it is to label: the same ``labels.count`` examples at most."""
        from ecr_rl.labels.labelling import plan_of
        from ecr_rl.labels.prepared_judge import prepare_judge

        config, corpus = self._config, self.corpus()
        heads, cache, count = config.heads, config.cache_folder, config.labels.count
        judges = [
            prepare_judge(judge, corpus.catalog, heads, self.judge_maker(judge.context), cache)
            for judge in config.labels.judges
        ]
        splits = ("train", "valid") if config.labels.policy else ()
        replies = {split: self.policy_replies(split, count) for split in splits}
        plan = plan_of(corpus, count, config.seed, judges[0].make, config.labels.context, replies)
        return [judge.planned(plan) for judge in judges]

    def write_known(self, folder: Path) -> None:
        """Write the films into a label folder, and the rubric if it is one of the judges."""
        from ecr_rl.labels.judge_folder import write_judge_folder

        catalog, config = self.corpus().catalog, self._config
        form = config.labels.rubric_context
        write_judge_folder(folder, catalog, self.instruments(), form, config.heads, self.affinity, self.people())

    @pinned("labels")
    def labels(self) -> Path:
        """Folder of the labels that the critic learns from; a killed labelling goes on."""
        from ecr_rl.labels.judge_weights import rated_sample
        from ecr_rl.labels.prepared_judge import hub_commits
        from ecr_rl.training.people import sets_learnt_from

        settings = self._config.labels
        if settings.folder is not None:
            return self._given("labels", settings.folder, "labels.json", "ecr-rl label")
        rests_on = self._judge_name()
        people = self._config.people
        sample = rated_sample(settings.judges, sets_learnt_from(self.ratings(), people), people.seed)
        rests_on |= {"commits": hub_commits(settings.judges), "sample": sample and sample.digest}
        if settings.policy:
            replies = settings_key(self._config, "policy_replies")
            rests_on |= {"responder": self.responder().name, "policy_replies": replies}

        def build(folder: Path, stage: Stage, planned: Sequence[PlannedLabels]) -> Mapping[str, Any]:
            from ecr_rl.labels.judge_labels import label_by_judges
            from ecr_rl.labels.kept_labels import KeptLabels

            self.write_known(folder)
            kept = KeptLabels(self._config.cache_folder, code_version(build))
            catalog = self.corpus().catalog
            return label_by_judges(planned, kept, sample, catalog, folder, stage.update)["counts"]

        total = settings.count * len(settings.judges)
        return self._artefact("labels", rests_on, total, build, self.planned_labels)

    @pinned("critic")
    def critic(self) -> Path:
        """Folder of the trained critic."""
        settings = self._config.critic
        if settings.folder is not None:
            return self._given("critic", settings.folder, "critic.json", "ecr-rl critic train")
        source = self.labels()
        made = self._config.labels.folder is None

        def build(folder: Path, stage: Stage) -> Mapping[str, Any]:
            from ecr_rl.training.critic import build_critic

            return build_critic(source, settings, folder, stage.update)

        rests_on = {"labels": source.name if made else model_version(str(source))}
        return self._artefact("critic", rests_on, settings.steps, build)

    @pinned("reporting_evaluator")
    def reporting_evaluator(self) -> Path:
        """Folder of the evaluator that PPO never sees."""
        name = self._config.evaluation.reporting

        def build(folder: Path, stage: Stage) -> Mapping[str, Any]:
            from ecr_rl.training.parts import build_reporting_evaluator

            return build_reporting_evaluator(self.corpus(), self.judge_maker()(), name, folder, stage.update)

        rests_on = self._judge_name()
        return self._artefact("reporting_evaluator", rests_on, 1, build)

    @pinned("selecting_evaluator")
    def selecting_evaluator(self) -> Path:
        """Folder of the evaluator that chooses the iteration whose policy is kept."""
        name = self._config.ppo.selecting

        def build(folder: Path, stage: Stage) -> Mapping[str, Any]:
            from ecr_rl.training.selecting_evaluator import build_selecting_evaluator

            return build_selecting_evaluator(self.corpus(), self.judge_maker()(), name, folder, stage.update)

        rests_on = self._judge_name()
        return self._artefact("selecting_evaluator", rests_on, 1, build)

    @pinned("people_selecting")
    def people_selecting(self) -> Path:
        """Folder of the evaluator of people that takes part in choosing the policy that is kept."""
        seed = self._config.people.seed

        def build(folder: Path, stage: Stage) -> Mapping[str, Any]:
            from ecr_rl.training.people_evaluator import build_people_evaluator

            return build_people_evaluator(self.ratings(), "selecting", seed, folder, stage.update)

        return self._artefact("people_selecting", {}, 1, build)

    @pinned("people_reporting")
    def people_reporting(self) -> Path:
        """Folder of the evaluator of people that reports, and that nothing is chosen by."""
        seed = self._config.people.seed

        def build(folder: Path, stage: Stage) -> Mapping[str, Any]:
            from ecr_rl.training.people_evaluator import build_people_evaluator

            return build_people_evaluator(self.ratings(), "reporting", seed, folder, stage.update)

        return self._artefact("people_reporting", {}, 1, build)

    @pinned("recommender")
    def recommender(self) -> Path:
        """Folder of the film recommender, with those that have seen fewer dialogues."""
        settings = self._config.recommender

        def build(folder: Path, stage: Stage) -> Mapping[str, Any]:
            from ecr_rl.training.parts import build_cross_fitted

            return build_cross_fitted(self.corpus(), settings, folder, stage.update)

        return self._artefact("recommender", {}, 1, build)

    @pinned("responder")
    def responder(self) -> Path:
        """Folder of the supervised policy: PPO's start, its reference, and the baseline of the report."""
        config = self._config
        recommender = self.recommender()

        def build(folder: Path, stage: Stage) -> Mapping[str, Any]:
            from ecr_rl.training.responder import build_responder

            return build_responder(self.corpus(), recommender, config, folder, stage.update)

        return self._artefact("responder", {"recommender": recommender.name}, config.supervised.steps, build)

    def artefacts(self) -> ArtefactFolders:
        """The folders of all trained parts; those that are missing are built."""
        return ArtefactFolders(
            recommender=self.recommender(),
            responder=self.responder(),
            critic=self.critic(),
            reporting_evaluator=self.reporting_evaluator(),
            people_reporting=self.people_reporting(),
            selecting_evaluator=self.selecting_evaluator() if self._config.ppo.select_every else None,
            people_selecting=self.people_selecting() if self._config.ppo.select_every else None,
        )

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

    @cached_property
    def _ratings(self) -> tuple[RatingSet, ...]:
        named = [user_path(path) for path in self._config.people.ratings]
        return tuple(read_ratings(named, conversations_of(self.corpus()))) if named else ()

    def _judge_name(self) -> dict[str, Any]:
        """What decides the rubric's labels, beside the settings: the names of its parts."""
        people = self.people()
        return {"instruments": self._instruments_name(), "people": people and people.name, "heads": self._heads}

    def _instruments_name(self) -> str | None:
        folder = self.instruments()
        return folder and folder.name

    def _artefact(
        self,
        kind: marks.Stage,
        rests_on: Mapping[str, Any],
        total: int,
        build: Callable[..., Mapping[str, Any]],
        *needed: Callable[[], Any],
    ) -> Path:
        """The folder of a part, built where it is missing.

        Args:
            kind: of the part.
            rests_on: the parts that it is made of, as JSON values. Corpus, code and settings are in its key anyway.
            total: steps of its stage.
            build: takes the folder to fill, its stage, and what ``needed`` gave; returns the part's figures. The method
                that defines it is where the search for the code begins that decides the part.
            needed: work with stages of its own, done before this stage begins.
        """

        def builder(folder: Path) -> Mapping[str, Any]:
            self._run.rewind(kind, 0)  # a killed attempt left lines
            prepare_torch(self._config.resources.driver_threads)
            given = [work() for work in needed]
            with self._run.stage(kind, total) as stage:
                return build(folder, stage, *given)

        key = {"corpus": self.corpus().fingerprint, "code": code_version(build), **settings_key(self._config, kind)}
        key |= rests_on
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
        folder = user_path(written).resolve()
        if not (folder / card).is_file():
            raise ConfigError(f"{kind}.folder={written}: no {kind} there, {card} is missing. {maker} makes one")
        require_heads(folder / card, self._config.head_definitions, f"{kind}.folder={written}")
        return self.parts.give(kind, folder)
