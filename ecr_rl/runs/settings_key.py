"""What the settings of a run say that decides a part, for the part's key."""

from __future__ import annotations

from typing import Any

from ecr_rl.config import RunConfig
from ecr_rl.named_parts import own_parts
from ecr_rl.overrides import Override, apply_overrides
from ecr_rl.runs.artefacts import model_version
from ecr_rl.runs.source_closure import source_hash
from envs import marks


def settings_key(config: RunConfig, stage: marks.Stage) -> dict[str, Any]:
    """What the settings say that decides a stage: their values, and the code of own parts that they name.

    A path stands there by what lies at it: a model or file that is copied or moved stays the same, and one whose
    content changes does not.
    """
    values = config.model_dump(mode="json")
    settings = marks.decided_values(RunConfig, values, {stage})
    versions = [
        Override(tuple(key.split(".")), _version(value, path), key)
        for key, path, value in marks.path_values(RunConfig, values)
        if _decides(key, settings)
    ]
    settings = marks.decided_values(RunConfig, apply_overrides(values, versions, {}), {stage})
    own = [[key, name, source_hash(name)] for key, name in own_parts(config) if _decides(key, settings)]
    return {"settings": settings, "own": own}


def _decides(key: str, settings: dict[str, Any]) -> bool:
    """Whether a key, which may lead into a list, is among settings or within one of them."""
    return any(key == other or key.startswith(f"{other}.") for other in settings)


def _version(value: Any, path: marks.TakesPath) -> Any:
    if isinstance(value, str):
        return value if value in path.words else model_version(value)
    return [_version(text, path) for text in value]
