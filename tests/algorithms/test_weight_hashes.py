"""Weights beside a card are compared with its hashes as they load."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from algorithms.policy.language_model import load_causal_lm
from algorithms.policy.text import load_tokenizer
from algorithms.weight_hashes import HASHES, MODEL_CARD, read_card, save_model, write_card
from envs.errors import ModelError
from tests.algorithms.doubles import flip_a_byte, tiny_policy_folder


def test_a_card_holds_the_hashes_of_its_weights(tmp_path: Path) -> None:
    (tmp_path / "trunk").mkdir()
    (tmp_path / "trunk" / "weights").write_bytes(b"abc")
    write_card(tmp_path / "card.json", {"kind": "ridge"}, "trunk/weights")
    sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # of "abc": FIPS 180-2, appendix B.1
    assert read_card(tmp_path / "card.json") == {"kind": "ridge", HASHES: {"trunk/weights": sha256}}


def test_other_weights_are_named(tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(b"abc")
    write_card(tmp_path / "card.json", {}, "weights")
    (tmp_path / "weights").write_bytes(b"abd")
    with pytest.raises(
        ValueError, match=r"weights is not what card\.json says: SHA-256 a52d159f262b, not ba7816bf8f01"
    ):
        read_card(tmp_path / "card.json")
    (tmp_path / "weights").unlink()
    with pytest.raises(FileNotFoundError):
        read_card(tmp_path / "card.json")


def test_a_card_from_elsewhere_has_nothing_to_compare(tmp_path: Path) -> None:
    (tmp_path / "card.json").write_text('{"kind": "ridge"}')
    assert read_card(tmp_path / "card.json") == {"kind": "ridge"}
    (tmp_path / "card.json").write_text("[]")
    with pytest.raises(ValueError, match="no JSON object"):
        read_card(tmp_path / "card.json")


def test_a_damaged_language_model_is_refused(tmp_path: Path) -> None:
    source = tiny_policy_folder(tmp_path / "source")
    folder = tmp_path / "saved"
    save_model(load_causal_lm(source), load_tokenizer(str(source)), folder)
    assert set(json.loads((folder / MODEL_CARD).read_text())[HASHES]) == {"model.safetensors"}
    load_causal_lm(folder)
    flip_a_byte(folder / "model.safetensors")
    with pytest.raises(ModelError, match=r"saved.*model\.safetensors is not what weights\.json says.*Make it anew"):
        load_causal_lm(folder)


def test_a_truncated_language_model_from_elsewhere_is_refused(tmp_path: Path) -> None:
    folder = tiny_policy_folder(tmp_path)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:2000])
    with pytest.raises(ModelError, match="no causal language model"):
        load_causal_lm(folder)


def test_weights_that_are_no_numbers_are_not_saved(tmp_path: Path) -> None:
    source = tiny_policy_folder(tmp_path / "source")
    model = load_causal_lm(source)
    next(model.parameters()).data[0, 0] = float("nan")
    with pytest.raises(ModelError, match=r"weights of .* are not finite, so nothing is saved"):
        save_model(model, load_tokenizer(str(source)), tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
