"""Small tokenizers of the kinds that users bring: byte-level, and SentencePiece's with its space before each text."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import LlamaTokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from tests.algorithms.doubles import LINES

_BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
CONTROL = ("<end_of_turn>", "[INST]", "<s>")
"""Special tokens that look like Gemma's, Mistral's and Llama's."""


def byte_level(prefix_space: bool = False, eos: str | None = "</s>") -> PreTrainedTokenizerFast:
    """GPT-2's kind, with the tokens of ``CONTROL``."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix_space)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=330,
        special_tokens=["</s>", *CONTROL],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(LINES * 20, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=eos)


def _sentencepiece(*, scheme: str = "never", old: bool = False) -> PreTrainedTokenizerFast:
    """Llama's kind: spaces as ``▁``, bytes for what it does not know.

    Args:
        scheme: before which texts a space is put; ``never`` is Gemma's.
        old: put it by a normalizer, as Llama 2's own files do.
    """
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never" if old else scheme, split=True)
    trainer = trainers.BpeTrainer(
        vocab_size=600, special_tokens=["<unk>", "</s>", *CONTROL, *_BYTES], show_progress=False
    )
    tokenizer.train_from_iterator(LINES * 20, trainer)
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    if old:
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
        tokenizer.pre_tokenizer = None  # pyright: ignore[reportAttributeAccessIssue]
    strips = old or scheme != "never"
    tokenizer.decoder = decoders.Sequence([*steps, *([decoders.Strip(" ", 1, 0)] if strips else [])])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="</s>", unk_token="<unk>")


def _llama(legacy: bool | None) -> PreTrainedTokenizerBase:
    """transformers' own class for Llama, on a vocabulary learnt here."""
    learnt = _sentencepiece(scheme="always").backend_tokenizer
    model = learnt.model
    vocabulary = learnt.get_vocab()
    merges = [tuple(pair) for pair in _merges(model)]
    return LlamaTokenizer(vocab=vocabulary, merges=merges, legacy=legacy)  # pyright: ignore[reportArgumentType] None is its default


def _merges(model: models.Model) -> list[list[str]]:
    import json

    return json.loads(model.__getstate__())["merges"]


TOKENIZERS: Mapping[str, Callable[[], PreTrainedTokenizerBase]] = {
    "byte-level": byte_level,
    "byte-level-prefix": lambda: byte_level(prefix_space=True),
    "gemma": _sentencepiece,
    "metaspace-always": lambda: _sentencepiece(scheme="always"),
    "metaspace-first": lambda: _sentencepiece(scheme="first"),
    "llama2-files": lambda: _sentencepiece(old=True),
    "llama-legacy": lambda: _llama(True),
    "llama-new": lambda: _llama(False),
    "llama-unset": lambda: _llama(None),
}
