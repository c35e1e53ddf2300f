"""The settings of labelling."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ecr_rl.labels.evidence import ContextForm
from envs.settings import EndpointSettings, Settings


class JudgeSettings(EndpointSettings):
    """Who judges replies, and what the judge is told."""

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
    max_new: int = Field(default=80, gt=0, description="tokens of an answer at most")
    concurrency: int = Field(default=8, gt=0, description="openai: questions under way at once, for each worker")


class InstrumentSettings(Settings):
    """What the rubric measures emotions, acts and similarity with."""

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
    count: int = Field(default=9000, gt=0, description="replies to label at most: human, the policy's and made ones")
    policy: bool = Field(default=True, description="label replies sampled from the supervised policy, too")
    context: ContextForm = Field(default=ContextForm.RICH, description="plain | rich: emotions and tastes too")
    instruments: InstrumentSettings = InstrumentSettings()
