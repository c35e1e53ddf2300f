"""A trained part that a command is given: its own folder, or a run folder that made one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ecr_rl.config import RunConfig, load_config
from envs.errors import ConfigError

CARDS = {"critic": "critic.json", "recommender": "recommender.json", "responder": "responder.json"}
"""The file by which a part's own folder is known."""
_MAKERS = {"critic": "critic train", "recommender": "recommend train", "responder": "respond train"}


def part_of(folder: Path, kind: str) -> Path:
    """The folder of a part, given itself or as a run folder.

    Args:
        folder: a part's own folder, or a run's.
        kind: a key of ``CARDS``.

    Raises:
        ConfigError: it is neither, or the run has not made the part yet.
        RunError: the run's part is gone, or is not what the run began with.
    """
    from ecr_rl.runs.folder import RunFolder
    from ecr_rl.runs.parts import PINS, RunParts

    if (folder / CARDS[kind]).is_file():
        return folder
    if not folder.is_dir():
        raise ConfigError(f"{folder} is no folder. Give a {kind}'s folder or a run folder")
    if not (folder / PINS).is_file():
        raise ConfigError(f"{folder} holds no {kind}. Give a {kind}'s folder or a run folder")
    part = RunParts(folder, RunFolder.open(folder).config.cache_folder).folder(kind)
    if part is None:
        raise ConfigError(f"{folder} has no {kind} on this machine. Run ecr-rl {_MAKERS[kind]}, or train")
    return part


def settings_for(folder: Path, kind: str, config: str, changes: Sequence[str]) -> RunConfig:
    """The settings that go with a part: its run's, or those of ``config`` for a part's own folder.

    Args:
        folder: as for ``part_of``.
        kind: a key of ``CARDS``.
        config: a YAML file or a packaged profile.
        changes: ``section.key=value`` each.
    """
    from ecr_rl.runs.folder import RunFolder

    if (folder / CARDS[kind]).is_file():
        return load_config(config, changes)
    return RunFolder.open(folder, changes).config


def figures_of(part: Path) -> dict[str, Any]:
    """The figures of a part's making, from its folder in the cache."""
    from ecr_rl.runs.artefacts import KEY

    return json.loads((part / KEY).read_text(encoding="utf-8"))["figures"]
