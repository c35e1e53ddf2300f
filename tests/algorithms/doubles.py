"""Small real models that the tests of this floor share."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import torch
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, PreTrainedModel

from algorithms.policy.emotion_planner import TrainedEmotionPlanner
from algorithms.policy.language_model import build_tiny
from algorithms.policy.responder import CARD, PLANNER
from algorithms.policy.text import ConversationText, train_tokenizer
from algorithms.readers.emotions import LexiconEmotions
from algorithms.settings.policy import PolicySettings
from envs.files import write_json
from tests.envs.doubles import three_dialogues

LINES = [
    "I love horror films, what should I watch tonight?",
    "How about something scary like The Conjuring (2013)?",
    "Thanks, that sounds great! I have not seen it yet.",
    "You are welcome, enjoy the film and have a lovely evening.",
]
POLICY = PolicySettings(
    model="tiny",
    layers=2,
    width=32,
    heads=2,
    vocabulary=400,
    positions=256,
    max_new=8,
    max_observation=40,
    max_history=80,
)

ROOMY = POLICY.model_copy(update={"max_observation": 110, "max_history": 130})
"""The same, with room for whole observations: their proposals are never cut off."""


def tiny_text(policy: PolicySettings = POLICY) -> ConversationText:
    """A tokenizer trained on a few lines."""
    return ConversationText(train_tokenizer(LINES * 20, policy.vocabulary), policy)


def tiny_policy_folder(folder: Path, policy: PolicySettings = POLICY, seed: int = 0) -> Path:
    """A random tiny GPT-2 with its tokenizer, saved as a supervised policy would be."""
    text = tiny_text(policy)
    pad = int(text.tokenizer.pad_token_id)  # pyright: ignore[reportArgumentType]
    model = build_tiny(policy, text.size, text.end, pad, seed)
    model.save_pretrained(folder)
    text.tokenizer.save_pretrained(folder)
    small_planner().save(folder / PLANNER)
    write_json(folder / CARD, {"conditioning": "full", "emotions": "lexicon"})
    return folder


@cache
def small_planner() -> TrainedEmotionPlanner:
    """A planner that knows three dialogues."""
    return TrainedEmotionPlanner.fit(three_dialogues(), LexiconEmotions())


def random_gpt2(vocabulary: int = 50, positions: int = 64) -> PreTrainedModel:
    """A GPT-2 of two layers whose distributions are far from uniform, in eval mode."""
    config = GPT2Config(vocab_size=vocabulary, n_positions=positions, n_embd=32, n_layer=2, n_head=2)
    return _spread(GPT2LMHeadModel(config))


def random_llama(vocabulary: int = 50, positions: int = 64) -> PreTrainedModel:
    """A Llama of two layers with tied embeddings, in eval mode."""
    config = LlamaConfig(
        vocab_size=vocabulary,
        max_position_embeddings=positions,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        tie_word_embeddings=True,
    )
    return _spread(LlamaForCausalLM(config))


def flip_a_byte(file: Path) -> None:
    """Damage a file in its middle as a bad disk would."""
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0x40
    file.write_bytes(bytes(content))


def _spread(model: PreTrainedModel) -> PreTrainedModel:
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.normal_(0.0, 0.3, generator=generator)
    return model.eval()
