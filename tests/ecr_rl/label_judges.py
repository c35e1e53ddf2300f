"""Judges for the tests of labelling: they know what they gave, fail where they are told to, and die."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ecr_rl.labels.judging.judge_protocol import Evidence, Labels, no_labels
from ecr_rl.labels.judging.registry import JudgeInputs
from envs.catalog import Catalog, Film
from envs.dialogue import Role, SeekerProfile, Utterance
from envs.errors import ModelError
from envs.heads import Exchange, Head
from tests.known_heads import DEFINITIONS

CATALOG = Catalog([Film(1, "Alien", 1979, ("horror",), ("Ridley Scott",))])


def piece(reply: str = "Try Alien (1979)!") -> Evidence:
    """A reply to a seeker, about the catalogue's film."""
    context = (Utterance(Role.SEEKER, "Something scary"),)
    return Evidence(Exchange(context, reply), films=(1,), profile=SeekerProfile(liked=frozenset({1})))


@dataclass(frozen=True)
class LengthJudge:
    """Scores the share of 100 characters that a reply fills, on every head.

    Attributes:
        longest: longer replies are failures.
        deadly: a file; the first worker that sees it dies with it.
        refusal: what keeps the judge from working at all.
    """

    longest: int = 10_000
    deadly: Path | None = None
    refusal: str = ""
    name: str = "length"
    heads: tuple[Head, ...] = DEFINITIONS
    provenance: Mapping[str, object] = field(default_factory=dict)

    def judge(self, evidence: Sequence[Evidence]) -> Labels:
        if self.refusal:
            raise ModelError(self.refusal)
        if self.deadly is not None and self.deadly.exists():
            self.deadly.unlink()
            os._exit(1)
        labels, problems = no_labels(len(evidence), [head.name for head in self.heads]), []
        for row, piece in enumerate(evidence):
            length = len(piece.exchange.reply)
            labels.known[row] = length <= self.longest
            labels.values[row] = min(1.0, length / 100)
            labels.flagged[row] = "!" in piece.exchange.reply
            problems.append("" if length <= self.longest else f"too long: {length} characters")
        return replace(labels, problems=tuple(problems))


def own_judge(inputs: JudgeInputs) -> LengthJudge:
    """A judge from outside, named by its place in this module."""
    return LengthJudge(longest=inputs.settings.max_new, name="own", heads=inputs.heads)
