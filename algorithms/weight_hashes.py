"""Hashes of weights: a card, the JSON file next to a model's weights, holds the hash of each weights file.

A loader reads the card with ``read_card``, which refuses weights that are damaged or from another model. It checks
nothing if the card has no hashes, as in a folder that other software made.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from algorithms.finite import require_finite_weights
from envs.files import write_json

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

HASHES = "sha256"
"""Key of a card: a mapping from each weights file (path in the card's folder) to the SHA-256 (hex) of its content."""


MODEL_CARD = "weights.json"
"""The card of a folder that ``transformers`` reads."""


def save_model(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Write a model and its tokenizer as ``transformers`` does, and a card with the weights' hashes.

    Raises:
        ModelError: a weight is not finite; nothing is written.
    """
    require_finite_weights(model.named_parameters(), str(folder))
    model.save_pretrained(folder)  # pyright: ignore[reportCallIssue]
    tokenizer.save_pretrained(folder)
    write_card(folder / MODEL_CARD, {}, *sorted(file.name for file in folder.glob("*.safetensors")))


def write_card(card: Path, facts: Mapping[str, Any], *weights: str) -> None:
    """Write a card with the hashes of weights files that exist already.

    Args:
        card: the file.
        facts: the card's other content (JSON values).
        weights: the weights files, as paths in the card's folder.
    """
    write_json(card, {**facts, HASHES: {name: _sha256(card.parent / name) for name in weights}})


def read_card(card: Path) -> dict[str, Any]:
    """Read a card, and check the weights against its hashes.

    Raises:
        OSError: the card or a weights file cannot be read.
        ValueError: the card is no JSON object, or a weights file does not have its hash; the message names the file.
            The loader adds the remedy.
    """
    try:
        facts = json.loads(card.read_text(encoding="utf-8"))
    except RecursionError as error:
        raise ValueError(f"{card.name} is nested too deeply") from error
    if not isinstance(facts, dict) or not isinstance(facts.get(HASHES, {}), dict):
        raise ValueError(f"{card.name} is no JSON object, or its {HASHES} is none")
    for name, expected in facts.get(HASHES, {}).items():
        actual = _sha256(card.parent / name)
        if actual != expected:
            raise ValueError(f"{name} is not what {card.name} says: SHA-256 {actual[:12]}, not {expected[:12]}")
    return facts


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
