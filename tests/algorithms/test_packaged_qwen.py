"""The judge model in parts: their order, what is missing or damaged, one tensor at both ends."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, Qwen2Config, Qwen2ForCausalLM

from algorithms.chat.packaged import model_source
from algorithms.packaged_qwen import PACKAGES, join_parts, package_parts, packaged_qwen, tie_to_head
from envs.errors import ModelError

CONTENT = [b"GG", b"U", b"F!"]


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Three installed packages of one part each, whose names sort in another order than their parts."""
    names = ["tiny-part2", "tiny-part10", "tiny-part11"]
    for name, content in zip(names, CONTENT, strict=True):
        plain = name.replace("-", "_")
        info = tmp_path / f"{plain}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "RECORD").write_text(f"{plain}/__init__.py,,\n{plain}/data/part.bin,,\n")
        (tmp_path / plain / "data").mkdir(parents=True)
        (tmp_path / plain / "data" / "part.bin").write_bytes(content)
        (tmp_path / plain / "__init__.py").write_text("raise RuntimeError('a package of parts is never imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    return names


def test_parts_are_joined_in_the_order_of_the_packages(packages: list[str], tmp_path: Path) -> None:
    whole = b"".join(CONTENT)
    join_parts(package_parts(packages), hashlib.sha256(whole).hexdigest(), tmp_path / "whole")
    assert (tmp_path / "whole").read_bytes() == whole
    assert PACKAGES[1].endswith("part2")
    assert PACKAGES[-1].endswith("part22")


def test_a_damaged_part_is_told_with_the_remedy(packages: list[str], tmp_path: Path) -> None:
    parts = package_parts(packages)
    digest = hashlib.sha256(b"".join(CONTENT)).hexdigest()
    parts[1].write_bytes(b"u")
    with pytest.raises(ModelError, match=r"3 joined parts .*requirements-judge\.lock --force-reinstall"):
        join_parts(parts, digest, tmp_path / "whole")


def test_a_missing_part_is_told_with_the_remedy(packages: list[str]) -> None:
    with pytest.raises(ModelError, match=r"tiny-part3.*--require-hashes -r requirements-judge\.lock"):
        package_parts([*packages, "tiny-part3"])
    package_parts(packages)[0].unlink()
    with pytest.raises(ModelError, match="tiny-part2 holds no part"):
        package_parts(packages)


def test_a_converted_model_needs_no_packages(tmp_path: Path) -> None:
    folder = tmp_path / "qwen2.5-coder-1.5b-instruct"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    assert packaged_qwen(tmp_path) == folder
    assert model_source("qwen-1.5b", tmp_path) == str(folder)
    assert model_source("owner/other", tmp_path) == "owner/other"


def test_the_output_layer_takes_the_embeddings_place(tmp_path: Path) -> None:
    shape = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = Qwen2Config(vocab_size=30, num_key_value_heads=1, tie_word_embeddings=False, **shape)  # pyright: ignore
    model = Qwen2ForCausalLM(config)
    head = model.lm_head.weight.detach().clone()
    tie_to_head(model)
    model.save_pretrained(tmp_path)
    again = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert again.lm_head.weight is again.model.embed_tokens.weight
    torch.testing.assert_close(again.lm_head.weight, head)
