"""Broken, foreign and incomplete files: every loader says in one line which file is wrong and what to do."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from algorithms.chat.model import ChatModel
from algorithms.critic.encoder import load_encoder
from algorithms.policy.language_model import load_causal_lm
from algorithms.policy.text import load_tokenizer
from algorithms.readers.frozen_sentences import FrozenSentences
from algorithms.settings import CriticSettings
from envs.errors import ModelError
from tests.algorithms.doubles import random_gpt2
from tests.algorithms.tokenizers_of_users import byte_level

WEIGHTS = "model.safetensors"
LOADERS: Mapping[str, Callable[[str], object]] = {
    "policy": load_causal_lm,
    "tokenizer": load_tokenizer,
    "encoder": lambda source: load_encoder(CriticSettings(encoder=source), []),
    "sentences": FrozenSentences,
    "chat": ChatModel,
}


def saved(folder: Path, eos: str | None = "</s>") -> Path:
    tokenizer = byte_level(eos=eos)
    random_gpt2(len(tokenizer)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(tmp_path_factory.mktemp("whole"))


def pointer(name: str) -> Callable[[Path], None]:
    text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 548105171\n"

    def write(folder: Path) -> None:
        (folder / name).write_text(text)

    return write


def cut(name: str, kept: float) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: int(len(content) * kept)])

    return damage


def other_json(name: str, *keys: str, value: object) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        facts = json.loads((folder / name).read_text(encoding="utf-8"))
        inner = facts
        for key in keys[:-1]:
            inner = inner[key]
        inner[keys[-1]] = value
        (folder / name).write_text(json.dumps(facts), encoding="utf-8")

    return damage


def lacks_a_tensor(folder: Path) -> None:
    weights = load_file(folder / WEIGHTS)
    del weights["transformer.h.1.mlp.c_fc.weight"]
    save_file(weights, folder / WEIGHTS, {"format": "pt"})


def lacks_a_shard(folder: Path) -> None:
    shard = "model-00001-of-00001.safetensors"
    index = {"metadata": {}, "weight_map": dict.fromkeys(load_file(folder / WEIGHTS), shard)}
    (folder / f"{WEIGHTS}.index.json").write_text(json.dumps(index), encoding="utf-8")
    (folder / WEIGHTS).unlink()


def only_pickled(folder: Path) -> None:
    torch.save(load_file(folder / WEIGHTS), folder / "pytorch_model.bin")
    (folder / WEIGHTS).unlink()


def only_adapters(folder: Path) -> None:
    (folder / WEIGHTS).unlink()
    (folder / "config.json").unlink()
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": 4}), encoding="utf-8")


BROKEN: Mapping[str, tuple[Callable[[Path], None], str, set[str]]] = {
    "pointer": (pointer(WEIGHTS), f"{WEIGHTS} is a Git LFS pointer.*git lfs pull", {"tokenizer"}),
    "pointer-config": (pointer("config.json"), r"config\.json is a Git LFS pointer", set()),
    "pointer-tokenizer": (pointer("tokenizer.json"), r"tokenizer\.json is a Git LFS pointer", {"policy"}),
    "cut": (cut(WEIGHTS, 0.9), f"{WEIGHTS} is cut off", {"tokenizer"}),
    "cut-header": (cut(WEIGHTS, 0.001), f"{WEIGHTS} is cut off", {"tokenizer"}),
    "empty": (cut(WEIGHTS, 0.0), f"{WEIGHTS} is empty", {"tokenizer"}),
    "cut-config": (cut("config.json", 0.5), r"config\.json is no JSON", set()),
    "cut-tokenizer": (cut("tokenizer.json", 0.5), r"tokenizer\.json is no JSON", {"policy"}),
    "newer-tokenizer": (
        other_json("tokenizer.json", "model", "type", value="BPE3"),
        r"tokenizer\.json is not for tokenizers .*Update",
        {"policy"},
    ),
    "shapes": (other_json("config.json", "n_embd", value=48), "other shapes than config.json", {"tokenizer"}),
    "type-of-field": (other_json("config.json", "n_layer", value="two"), "n_layer.*expected int", set()),
    "unknown-model": (other_json("config.json", "model_type", value="gpt9"), "gpt9", {"tokenizer"}),
    "missing-tensor": (lacks_a_tensor, "lack 1 of the model's tensors, among them", {"tokenizer"}),
    "missing-shard": (lacks_a_shard, "model-00001-of-00001.safetensors is missing", {"tokenizer"}),
    "pickled": (only_pickled, r"pytorch_model\.bin, which is not read", {"tokenizer"}),
    "adapters": (only_adapters, "holds adapters alone", {"tokenizer"}),
}
"""By name: the damage, what the message says, and the loaders that do not read the damaged file."""


@pytest.mark.parametrize("damage", BROKEN)
def test_every_loader_names_file_and_remedy_in_one_line(damage: str, whole: Path, tmp_path: Path) -> None:
    spoil, said, unaffected = BROKEN[damage]
    folder = tmp_path / "model"
    shutil.copytree(whole, folder)
    spoil(folder)
    for name, load in LOADERS.items():
        if name in unaffected:
            load(str(folder))
            continue
        with pytest.raises(ModelError, match=said) as caught:
            load(str(folder))
        assert "\n" not in str(caught.value)
        assert str(folder) in str(caught.value)


@pytest.mark.parametrize("name", LOADERS)
def test_folder_that_is_not_there_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such folder"):
        LOADERS[name](str(tmp_path / "nothing"))


def test_sentences_need_a_padding_token(whole: Path) -> None:
    with pytest.raises(ModelError, match="lacks a padding token"):
        FrozenSentences(str(whole))


def test_sentences_are_cut_to_what_a_short_encoder_reads(tmp_path: Path) -> None:
    tokenizer = byte_level()
    tokenizer.add_special_tokens({"pad_token": "</s>"})
    random_gpt2(len(tokenizer), positions=16).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    assert FrozenSentences(str(tmp_path)).embed(["a long text " * 30, "short"]).shape == (2, 32)


def test_chat_model_needs_an_end_of_its_answers(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no end-of-sequence token"):
        ChatModel(str(saved(tmp_path, eos=None)))
