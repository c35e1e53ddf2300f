"""Convert between a conversation's text and its tokens; no other module tokenises the policy's text.

A conversation's token stream is append-only: sampled tokens are never decoded and encoded again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from algorithms.model_files import load_plain_tokenizer
from algorithms.settings.policy import PolicySettings
from envs.errors import ModelError
from envs.film_text.markup import ADDED, CUT, EMOTION, END, PROPOSAL, RECOMMENDER, SEEKER, SLOTS, SPECIAL

_PAD = "<pad>"
_PIECES = re.compile("(" + "|".join(map(re.escape, (*ADDED, END))) + ")")
_ANCHOR = "a"
"""Text before which pieces are decoded, so that a decoder takes no space from their beginning."""
_ANCHORS = (_ANCHOR, "\n", "|", "~", "1", "?")
"""Texts before which pieces are encoded; the first that no token shares with the piece serves."""
_BYTE = re.compile("<0x[0-9A-F]{2}>")
"""A byte of text that SentencePiece's tokenizers have no token for; some list it among their special tokens."""
_BEFORE_SLOT = re.compile(r"\s*(" + "|".join(map(re.escape, SLOTS)) + ")")


def train_tokenizer(texts: Iterable[str], vocabulary: int) -> PreTrainedTokenizerBase:
    """Train a byte-level BPE tokenizer for a policy from scratch.

    Args:
        texts: the training texts.
        vocabulary: size in tokens, markers included.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary - len(ADDED),
        special_tokens=[_PAD, "<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|endoftext|>", pad_token=_PAD)
    return with_markers(fast)


def with_markers(tokenizer: PreTrainedTokenizerBase) -> PreTrainedTokenizerBase:
    """The tokenizer with every marker as one token, and a pad token that is not EOS."""
    tokens = [AddedToken(marker, lstrip=marker in SLOTS, rstrip=False, special=True) for marker in ADDED]
    tokenizer.add_tokens(tokens, special_tokens=True)  # pyright: ignore[reportArgumentType]
    if tokenizer.pad_token_id is None or tokenizer.pad_token_id == tokenizer.eos_token_id:
        tokenizer.add_special_tokens({"pad_token": _PAD})
    return tokenizer


def load_tokenizer(source: str) -> PreTrainedTokenizerBase:
    """Load the tokenizer of a folder or hub id, and add the markers that it lacks.

    Raises:
        ModelError: there is no tokenizer, or the tokenizer has no end-of-sequence token.
    """
    return with_markers(load_unmarked_tokenizer(source))


def load_unmarked_tokenizer(source: str) -> PreTrainedTokenizerBase:
    """Load the tokenizer of a folder or hub id as it is.

    Raises:
        ModelError: there is no tokenizer, or the tokenizer has no end-of-sequence token.
    """
    tokenizer = load_plain_tokenizer(source, "Name a model folder or a hub id")
    if tokenizer.eos_token_id is None:
        raise ModelError(
            f"the tokenizer of {source!r} has no end-of-sequence token; replies could not end. Choose another"
        )
    return tokenizer


def vocabulary_size(tokenizer: PreTrainedTokenizerBase) -> int:
    """The rows that embeddings need for a tokenizer: its highest id and one."""
    return max(tokenizer.get_vocab().values()) + 1


@dataclass(frozen=True)
class ConversationText:
    """Encodes observations and replies, decodes sampled tokens.

    Tokenizers of SentencePiece's kind (Llama, Mistral) add a space before each text and take one away when they decode.
    What follows a slot is therefore encoded and decoded behind other text: its own space, or none, is kept.
    """

    tokenizer: PreTrainedTokenizerBase
    settings: PolicySettings

    @property
    def end(self) -> int:
        """The token that ends a reply (EOS)."""
        return int(self.tokenizer.eos_token_id)  # pyright: ignore[reportArgumentType]

    @property
    def size(self) -> int:
        """Number of token ids, markers included."""
        return vocabulary_size(self.tokenizer)

    def observation(self, text: str, *, first: bool = False, after_cut: bool = False) -> np.ndarray:
        """Tokens of an observation.

        Args:
            text: an observation of the environment.
            first: whether it is the conversation's first one, which may carry a history.
            after_cut: whether the last reply had no end token; the observation then starts with that token.

        Returns:
            int32 tokens, shape (length,), never empty; cut from the left to ``max_history`` (first) or
            ``max_observation`` tokens, a marker first.
        """
        tokens = self._encode(text)
        limit = self.settings.max_history if first else self.settings.max_observation
        limit -= int(after_cut)
        if len(tokens) > limit:
            tokens = self._cut_left(tokens, limit)
        if after_cut:
            tokens = [self.end, *tokens]
        return np.asarray(tokens, dtype=np.int32)

    def action(self, reply: str) -> np.ndarray:
        """Tokens of a whole human reply, its end token included; int32, shape (length,)."""
        return np.asarray([*self._encode(reply), self.end], dtype=np.int32)

    def reply(self, tokens: Sequence[int] | np.ndarray) -> str:
        """The text of sampled tokens; it ends with ``<cut>`` if the end token is missing.

        ``<special>`` stands for each special token that is no marker, whatever the tokenizer calls it.
        """
        ids = [int(token) for token in tokens]
        ended = bool(ids) and ids[-1] == self.end
        text = self._decode(ids[:-1] if ended else ids)
        return text if ended else f"{text} {CUT}".strip()

    def _cut_left(self, tokens: list[int], limit: int) -> list[int]:
        turns = {self._id(SEEKER), self._id(RECOMMENDER), self._id(EMOTION), self._id(PROPOSAL)}
        start = len(tokens) - limit
        whole = next((i for i in range(start, len(tokens)) if tokens[i] in turns), None)
        closing = max(i for i, token in enumerate(tokens) if token in turns)
        if whole is not None and whole < closing and tokens[whole] == self._id(SEEKER):
            return tokens[whole:]
        return [self._id(SEEKER), *tokens[start + 1 :]]

    def _id(self, marker: str) -> int:
        return int(self.tokenizer.convert_tokens_to_ids(marker))  # pyright: ignore[reportArgumentType]

    def _encode(self, text: str) -> list[int]:
        tokens: list[int] = []
        before = ""
        for piece in _PIECES.split(_BEFORE_SLOT.sub(r"\1", text)):
            if piece == END:
                tokens.append(self.end)
            elif piece in ADDED:
                tokens.append(self._id(piece))
            elif piece:
                tokens += self._ids_behind(piece) if before in SLOTS else self._ids(piece)
            before = piece
        return tokens

    def _ids(self, piece: str) -> list[int]:
        # A special token that somebody writes out stays text.
        return self.tokenizer.encode(piece, add_special_tokens=False, split_special_tokens=True)

    def _ids_behind(self, piece: str) -> list[int]:
        """Tokens of a piece that follows other text."""
        if self._keeps_spaces:
            return self._ids(piece)
        for anchor in _ANCHORS:
            ahead, both = self._ids(anchor), self._ids(anchor + piece)
            rest = both[len(ahead) :]
            if both[: len(ahead)] == ahead and self._text_behind(rest) == piece:
                return rest
        return self._ids(piece)

    def _text_behind(self, tokens: list[int]) -> str:
        """The text of tokens that follow other text."""
        ahead, text_ahead = self._anchor
        return self._plain_text([*ahead, *tokens]).removeprefix(text_ahead)

    def _plain_text(self, tokens: list[int]) -> str:
        return str(self.tokenizer.decode(tokens, clean_up_tokenization_spaces=False))

    @cached_property
    def _anchor(self) -> tuple[list[int], str]:
        """The tokens behind which pieces are decoded, and their text."""
        tokens = self._ids(_ANCHOR)
        return tokens, self._plain_text(tokens)

    @cached_property
    def _keeps_spaces(self) -> bool:
        """Whether the tokenizer gives each piece back as it was, with a space before it or without."""
        return all(self._text_behind(self._ids(piece)) == piece for piece in (" a", "a", "?"))

    @cached_property
    def _marker_of(self) -> dict[int, str]:
        """The marker of each special token; of those that are the tokenizer's own, ``<special>``."""
        added = self.tokenizer.added_tokens_decoder.items()
        special = {*self.tokenizer.all_special_ids, *(index for index, token in added if token.special)}
        bytes_of_text = {index for index, token in added if _BYTE.fullmatch(token.content)}
        return dict.fromkeys(special - bytes_of_text, SPECIAL) | {self._id(marker): marker for marker in ADDED}

    def _decode(self, tokens: list[int]) -> str:
        pieces: list[str] = []
        run: list[int] = []
        for token in [*tokens, None]:
            if token is not None and token not in self._marker_of:
                run.append(token)
                continue
            if run:
                pieces.append(self._text_behind(run) if pieces else self._plain_text(run))
                run = []
            if token is not None:
                pieces.append(self._marker_of[token])
        return _BEFORE_SLOT.sub(r" \1", "".join(pieces)).strip()
