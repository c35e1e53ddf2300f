"""A chat model in this process, with its tokenizer: from the hub or a folder, in 4 bits where asked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from jinja2 import TemplateError

from algorithms.model_files import ModelFiles, load_plain_tokenizer, require_rows
from algorithms.packaged_models import best_device
from algorithms.policy.language_model import load_causal_lm
from algorithms.settings.precision import Precision, computes_in_bfloat16
from envs.errors import ModelError
from envs.model_text.thinking import closing, marks_thinking, opened_by

_MARK_TOKENS = 20
"""Tokens at a prompt's end, at most, that open the model's thinking."""


class ChatModel:
    """A loaded causal language model with its tokenizer and chat template.

    Attributes:
        model: in eval mode.
        tokenizer: pads on the left, so that rows of a batch end together.
    """

    def __init__(self, source: str, *, four_bit: bool = False, precision: Precision = "auto") -> None:
        """Load a folder or hub id.

        Args:
            source: the folder or hub id.
            four_bit: hold the linear layers in nf4.
            precision: the dtype in which it computes; ``auto`` is float32 on a CPU, else bfloat16.

        Raises:
            ModelError: no model or no tokenizer is there.
        """
        device = best_device()
        dtype = torch.bfloat16 if computes_in_bfloat16(precision, device) else torch.float32
        self.model = load_causal_lm(source, dtype=dtype, four_bit=four_bit, device=device).eval()
        remedy = "Name a folder or hub id of a chat model"
        self.tokenizer: Any = load_plain_tokenizer(source, remedy)
        if self.tokenizer.eos_token_id is None:
            raise ModelError(
                f"the tokenizer of {source!r} has no end-of-sequence token; answers could not end. {remedy}"
            )
        if self.tokenizer.pad_token_id is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        with ModelFiles(source, f"chat model {source!r} cannot be used", remedy):
            require_rows(self.model, self._ids_in_use())
        self.tokenizer.padding_side = "left"

    @property
    def has_template(self) -> bool:
        """Whether the tokenizer has a chat template; a model without one continues plain text."""
        return bool(getattr(self.tokenizer, "chat_template", None))

    def written(self, prompts: Iterable[Any], tokens: Iterable[Any]) -> list[str]:
        """What the model wrote after each of N prompts, for ``envs.model_text.thinking.answer_of`` to read.

        Marks of thinking stay, also one with which the prompt ends; other special tokens go.

        Args:
            prompts: ids of each prompt.
            tokens: ids of what follows it.
        """
        special = [token for token in self.tokenizer.all_special_tokens if not marks_thinking(token)]
        written = []
        for prompt, ids in zip(prompts, tokens, strict=True):
            text = self.tokenizer.decode(ids, skip_special_tokens=False)
            for token in special:
                text = text.replace(token, "")
            written.append(opened_by(self.tokenizer.decode(prompt[-_MARK_TOKENS:])) + text)
        return written

    def length(self, text: str) -> int:
        """Number of tokens of a text; special tokens written in it count, and none are added."""
        return len(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def _ids_in_use(self) -> set[int]:
        """Ids of text and padding; some tokenizers have special tokens, such as an image's, that a text model lacks."""
        special = {index for index, token in self.tokenizer.added_tokens_decoder.items() if token.special}
        return {*self.tokenizer.get_vocab().values()} - special | {self.tokenizer.pad_token_id}

    def write(self, messages: list[dict[str, str]]) -> str:
        """Render a chat by its template, up to the point where the model answers."""
        options: dict[str, Any] = {"tokenize": False, "add_generation_prompt": True}
        try:
            return self.tokenizer.apply_chat_template(messages, **options)
        except TemplateError:  # some templates, such as Gemma's, have no system role
            whole = "\n\n".join(message["content"] for message in messages)
            return self.tokenizer.apply_chat_template([{"role": "user", "content": whole}], **options)

    def write_question(self, messages: list[dict[str, str]], *, at_once: bool) -> str:
        """Render a chat whose answer follows; a model without a template gets plain text that ends in ``Answer:``.

        Args:
            messages: the chat.
            at_once: the answer begins here, so thinking that the template opens is closed again.
        """
        if not self.has_template:
            whole = "\n\n".join(message["content"] for message in messages)
            return f"{whole}\n\nAnswer:\n"
        prompt = self.write(messages)
        thinking = opened_by(prompt) if at_once else ""
        return f"{prompt}{closing(thinking)}\n\n" if thinking else prompt
