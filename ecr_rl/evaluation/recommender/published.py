"""Published figures of other systems on ReDial, to compare an evaluation with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from envs.corpora.cases import Protocol


@dataclass(frozen=True)
class PublishedRow:
    """One system's figures, by the names of ``ecr_rl.evaluation.recommender.recommendation_figures``."""

    system: str
    figures: Mapping[str, float]


def _row(system: str, *recall: float, sr: float | None = None) -> PublishedRow:
    figures: dict[str, float] = dict(zip(("r@1", "r@10", "r@50"), recall, strict=True))
    return PublishedRow(system, figures if sr is None else {**figures, "sr": sr})


SOURCE = "Kostric & Balog, SIGIR 2026, official test split"
"""Where the rows come from."""

ROWS: Mapping[Protocol, tuple[PublishedRow, ...]] = {
    "full": (
        _row("KBRD", 0.033, 0.177, 0.332),
        _row("UniCRS", 0.049, 0.213, 0.421),
        _row("ECR", 0.049, 0.220, 0.428, sr=0.104),
        _row("MESE", 0.032, 0.178, 0.381),
        _row("ReFICR (7B)", 0.049, 0.270, 0.507, sr=0.151),
        _row("copy the last films", 0.043, 0.090, 0.090),
    ),
    "dedup": (
        _row("KBRD", 0.017, 0.148, 0.300),
        _row("UniCRS", 0.024, 0.180, 0.335),
        _row("ECR", 0.026, 0.181, 0.337, sr=0.063),
        _row("MESE", 0.025, 0.159, 0.361),
        _row("PECRS", 0.022, 0.143, 0.341),
        _row("ReFICR (7B)", 0.018, 0.213, 0.465, sr=0.053),
    ),
    "masked": (),
}
"""Rows of the same protocol and split. Their SR fits ``sr_targets`` by its size: by the wider ``sr`` a copy of the last
films would have .97 on ``full``."""

ELSEWHERE: Mapping[Protocol, str] = {
    "full": (
        "Of other protocols, for no column here: ECR's paper (Zhang et al., RecSys 2024; its own split) AUC .541, "
        "RT@1/10/50 .055/.238/.452; an earlier reproduction of it R@1 .0234, R@10 .1342, AUC .528."
    ),
    "dedup": "",
    "masked": (
        "Of an unknown protocol, for no column here: an earlier reproduction of ECR's stage 1, R@1 .077, R@10 .217."
    ),
}
"""Figures that were reported under other protocols, and must not share a column."""
