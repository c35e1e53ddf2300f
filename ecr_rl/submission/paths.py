"""Find the settings and options that are paths, and resolve them for a job that runs on a cluster."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ecr_rl.submission.package import Package
from envs.errors import ConfigError

WORDS: dict[str, frozenset[str]] = {
    "source": frozenset({"sample", "official"}),
    "validation": frozenset({"latest", "random"}),
    "metadata": frozenset(),
    "emotions": frozenset({"lexicon", "hub"}),
    "acts": frozenset({"rules"}),
    "sentences": frozenset({"words", "minilm"}),
    "folder": frozenset(),
    "encoder": frozenset({"tiny", "minilm"}),
    "more_encoders": frozenset({"tiny", "minilm"}),
    "model": frozenset({"tiny", "smollm2"}),
    "language_model": frozenset({"smollm2"}),
}
"""Settings (and options of the same name) that take a path or one of these words."""
OR_HUB = frozenset({"sentences", "encoder", "more_encoders", "model", "language_model"})
"""Those that also take a hub id: ``owner/name`` is a path only if the path exists."""
SECTIONS = (
    "data",
    "env.seeker_model",
    "labels",
    "labels.instruments",
    "critic",
    "recommender",
    "policy",
    "supervised",
    "evaluation",
)
"""The sections of a config whose settings may be paths; outside them only ``cache`` is a path."""
OUTPUTS = frozenset({"out", "output", "predictions", "into", "cache"})
"""Results of a job: these paths need not exist, and must be outside the working directory, which Ray uploads."""


@dataclass
class JobPaths:
    """Resolves the paths of a job.

    Attributes:
        package: the package to upload.
        shared: folders that the cluster sees; this machine need not.
        outside: collected so far: paths of this machine that the nodes must see, too.
        missing: collected so far: paths that do not exist, as ``name: path``.
    """

    package: Package
    shared: Sequence[Path] = ()
    outside: list[Path] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def resolve(self, name: str, text: str, label: str = "") -> str:
        """The value of a setting or option for the job; words, addresses and hub ids stay as they are.

        Args:
            name: of the setting or option, without its section.
            text: its value as written.
            label: its name in messages; ``name`` by default.
        """
        if text in WORDS.get(name, ()) or "://" in text or text.startswith("hf:"):
            return text
        written, mark, key = text.partition("#") if name == "validation" else (text, "", "")
        path = Path(os.path.abspath(Path(written).expanduser()))
        if name in OR_HUB and not path.exists() and not written.startswith((".", "/", "~")):
            return text
        return self._placed(name, path, label or name) + mark + key

    def refuse_missing(self) -> None:
        """Raise if any path is missing; the message names all of them.

        Raises:
            ConfigError: a path is missing.
        """
        if self.missing:
            raise ConfigError(
                "\n".join(f"{entry} does not exist" for entry in self.missing)
                + "\nThe job was not sent. Mend the path, or, where only the cluster sees it, name its folder: "
                "--shared DIR"
            )

    def _placed(self, name: str, path: Path, label: str) -> str:
        if any(path.is_relative_to(folder) for folder in self.shared):
            return str(path)
        if name not in OUTPUTS:
            if not path.exists():
                self.missing.append(f"{label}: {path}")
            elif self.package.holds(path):
                return path.relative_to(self.package.folder).as_posix()
        if path not in self.outside:
            self.outside.append(path)
        return str(path)


def path_settings(config: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Key, name and value of each setting of a config that may be a path.

    Args:
        config: a ``RunConfig`` as plain values.
    """
    if config["cache"] != DEFAULT_CACHE:  # the default is in the home folder, which each node has
        yield "cache", "cache", config["cache"]
    for section in SECTIONS:
        values: Any = config
        for part in section.split("."):
            values = values[part]
        yield from ((f"{section}.{name}", name, values[name]) for name in WORDS if values.get(name))


DEFAULT_CACHE = "~/.cache/ecr-rl"
