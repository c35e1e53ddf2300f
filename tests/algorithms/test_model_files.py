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
from algorithms.settings.critic import CriticSettings
from envs.errors import ModelError
from tests.algorithms.doubles import random_gpt2, random_llama
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


def other_index(index: object) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        lacks_a_shard(folder)
        (folder / f"{WEIGHTS}.index.json").write_text(json.dumps(index), encoding="utf-8")

    return damage


def other_header(header: bytes) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        (folder / WEIGHTS).write_bytes(len(header).to_bytes(8, "little") + header)

    return damage


def offsets(start: object, end: object) -> Callable[[Path], None]:
    return other_header(json.dumps({"a": {"dtype": "F32", "shape": [1], "data_offsets": [start, end]}}).encode())


def nested(name: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        (folder / name).write_text("[" * 200_000)

    return damage


def needs_own_code(folder: Path) -> None:
    """As a model of the hub whose classes lie in Python files beside its weights."""
    facts = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    names = {"AutoConfig": "own.Config", "AutoModel": "own.Model", "AutoModelForCausalLM": "own.Model"}
    (folder / "config.json").write_text(json.dumps(facts | {"model_type": "own", "auto_map": names}), encoding="utf-8")
    (folder / "own.py").write_text("raise SystemExit('its code was run')\n")


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
    "index-list": (other_index([]), r"index\.json is no JSON object", {"tokenizer"}),
    "index-null": (other_index({"weight_map": None}), r"index\.json does not say", {"tokenizer"}),
    "index-map-list": (other_index({"weight_map": ["a"]}), r"index\.json does not say", {"tokenizer"}),
    "index-file-list": (other_index({"weight_map": {"a": ["b"]}}), r"index\.json does not say", {"tokenizer"}),
    "nested-config": (nested("config.json"), r"config\.json is no JSON", set()),
    "nested-tokenizer": (nested("tokenizer.json"), r"tokenizer\.json is no JSON", {"policy"}),
    "nested-header": (other_header(b"[" * 200_000), f"{WEIGHTS} is cut off or is no safetensors", {"tokenizer"}),
    "offset-text": (offsets("a", "b"), f"{WEIGHTS} is cut off or is no safetensors", {"tokenizer"}),
    "offset-null": (offsets(0, None), f"{WEIGHTS} is cut off or is no safetensors", {"tokenizer"}),
    "no-heads": (other_json("config.json", "n_head", value=0), "by zero", {"tokenizer"}),
    "own-code": (needs_own_code, "needs code of its own, which is not run", {"tokenizer"}),
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


def test_padding_id_above_the_embedding_is_no_traceback(tmp_path: Path) -> None:
    model = random_llama()
    model.save_pretrained(tmp_path)
    other_json("config.json", "pad_token_id", value=50)(tmp_path)
    with pytest.raises(ModelError, match="no causal language model at"):
        load_causal_lm(tmp_path)


@pytest.mark.parametrize("name", ["encoder", "sentences", "chat"])
def test_tokenizer_with_more_ids_than_the_embedding_has_rows_is_refused(name: str, tmp_path: Path) -> None:
    tokenizer = byte_level()
    tokenizer.add_special_tokens({"cls_token": "<s>", "sep_token": "</s>", "pad_token": "<pad>"})
    random_gpt2(len(tokenizer) - 1, positions=512).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(ModelError, match=r"has ids up to \d+, and its embedding \d+ rows"):
        LOADERS[name](str(tmp_path))


def test_special_token_that_a_chat_model_never_reads_needs_no_row(tmp_path: Path) -> None:
    tokenizer = byte_level()
    random_gpt2(len(tokenizer)).save_pretrained(tmp_path)
    tokenizer.add_tokens(["<image>"], special_tokens=True)
    tokenizer.save_pretrained(tmp_path)
    assert ChatModel(str(tmp_path)).length("a text") > 0


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
