"""Find the settings and options that are paths, and resolve them for a job that runs on a cluster."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ecr_rl.config import RunConfig
from ecr_rl.submission.package import Package
from envs.corpora.corpus import names_reader
from envs.errors import ConfigError
from envs.files import user_path
from envs.marks import TakesPath, marks_of, path_values

OUTPUTS = frozenset({"out", "output", "predictions", "into"})
"""Options for results of a job: they need not exist, and must be outside the working directory, which Ray uploads."""


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

    def resolve(self, text: str, takes: TakesPath, label: str) -> str:
        """The value of a setting or option for the job; words, addresses, hub ids and ``module:attribute`` stay.

        Args:
            text: its value as written.
            takes: how the setting or option takes a path.
            label: its name in messages.
        """
        if text in takes.words or "://" in text or text.startswith("hf:"):
            return text
        if names_reader(text):
            self.add_module(text, label)
            return text
        written, mark, key = text.partition(takes.key_after) if takes.key_after else (text, "", "")
        path = Path(os.path.abspath(user_path(written)))
        if takes.hub and not path.exists() and not written.startswith((".", "/", "~")):
            return text
        return self._placed(path, takes.made, label) + mark + key

    def add_module(self, part: str, label: str) -> None:
        """Look for the module of a part from outside, ``module:attribute``: in the package, else on this machine.

        Args:
            part: what names it.
            label: how a message names the setting or option.
        """
        module = part.partition(":")[0]
        stem = module.replace(".", "/")
        if f"{stem}.py" in self.package.files or f"{stem}/__init__.py" in self.package.files:
            return
        file = _module_file(module)
        if file is None:
            self.missing.append(f"{label}: module {module}")
        elif file not in self.outside:
            self.outside.append(file)

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

    def _placed(self, path: Path, made: bool, label: str) -> str:
        if any(path.is_relative_to(folder) for folder in self.shared):
            return str(path)
        if not made:
            if not path.exists():
                self.missing.append(f"{label}: {path}")
            elif self.package.holds(path):
                return path.relative_to(self.package.folder).as_posix()
        if path not in self.outside:
            self.outside.append(path)
        return str(path)


def path_settings(config: Mapping[str, Any]) -> Iterator[tuple[str, TakesPath, Any]]:
    """Key of each setting of a run that may be a path, how it takes one, and its value.

    Args:
        config: a ``RunConfig`` as plain values.
    """
    cache = RunConfig.model_fields["cache"].default
    for key, takes, value in path_values(RunConfig, config):
        if key != "cache" or Path(value) != cache:  # each node has a home folder of its own
            yield key, takes, value


def option_paths() -> dict[str, TakesPath]:
    """How each option takes a path that is named as a setting is, by the option's name.

    Where settings of several sections have one name, the option takes what any of them takes.
    """
    named: dict[str, TakesPath] = {}
    for key, mark in marks_of(RunConfig).items():
        name = key.rpartition(".")[2]
        if mark.path is not None:
            other = named.get(name, TakesPath(made=mark.path.made, key_after=mark.path.key_after))
            words, hub = other.words | mark.path.words, other.hub or mark.path.hub
            named[name] = replace(other, words=words, hub=hub)
    return named | {name: TakesPath(made=True) for name in OUTPUTS}


def _module_file(module: str) -> Path | None:
    """Where Python would import a module from; None where it finds none."""
    try:
        spec = find_spec(module)
    except (ImportError, ValueError):
        return None
    return None if spec is None or spec.origin is None else Path(spec.origin)
