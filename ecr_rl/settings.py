"""The settings of labels and evaluation.

Importing this needs neither torch nor ray.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from envs.settings import EndpointSettings, Settings


class ContextForm(StrEnum):
    """How much a judge reads besides the text."""

    PLAIN = "plain"
    """The turns, the reply, and the facts of the films named."""
    RICH = "rich"
    """Also the emotion of each turn and the seeker's feeling about the films."""


class JudgeSettings(EndpointSettings):
    """Which judge scores replies, and what it reads."""

    judge: Literal["rubric", "transformers", "openai"] = Field(
        default="rubric", description="rubric: measured offline | transformers: a chat model here | openai: an endpoint"
    )
    context: ContextForm = Field(default=ContextForm.PLAIN, description="plain | rich: emotions and tastes too")
    model: str = Field(
        default="", description="transformers: smollm2 (packaged), a folder or a hub id | openai: its name"
    )
    four_bit: bool = Field(default=False, description="transformers: hold the model in nf4")
    reading: Literal["expectation", "text"] = Field(
        default="expectation", description="transformers: mean over the score tokens | the scores that it writes"
    )
    batch: int = Field(default=8, gt=0, description="transformers: replies of a forward pass")
    max_new: int = Field(default=80, gt=0, description="the most tokens of an answer")
    concurrency: int = Field(default=8, gt=0, description="openai: concurrent requests of each worker")


class TextReaderSettings(Settings):
    """The rubric's readers of emotions, acts and similarity."""

    emotions: str = Field(
        default="lexicon", description="lexicon: phrases | hub | GoEmotions folder: a classifier is fitted to it"
    )
    acts: str = Field(default="rules", description="rules: phrases | IARD's JSON file: a classifier is fitted to it")
    sentences: str = Field(default="words", description="words | minilm (packaged) | a folder | a hub id")
    seed: int = 0


class LabelSettings(Settings):
    """The labels that a critic learns from."""

    folder: str | None = Field(
        default=None,
        description="a label folder of ecr-rl label: a chat model's, an endpoint's, people's; unset: the rubric's",
    )
    count: int = Field(
        default=9000, gt=0, description="the most replies to label: human ones, the policy's and made ones"
    )
    policy: bool = Field(default=True, description="label replies sampled from the supervised policy, too")
    context: ContextForm = Field(default=ContextForm.RICH, description="plain | rich: emotions and tastes too")
    instruments: TextReaderSettings = TextReaderSettings()


class EvaluationSettings(Settings):
    """How the trained policy is compared with the supervised one."""

    dialogues: int = Field(default=200, gt=0, description="held-out dialogues that each system converses on")
    repeats: int = Field(default=2, gt=0, description="conversations of each system on each dialogue")
    gold_replies: int = Field(
        default=200, ge=0, description="replies to human contexts, for BLEU and other reference figures"
    )
    pmi_dialogues: int = Field(default=0, ge=0, description="of these dialogues, those whose replies' PMI is measured")
    language_model: str = Field(
        default="smollm2", description="measures the PMI: smollm2 (packaged), a folder, a hub id"
    )
    resamples: int = Field(default=2000, gt=0, description="bootstrap resamples over dialogues")
    samples: int = Field(default=20, ge=0, description="conversations shown side by side in the report, at most")
    calibration_conversations: int = Field(
        default=128,
        gt=0,
        description="conversations of the reference policy that measure each head's mean and deviation",
    )
