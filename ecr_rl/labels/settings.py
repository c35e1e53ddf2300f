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
