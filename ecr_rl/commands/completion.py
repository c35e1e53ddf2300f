"""What the shell offers after Tab: configs, folders of runs and of trained parts, keys of settings.

Where nothing here fits, the shell offers files as it always does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from ecr_rl.config import RunConfig, profiles, sweeps
from ecr_rl.settings_file import described_keys

RUNS = Path("runs")
"""Where runs go that were not told otherwise; offered beside the folders of the working directory."""
_RUN_MARKS = ("config.yaml", "sweep.yaml")
"""A folder with one of these files is a run's or a sweep's."""

Complete = Callable[[str], list[str]]


def config_names(incomplete: str) -> list[str]:
    """Packaged profiles and YAML files."""
    return [*profiles(), *_files(incomplete)]


def sweep_names(incomplete: str) -> list[str]:
    """Packaged sweeps and YAML files."""
    return [*sweeps(), *_files(incomplete)]


def folders(*marks: str) -> Complete:
    """Completes run folders, and folders that hold one of the files ``marks``."""

    def complete(incomplete: str) -> list[str]:
        near = [] if "/" in incomplete else _children(RUNS, f"{RUNS}/")
        children = [*_beside(incomplete), *near]
        return [text for text, path in children if any((path / mark).is_file() for mark in (*_RUN_MARKS, *marks))]

    return complete


def setting_keys(incomplete: str) -> list[tuple[str, str]]:
    """``section.key=`` of every setting, with what it means."""
    return [(f"{key}=", meaning) for key, meaning in described_keys(RunConfig) if key.startswith(incomplete)]


def _files(incomplete: str) -> list[str]:
    return [text for text, path in _beside(incomplete) if path.suffix in (".yaml", ".yml")]


def _beside(incomplete: str) -> list[tuple[str, Path]]:
    """What lies in the folder that is being written, as it would be written."""
    above, slash, _ = incomplete.rpartition("/")
    return list(_children(Path(above + slash or "."), above + slash))


def _children(folder: Path, prefix: str) -> Iterator[tuple[str, Path]]:
    if folder.is_dir():
        yield from ((prefix + child.name, child) for child in sorted(folder.iterdir()) if child.name[0] != ".")
