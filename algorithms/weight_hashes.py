"""Cards that know their weights: the JSON file beside a model's weights holds the hash of each weights file.

A loader reads the card with ``read_card``; weights that were damaged, or that another model left there, are refused. A
card without hashes, as in a folder from elsewhere, has nothing to compare.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envs.files import write_json

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

HASHES = "sha256"
"""Key of a card: weights file, by its path in the card's folder, to the SHA-256 (hex) of what it holds."""


MODEL_CARD = "weights.json"
"""The card of a folder that ``transformers`` reads."""


def save_model(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Write a model and its tokenizer as ``transformers`` does, and a card of the weights."""
    model.save_pretrained(folder)  # pyright: ignore[reportCallIssue]
    tokenizer.save_pretrained(folder)
    write_card(folder / MODEL_CARD, {}, *sorted(file.name for file in folder.glob("*.safetensors")))


def write_card(card: Path, facts: Mapping[str, Any], *weights: str) -> None:
    """Write a card, with the hashes of weights that are written already.

    Args:
        card: the file.
        facts: what else it says (JSON values).
        weights: their files, by their paths in the card's folder.
    """
    write_json(card, {**facts, HASHES: {name: _sha256(card.parent / name) for name in weights}})


def read_card(card: Path) -> dict[str, Any]:
    """What a card says, once the weights are what it says they are.

    Raises:
        OSError: the card or a weights file cannot be read.
        ValueError: the card is no JSON object, or a weights file holds something else; its message names the file.
            The loader says what to do.
    """
    facts = json.loads(card.read_text(encoding="utf-8"))
    if not isinstance(facts, dict):
        raise ValueError(f"{card.name} is no JSON object")
    for name, expected in facts.get(HASHES, {}).items():
        actual = _sha256(card.parent / name)
        if actual != expected:
            raise ValueError(f"{name} is not what {card.name} says: SHA-256 {actual[:12]}, not {expected[:12]}")
    return facts


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
