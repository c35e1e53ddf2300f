"""What labelling by language models costs, before anything is asked: prompts and tokens, roughly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ecr_rl.labels.judging.prompt import JudgePrompt, read_prompt
from ecr_rl.labels.judging.registry import OPENAI, TRANSFORMERS
from ecr_rl.settings import ContextForm, JudgeSettings, LabelSettings
from envs.heads import Head

DIALOGUE_TOKENS = {ContextForm.PLAIN: 290, ContextForm.RICH: 360}
"""Mean tokens of dialogue, reply and film facts in a prompt: 599 labelled replies of ReDial, SmolLM2's tokenizer."""
CHARACTERS_A_TOKEN = 3.4
"""Of the instructions, by the same tokenizer."""
SCORE_TOKENS = 8
"""Of one head's score in an answer that is written out, by the same tokenizer."""


@dataclass(frozen=True, slots=True)
class LabellingCost:
    """What one judge of a run will be asked, at most.

    Attributes:
        judge: its name.
        model: its model, as the settings name it.
        prompts: prompts that it reads; with the reading ``expectation`` one for each head of each reply.
        prompt_tokens: tokens of all prompts, roughly.
        answer_tokens: tokens of all answers, roughly; an expectation reads scores and writes none.
    """

    judge: str
    model: str
    prompts: int
    prompt_tokens: int
    answer_tokens: int


def labelling_costs(labels: LabelSettings, heads: Sequence[Head]) -> list[LabellingCost]:
    """The cost of each judge of these settings that is a language model; none where a label folder is given.

    Raises:
        ConfigError: a prompt file cannot be read.
    """
    if labels.folder is not None:
        return []
    asked = [judge for judge in labels.judges if judge.judge in (TRANSFORMERS, OPENAI)]
    return [_cost(judge, labels.count, heads) for judge in asked]


def _cost(settings: JudgeSettings, replies: int, heads: Sequence[Head]) -> LabellingCost:
    prompt = JudgePrompt(heads, read_prompt(settings.prompt))
    expected = settings.judge == TRANSFORMERS and settings.reading == "expectation"
    prompts = replies * (len(prompt.heads) if expected else 1)
    tokens = DIALOGUE_TOKENS[settings.context] + prompt.length / CHARACTERS_A_TOKEN
    answer = 0 if expected else min(settings.max_new, SCORE_TOKENS * len(prompt.heads))
    return LabellingCost(settings.judge, settings.model, prompts, round(prompts * tokens), prompts * answer)
