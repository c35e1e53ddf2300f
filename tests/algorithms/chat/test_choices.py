"""Chances of single tokens: as the plain forward gives them, with and without what the last text began with."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM, PreTrainedTokenizerFast

from algorithms.chat.choices import ChoiceReader, choice_tokens
from algorithms.chat.model import ChatModel
from envs.errors import ModelError

WORDS = ["[UNK]", "[PAD]", *"abcdefghijklmnopqrstuvwxyz"]
SHAPE = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}


@pytest.fixture(params=["whole", "window"])
def chat(request: pytest.FixtureRequest, tmp_path: Path) -> ChatModel:
    """A random model, one that sees all and one that looks back over three tokens."""
    torch.manual_seed(0)
    if request.param == "whole":
        model = LlamaForCausalLM(LlamaConfig(vocab_size=len(WORDS), **SHAPE))  # pyright: ignore
    else:
        config = MistralConfig(vocab_size=len(WORDS), sliding_window=3, num_key_value_heads=2, **SHAPE)  # pyright: ignore
        model = MistralForCausalLM(config)
    model.save_pretrained(tmp_path)
    made = Tokenizer(WordLevel({word: index for index, word in enumerate(WORDS)}, unk_token="[UNK]"))
    made.pre_tokenizer = Whitespace()  # pyright: ignore[reportAttributeAccessIssue]
    PreTrainedTokenizerFast(
        tokenizer_object=made, unk_token="[UNK]", pad_token="[PAD]", eos_token="[PAD]"
    ).save_pretrained(tmp_path)
    return ChatModel(str(tmp_path))


def test_chances_are_those_of_the_plain_forward(chat: ChatModel) -> None:
    reader, choices, stems = ChoiceReader(chat, "tiny"), [5, 7], [[6, 7, 8], [9]]
    for prompt in ([2, 3, 4, 5], [2, 3, 4, 8, 9, 10], [2, 3, 4, 8, 9, 10], [2, 3], [11]):
        with torch.inference_mode():
            plain = [chat.model(input_ids=torch.tensor([[*prompt, *stem]])).logits[0, -1] for stem in stems]
        expected = torch.softmax(torch.stack(plain)[:, choices], -1)
        torch.testing.assert_close(torch.tensor(reader.chances(prompt, stems, choices)), expected, atol=1e-4, rtol=1e-4)


def test_a_choice_of_two_tokens_is_refused(chat: ChatModel) -> None:
    assert choice_tokens(chat.tokenizer, "tiny", "a b", ["c", "d"]) == (" ", [4, 5])
    with pytest.raises(ModelError, match="tiny: its tokenizer has no single token for each of c, d e"):
        choice_tokens(chat.tokenizer, "tiny", "a b", ["c", "d e"])
