"""Tell whether a judge and a policy are of one family: a model likes what it would have said itself."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from algorithms.policy.language_model import TINY
from ecr_rl.config import RunConfig
from ecr_rl.training.ppo import MODEL
from envs.errors import ConfigError

_PLAIN = {
    *(
        "instruct",
        "chat",
        "coder",
        "code",
        "base",
        "small",
        "medium",
        "large",
        "mini",
        "tiny",
        "nano",
        "turbo",
        "preview",
    ),
    *("gguf", "awq", "gptq", "hf", "it", "sft", "dpo", "rlhf", "latest", "model", "models", "main"),
}
"""Words of a model's name that say nothing of its family."""
_BORROWED = {"llama", "gpt"}
"""Architectures that other families are built by: SmolLM2 is a Llama by its code alone."""


@dataclass(frozen=True)
class Family:
    """What tells a model's family.

    Attributes:
        names: words of its name.
        architecture: transformers' ``model_type``; empty where it is not known.
    """

    names: frozenset[str]
    architecture: str = ""

    @classmethod
    def of(cls, name: str, folder: Path | None = None) -> Family:
        """By a model's name, and the config of its folder."""
        architecture = _model_type(folder) if folder is not None else ""
        by_code = _words(architecture) - _BORROWED
        return cls(_words(name) | by_code, architecture)

    def shared(self, other: Family) -> str:
        """What both have in common; empty if nothing."""
        names = sorted(self.names & other.names)
        if names:
            return names[0]
        return self.architecture if self.architecture and self.architecture == other.architecture else ""


def policy_family(config: RunConfig, run: Path) -> Family:
    """The family of a run's policy; a tiny one is made from scratch and has none."""
    return Family(frozenset()) if config.policy.model == TINY else Family.of(config.policy.model, run / MODEL)


def refuse_same_family(judge: Family, policy: Family, name: str) -> None:
    """Refuse a judge of the policy's own family.

    Raises:
        ConfigError: they share a family.
    """
    shared = judge.shared(policy)
    if shared:
        raise ConfigError(
            f"the judge {name} and the policy are of one family ({shared}), and a model likes its own kind of words. "
            "Choose another judge, or add --same-family"
        )


def _words(name: str) -> frozenset[str]:
    base = name.rstrip("/").rsplit("/", 1)[-1].lower()
    return frozenset(word for word in re.findall(r"[a-z]{3,}", base) if word not in _PLAIN)


def _model_type(folder: Path) -> str:
    """Of a folder's config.json; empty where there is none."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    told = config.get("model_type") if isinstance(config, dict) else None
    return told if isinstance(told, str) else ""
