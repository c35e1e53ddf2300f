"""The settings of labelling."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ecr_rl.labels.evidence import ContextForm
from envs.settings import Settings


class JudgeSettings(Settings):
    """Who judges replies, and what the judge is told."""

    judge: Literal["rubric"] = Field(default="rubric", description="rubric: measured offline")
    context: ContextForm = Field(default=ContextForm.PLAIN, description="plain | rich: emotions and tastes too")


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

    count: int = Field(default=9000, gt=0, description="replies to label at most: human, the policy's and made ones")
    policy: bool = Field(default=True, description="label replies sampled from the supervised policy, too")
    context: ContextForm = Field(default=ContextForm.RICH, description="plain | rich: emotions and tastes too")
    instruments: InstrumentSettings = InstrumentSettings()
