"""Chat models in this process: what they wrote keeps its marks of thinking, and loses all other special tokens."""

from __future__ import annotations

import pytest

from algorithms.chat.model import ChatModel
from envs.model_text.thinking import answer_of
from tests.algorithms.doubles import tiny_policy_folder


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> ChatModel:
    chat = ChatModel(str(tiny_policy_folder(tmp_path_factory.mktemp("chat"))))
    marks = ["[THINK]", "[/THINK]", "<|channel|>", "<|message|>", "<|im_end|>"]
    chat.tokenizer.add_special_tokens({"additional_special_tokens": marks})
    return chat


@pytest.mark.parametrize(
    ("prompt", "text", "answer"),
    [
        ("Hi", "something scary<|im_end|>", "something scary"),
        ("Hi", "[THINK]I like horror[/THINK]something scary<|im_end|>", "something scary"),
        ("Hi", "[THINK]I like horror", None),
        ("Hi [THINK]\n", "I like horror[/THINK]something scary", "something scary"),
        ("Hi [THINK]\n", "I like horror", None),
        ("Hi", "<|channel|>analysis<|message|>I like horror", None),
    ],
)
def test_thinking_can_be_taken_out(chat: ChatModel, prompt: str, text: str, answer: str | None) -> None:
    prompts, tokens = ([chat.tokenizer(words)["input_ids"]] for words in (prompt, text))
    (written,) = chat.written(prompts, tokens)
    assert answer_of(written) == answer
