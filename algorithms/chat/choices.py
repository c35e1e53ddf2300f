"""Read what a chat model would answer where few answers are possible: the chances of single tokens, in one forward."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from algorithms.chat.model import ChatModel
from algorithms.policy.decoding import require_exact_decoding
from algorithms.policy.language_model import chosen_logits, max_positions
from envs.errors import ModelError


def choice_tokens(
    tokenizer: Any, name: str, before: str, choices: Sequence[str], *, spaced: bool = True
) -> tuple[str, list[int]]:
    """The space after a beginning and the tokens of the choices behind both, so that the next token is the choice.

    If the tokenizer makes the space before a choice a separate token, the beginning includes it; otherwise it ends
    before the space, which then belongs to the choice's token.

    Args:
        tokenizer: of the model.
        name: the model's, for the message.
        before: the beginning of an answer, such as ``{"empathy":``.
        choices: what may follow, such as the digits.
        spaced: whether a space stands between both; a choice in quotes has none.

    Returns:
        The space that belongs to the beginning (empty or one space), and the ids of the choices in their order.

    Raises:
        ModelError: a choice is no single token.
    """
    for space, between in ((" ", ""), ("", " ")) if spaced else (("", ""),):
        stem = tokenizer(f"{before}{space}", add_special_tokens=False)["input_ids"]
        ids = []
        for choice in choices:
            whole = tokenizer(f"{before}{space}{between}{choice}", add_special_tokens=False)["input_ids"]
            if whole[: len(stem)] == stem and len(whole) == len(stem) + 1:
                ids.append(whole[-1])
        if len(set(ids)) == len(choices):
            return space, ids
    raise ModelError(f"{name}: its tokenizer has no single token for each of {', '.join(choices)}")


class ChoiceReader:
    """The chances that a chat model gives to some tokens at places of an answer.

    The last prompt's keys and values are kept: what the next prompt begins with alike is not computed again.
    Chances therefore depend on the order of the prompts, by rounding alone.
    """

    def __init__(self, chat: ChatModel, name: str) -> None:
        """Read from this model.

        Raises:
            ModelError: the model cannot go on from kept keys and values.
        """
        require_exact_decoding(chat.model, name)
        self._chat, self._cache, self._ids = chat, DynamicCache(), list[int]()

    @property
    def room(self) -> int:
        """The most tokens of a text."""
        return max_positions(self._chat.model)

    @torch.inference_mode()
    def chances(
        self, prompt: Sequence[int], stems: Sequence[Sequence[int]], choices: Sequence[int]
    ) -> list[list[float]]:
        """The distribution over some tokens after a prompt and each of several beginnings of an answer.

        Args:
            prompt: its tokens, one or more.
            stems: tokens of K beginnings, each of one or more; none sees another.
            choices: ids of the C tokens.

        Returns:
            K distributions over the choices, each of C numbers that add up to 1.
        """
        kept = self._keep(_alike(prompt, self._ids))
        if kept < len(prompt):
            self._forward([prompt[kept:]], self._cache, kept)
        self._ids = list(prompt)
        branches = deepcopy(self._cache)
        branches.batch_repeat_interleave(len(stems))
        logits = self._forward(stems, branches, len(prompt))
        return torch.softmax(logits[:, list(choices)].float(), -1).tolist()

    def _forward(self, rows: Sequence[Sequence[int]], cache: DynamicCache, before: int) -> torch.Tensor:
        """Read rows of tokens after ``before`` others; the logits after each row's last, (K, vocabulary).

        Rows are padded on the right, where no token of theirs attends to.
        """
        device, longest = self._chat.model.device, max(map(len, rows))
        ids = torch.tensor([[*row, *[0] * (longest - len(row))] for row in rows], device=device)
        ends = torch.tensor([len(row) - 1 for row in rows], device=device)
        _, logits = chosen_logits(
            self._chat.model,
            lambda hidden: hidden[torch.arange(len(rows), device=device), ends],
            input_ids=ids,
            position_ids=torch.arange(before, before + longest, device=device)[None].expand(len(rows), -1),
            past_key_values=cache,
            use_cache=True,
        )
        return logits

    def _keep(self, count: int) -> int:
        """Let the cache hold the first ``count`` tokens of the last prompt; return how many it holds.

        A layer that looks back over a window has dropped what is older, so such a model reads each prompt anew.
        """
        if count == 0 or any(type(layer) is not DynamicLayer for layer in self._cache.layers):
            self._cache = DynamicCache()
            return 0
        self._cache.crop(count - len(self._ids))
        return count


def _alike(first: Sequence[int], second: Sequence[int]) -> int:
    """How many tokens both begin with."""
    return next(
        (index for index, (one, other) in enumerate(zip(first, second, strict=False)) if one != other),
        min(len(first), len(second)),
    )
