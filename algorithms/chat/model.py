"""A chat model in this process, with its tokenizer: from the hub or a folder, in 4 bits where asked."""

from __future__ import annotations

from typing import Any

import torch
from jinja2 import TemplateError
from transformers import AutoTokenizer

from algorithms.packaged_models import best_device
from algorithms.policy.language_model import load_causal_lm
from envs.errors import ModelError


class ChatModel:
    """A loaded causal language model and how it is spoken to.

    Attributes:
        model: in eval mode; float32 on a CPU, else bfloat16.
        tokenizer: pads on the left, so that rows of a batch end together.
    """

    def __init__(self, source: str, *, four_bit: bool = False) -> None:
        """Load a folder or hub id.

        Raises:
            ModelError: no model or no tokenizer is there.
        """
        device = best_device()
        dtype = torch.bfloat16 if device != "cpu" else torch.float32
        self.model = load_causal_lm(source, dtype=dtype, four_bit=four_bit, device=device).eval()
        try:
            self.tokenizer: Any = AutoTokenizer.from_pretrained(source, use_fast=True)
        except (OSError, ValueError) as error:
            raise ModelError(f"no tokenizer at {source!r}: {error}") from error
        if self.tokenizer.pad_token_id is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        self.tokenizer.padding_side = "left"

    @property
    def has_template(self) -> bool:
        """Whether it knows how a chat is written: one that does not goes on from plain text."""
        return bool(getattr(self.tokenizer, "chat_template", None))

    def length(self, text: str) -> int:
        """Tokens of a text, special tokens that it spells out included, none added."""
        return len(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def write(self, messages: list[dict[str, str]]) -> str:
        """A chat as its template writes it, up to where the model answers."""
        options: dict[str, Any] = {"tokenize": False, "add_generation_prompt": True}
        try:
            return self.tokenizer.apply_chat_template(messages, **options)
        except TemplateError:  # Gemma's template, among others, knows no system role
            whole = "\n\n".join(message["content"] for message in messages)
            return self.tokenizer.apply_chat_template([{"role": "user", "content": whole}], **options)
