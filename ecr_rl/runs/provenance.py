"""The provenance of a run: the state of the source tree, and the versions of packages, Python and platform."""

from __future__ import annotations

import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import ecr_rl

SOURCE = Path(ecr_rl.__file__).resolve().parent.parent
"""The folder that holds the packages: the source tree, or site-packages."""

PACKAGES = (
    "ray",
    "torch",
    "transformers",
    "peft",
    "bitsandbytes",
    "datasets",
    "gymnasium",
    "tokenizers",
    "safetensors",
    "numpy",
    "scipy",
    "scikit-learn",
    "pydantic",
    "sacrebleu",
)
"""The packages that decide what a run computes."""


def provenance() -> dict[str, Any]:
    """Git state, package versions, Python and platform, ready for JSON."""
    return {
        "git": git_state(SOURCE),
        "packages": {"ecr-rl": ecr_rl.__version__, **package_versions()},
        "python": platform.python_version(),
        "platform": platform.platform(),
        "command": sys.argv,
    }


def git_state(folder: Path) -> dict[str, Any] | None:
    """``{"commit", "dirty"}`` of the git repository that tracks our code; None without such a repository or git.

    A folder inside another project's repository (site-packages in its ``.venv``) also gives None.
    """
    try:
        if _git(folder, "ls-files", "--error-unmatch", "ecr_rl/config.py").returncode:
            return None
        commit = _git(folder, "rev-parse", "HEAD")
        changes = _git(folder, "status", "--porcelain")
    except FileNotFoundError:
        return None
    return {"commit": commit.stdout.strip() if commit.returncode == 0 else None, "dirty": bool(changes.stdout.strip())}


def package_versions() -> dict[str, str | None]:
    """Installed version of each of ``PACKAGES``, None where it is not installed."""
    return {name: installed_version(name) for name in PACKAGES}


def installed_version(name: str) -> str | None:
    """Version of an installed distribution, read without importing it; None where it is not installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False)
