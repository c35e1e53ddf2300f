"""The settings of labels, people's ratings and evaluation.

Importing this needs neither torch nor ray.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, Self

from pydantic import model_validator

from envs.marks import Settings, TakesPath, seed_setting, setting
from envs.settings import EndpointSettings


class ContextForm(StrEnum):
    """How much a judge reads besides the text."""

    PLAIN = "plain"
    """The turns, the reply, and the facts of the films named."""
    RICH = "rich"
    """Also the emotion of each turn and the seeker's feeling about the films."""


class JudgeSettings(EndpointSettings):
    """Which judge scores replies, what it reads, and what it weighs beside others."""

    judge: str = setting(
        "rubric",
        rebuilds={"labels"},
        description="rubric: measured offline | transformers: a chat model here | openai: an endpoint | module:Class",
    )
    context: ContextForm = setting(
        ContextForm.RICH, rebuilds={"labels"}, description="plain | rich: emotions and tastes too"
    )
    model: str = setting(
        "",
        rebuilds={"labels"},
        path=TakesPath(frozenset({"smollm2", "qwen-1.5b"}), hub=True),
        description="transformers: smollm2 (where nothing is said), qwen-1.5b (both packaged), a folder or a hub id | "
        "openai: its name",
    )
    prompt: str | None = setting(
        None,
        rebuilds={"labels"},
        path=TakesPath(),
        min_length=1,
        description="transformers, openai: a text FILE that says what to do, in place of the project's own words; "
        "{questions} in it becomes the heads' questions",
    )
    four_bit: bool = setting(False, rebuilds={"labels"}, description="transformers: hold the model in nf4")
    reading: Literal["expectation", "text"] = setting(
        "expectation",
        rebuilds={"labels"},
        description="transformers: mean over the score tokens | the scores that it writes",
    )
    batch: int = setting(
        8, rebuilds={"labels"}, same_result=True, gt=0, description="transformers: replies of a forward pass"
    )
    max_new: int = setting(80, rebuilds={"labels"}, gt=0, description="the most tokens of an answer")
    concurrency: int = setting(
        8, rebuilds={"labels"}, same_result=True, gt=0, description="openai: concurrent requests of each worker"
    )
    weight: float | None = setting(
        None,
        rebuilds={"labels"},
        ge=0,
        description="its share of the labels beside other judges; unset for all: by agreement with people where their "
        "ratings are at hand, else equal",
    )

    @model_validator(mode="after")
    def _can_be_told(self) -> Self:
        if self.prompt is not None and self.judge == "rubric":
            raise ValueError("the rubric is told nothing: prompt goes with judge transformers, openai or your own")
        return self


class TextReaderSettings(Settings):
    """The rubric's readers of emotions, acts and similarity."""

    emotions: str = setting(
        "lexicon",
        rebuilds={"instruments"},
        path=TakesPath(frozenset({"lexicon", "hub"})),
        description="lexicon: phrases | hub | GoEmotions folder: a classifier is fitted to it",
    )
    acts: str = setting(
        "rules",
        rebuilds={"instruments"},
        path=TakesPath(frozenset({"rules"})),
        description="rules: phrases | IARD's JSON file: a classifier is fitted to it",
    )
    sentences: str = setting(
        "words",
        rebuilds={"instruments"},
        path=TakesPath(frozenset({"words", "minilm"}), hub=True),
        description="words | minilm (packaged) | a folder | a hub id",
    )
    seed: int = seed_setting(rebuilds={"instruments"})


class LabelSettings(JudgeSettings):
    """The labels that a critic learns from, and the judge that gives them."""

    more_judges: tuple[JudgeSettings, ...] = setting(
        (),
        rebuilds={"labels"},
        description="judges of the same replies beside labels.judge, each with its own judge, model, weight, …; a "
        "label is their weighted mean",
    )

    folder: str | None = setting(
        None,
        rebuilds={"labels"},
        path=TakesPath(),
        description="a label folder of ecr-rl label, in place of the judge's labels: people's, or those of another run",
    )
    count: int = setting(
        9000, rebuilds={"labels"}, gt=0, description="the most replies to label: human ones, the policy's and made ones"
    )
    policy: bool = setting(
        True, rebuilds={"labels"}, description="label replies sampled from the supervised policy, too"
    )
    context: ContextForm = setting(
        ContextForm.RICH,
        rebuilds={"labels", "reporting_evaluator", "selecting_evaluator"},
        description="plain | rich: emotions and tastes too",
    )
    instruments: TextReaderSettings = TextReaderSettings()

    @property
    def judges(self) -> tuple[JudgeSettings, ...]:
        """All judges, ``labels.judge`` first."""
        return (self, *self.more_judges)

    @property
    def rubric_context(self) -> ContextForm | None:
        """What the rubric is told as one of the judges; None if it is none of them."""
        return next((judge.context for judge in self.judges if judge.judge == "rubric"), None)

    @model_validator(mode="after")
    def _weighs_all_or_none(self) -> Self:
        weights = [judge.weight for judge in self.judges if judge.weight is not None]
        if self.more_judges and weights and len(weights) < len(self.judges):
            raise ValueError(
                "some judges have a weight and others none. Give one to each, labels.weight too, or to none"
            )
        if self.more_judges and weights and not any(weights):
            raise ValueError("every judge weighs 0. Give one of them a weight above 0")
        return self


class PeopleSettings(Settings):
    """People's ratings of replies and of whole dialogues (docs/people.md)."""

    ratings: tuple[str, ...] = setting(
        (),
        rebuilds={"people", "people_selecting", "people_reporting"},
        path=TakesPath(),
        description="folders and files of people's ratings; none: what the package ships",
    )
    without: tuple[str, ...] = setting(
        (),
        rebuilds={"people"},
        description="sets that the critic learns nothing from, such as ab-redial, to be judged on all of them",
    )
    seed: int = seed_setting(
        rebuilds={"people", "people_selecting", "people_reporting"},
        description="of the division of dialogues and posts into what is learnt from, chosen by and reported by",
    )


class EvaluationSettings(Settings):
    """How the trained policy is compared with the supervised one."""

    dialogues: int = setting(
        200,
        rebuilds={"evaluation"},
        resume={"run"},
        gt=0,
        description="held-out dialogues that each system converses on, spread evenly over the test split",
    )
    reporting: str = setting(
        "words",
        rebuilds={"reporting_evaluator"},
        description="the evaluator that reports held-out heads: words, characters (ridge regressions) | module:Class",
    )
    repeats: int = setting(
        2, rebuilds={"evaluation"}, resume={"run"}, gt=0, description="conversations of each system on each dialogue"
    )
    gold_replies: int = setting(
        200,
        rebuilds={"evaluation"},
        resume={"run"},
        ge=0,
        description="of these dialogues, those with a reply to a human context, for BLEU and other reference figures; "
        "spread evenly",
    )
    pmi_dialogues: int = setting(
        0,
        rebuilds={"evaluation"},
        resume={"run"},
        ge=0,
        description="of these dialogues, those whose replies' PMI is measured; spread evenly",
    )
    language_model: str = setting(
        "smollm2",
        rebuilds={"evaluation"},
        resume={"run"},
        path=TakesPath(frozenset({"smollm2"}), hub=True),
        description="measures the PMI: smollm2 (packaged), a folder, a hub id",
    )
    resamples: int = setting(
        2000, rebuilds={"evaluation"}, resume={"run"}, gt=0, description="bootstrap resamples over dialogues"
    )
    samples: int = setting(
        20,
        rebuilds={"report"},
        resume={"run"},
        ge=0,
        description="conversations shown side by side in the report, at most; spread evenly",
    )
    figures: tuple[str, ...] = setting(
        (),
        rebuilds={"report"},
        resume={"run"},
        description="further figures for the report, module:attribute each",
    )
    calibration_conversations: int = setting(
        128,
        rebuilds={"reference"},
        gt=0,
        description="conversations of the reference policy that measure each head's mean and deviation",
    )
