"""A judge that is a chat model in this process: from the hub or a folder, in 4 bits where asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForCausalLM

from algorithms.chat.choices import choice_tokens
from algorithms.chat.model import ChatModel
from algorithms.policy.language_model import chosen_logits, max_positions
from ecr_rl.labels.judging.injection import speaks_to_judge
from ecr_rl.labels.judging.judge_protocol import Evidence, Labels, no_labels
from ecr_rl.labels.judging.prompt import EmotionsOf, JudgePrompt, unit
from ecr_rl.labels.judging.score_answers import HIGHEST, LOWEST
from ecr_rl.settings import JudgeSettings
from envs.catalog import Catalog
from envs.errors import ModelError
from envs.heads import Head

_DIGITS = [str(score) for score in range(LOWEST, HIGHEST + 1)]


class _JudgingModel(ChatModel):
    """A chat model with its score tokens.

    Attributes:
        prefills: beginnings of the answer up to each score; none for parsed text.
        score_ids: tokens of the scores behind them, from the lowest.
        room: tokens of a prompt at most.
    """

    def __init__(self, settings: JudgeSettings, heads: Sequence[str]) -> None:
        super().__init__(settings.model, four_bit=settings.four_bit)
        self.prefills: list[str] = []
        self.score_ids: list[int] = []
        if settings.reading == "expectation":
            self.prefills, self.score_ids = self._score_tokens(settings.model, heads)
        ahead = max((self.length(prefill) for prefill in self.prefills), default=0)
        self.room = max_positions(self.model) - max(ahead, settings.max_new)

    def _score_tokens(self, model: str, heads: Sequence[str]) -> tuple[list[str], list[int]]:
        """The beginnings of the answer up to each score, and the ids of the scores behind them, from the lowest."""
        try:
            space, ids = choice_tokens(self.tokenizer, model, f'{{"{heads[0]}":', _DIGITS)
        except ModelError as error:
            raise ModelError(f"{error}. Use labels.reading=text or --reading text") from None
        return _prefills(space, heads), ids


class ModelJudge:
    """Gets scores from a chat model, as an expectation over the score tokens or as parsed text."""

    name = "transformers"

    def __init__(
        self,
        settings: JudgeSettings,
        catalog: Catalog,
        heads: Sequence[Head],
        emotions: EmotionsOf | None = None,
        task: str | None = None,
    ) -> None:
        """Judge by a model; it is loaded when the first reply comes.

        Args:
            settings: model, precision, reading.
            catalog: facts of the films.
            heads: what is scored; those without a question stay unknown.
            emotions: reads emotions for the rich context.
            task: what it is told to do, as ``JudgePrompt`` takes it.
        """
        self._settings, self._catalog, self._emotions = settings, catalog, emotions
        self.heads, self._prompt = tuple(heads), JudgePrompt(heads, task)
        self.provenance: Mapping[str, object] = {
            "model": settings.model,
            "four_bit": settings.four_bit,
            "reading": settings.reading,
            "max_new": settings.max_new,
            "prompt": self._prompt.version,
            "context": settings.context.value,
        }

    @cached_property
    def _chat(self) -> _JudgingModel:
        return _JudgingModel(self._settings, self._prompt.heads)

    def judge(self, evidence: Sequence[Evidence]) -> Labels:
        """Score N replies; an unreadable answer is recorded as the piece's problem.

        Raises:
            ModelError: the model cannot be loaded, or an expectation is wanted and its tokenizer has no single token
                for each score.
        """
        labels, asked = no_labels(len(evidence), [head.name for head in self.heads]), self._prompt.heads
        labels.flagged[:] = [speaks_to_judge(piece.exchange.reply, asked) for piece in evidence]
        problems, columns = [""] * len(evidence), labels.columns(asked)
        for first in range(0, len(evidence), self._settings.batch):
            stop = min(first + self._settings.batch, len(evidence))
            written = {row: self._fitting(evidence[row]) for row in range(first, stop)}
            rows = [row for row, prompt in written.items() if prompt]
            prompts = [written[row] for row in rows]
            for row in written.keys() - set(rows):
                problems[row] = f"too long for the model's {max_positions(self._chat.model)} positions"
            if not rows:
                continue
            read = self.expected(prompts) if self._settings.reading == "expectation" else self.parsed(prompts)
            for row, scores in zip(rows, read, strict=True):
                if isinstance(scores, str):
                    problems[row] = scores
                else:
                    labels.values[row, columns], labels.known[row, columns] = scores, True
        return replace(labels, problems=tuple(problems))

    @torch.inference_mode()
    def expected(self, prompts: Sequence[str]) -> list[list[float] | str]:
        """For each head asked about, the mean score under the model's distribution over the score tokens."""
        columns = []
        for prefill in self._chat.prefills:
            batch = self._batch([prompt + prefill for prompt in prompts])
            # The padding on the left takes no positions, so that a score does not depend on the rest of its batch.
            positions = (batch["attention_mask"].cumsum(-1) - 1).clamp(min=0)
            _, logits = chosen_logits(
                self._chat.model, lambda hidden: hidden[:, -1], **batch, position_ids=positions, use_cache=False
            )
            chances = torch.softmax(logits[:, self._chat.score_ids].float(), dim=-1)
            scores = torch.arange(LOWEST, HIGHEST + 1, device=chances.device, dtype=chances.dtype)
            columns.append((chances @ scores).cpu().numpy())
        return [[unit(float(score)) for score in row] for row in np.stack(columns, axis=1)]

    @torch.inference_mode()
    def parsed(self, prompts: Sequence[str]) -> list[list[float] | str]:
        """The scores that the model writes, or why they cannot be read."""
        batch = self._batch(list(prompts))
        written = self._chat.model.generate(  # pyright: ignore[reportCallIssue]
            **batch,
            max_new_tokens=self._settings.max_new,
            do_sample=False,
            pad_token_id=self._chat.tokenizer.pad_token_id,
        )
        texts = self._chat.written(batch["input_ids"], written[:, batch["input_ids"].shape[1] :])
        return [self._prompt.read(text) for text in texts]

    def _fitting(self, piece: Evidence) -> str:
        """The prompt with as many of the latest turns as the model has room for; empty where none fits."""
        turns = piece.exchange.context
        for first in range(len(turns) + 1):
            prompt = self._write(replace(piece, exchange=replace(piece.exchange, context=turns[first:])))
            if self._chat.length(prompt) <= self._chat.room:
                return prompt
        return ""

    def _write(self, piece: Evidence) -> str:
        messages = self._prompt.messages(piece, self._catalog, self._settings.context, self._emotions)
        return self._chat.write_question(messages, at_once=bool(self._chat.prefills))

    def _batch(self, texts: list[str]) -> dict[str, torch.Tensor]:
        batch = self._chat.tokenizer(texts, return_tensors="pt", padding=True, add_special_tokens=False)
        return {name: tensor.to(self._chat.model.device) for name, tensor in batch.items() if name != "token_type_ids"}


def _prefills(space: str, heads: Sequence[str]) -> list[str]:
    """``{"empathy": ``, then each head behind neutral scores of those before."""
    return [
        "{" + "".join(f'"{before}": 3, ' for before in heads[:index]) + f'"{head}":{space}'
        for index, head in enumerate(heads)
    ]


def model_size(config: Any) -> int:
    """The number of parameters of a causal model, from its config; no weights are read or allocated."""
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    return sum(parameter.numel() for parameter in model.parameters())
