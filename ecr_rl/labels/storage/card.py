"""Summarise a label folder: count its rows, and write the card that describes it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ecr_rl.labels.replies.made_replies import Kind
from ecr_rl.labels.storage.store import FACTS, SPLITS, LabelTable
from ecr_rl.tables import shown, table_lines
from envs.files import write_json, write_text

CARD = "README.md"
REASON_LENGTH = 80
"""The most characters of a failure's reason."""
HIDDEN = ("name", "heads", "after_reply")
"""Keys of a judge's provenance that the card shows in other sections."""


def summarise(table: LabelTable) -> dict[str, Any]:
    """Counts of the rows, as JSON values.

    Returns:
        ``{"n", "kinds", "splits", "dialogues", "heads", "failed", "flagged"}``: rows by kind and split, dialogues by
        split, ``{"n", "known", "mean", "std"}`` of each head (``known`` the share; mean and std None where no label is
        known), failures by reason, and rows that seem to speak to the judge.
    """
    labels, kinds, splits = table.labels, Counter(table.column("kind")), Counter(table.column("split"))
    dialogues = set(zip(table.column("split"), table.column("dialogue"), strict=True))
    return {
        "n": len(table),
        "kinds": {str(kind): kinds[kind] for kind in Kind if kinds[kind]},
        "splits": {split: splits[split] for split in SPLITS if splits[split]},
        "dialogues": dict(Counter(split for split, dialogue in sorted(dialogues, key=repr) if dialogue is not None)),
        "heads": {
            head: _figures(labels.values[labels.known[:, i], i], len(table)) for i, head in enumerate(labels.heads)
        },
        "failed": failures(labels.problems),
        "flagged": int(labels.flagged.sum()),
    }


def failures(problems: Iterable[str]) -> dict[str, int]:
    """How often each reason occurs, the most frequent first; a reason is a problem's text up to its first colon."""
    counts = Counter(problem.split(":")[0].strip()[:REASON_LENGTH] for problem in problems if problem)
    return dict(counts.most_common())


def _figures(values: np.ndarray, rows: int) -> dict[str, Any]:
    known = len(values) / rows if rows else 0.0
    if not len(values):
        return {"n": 0, "known": known, "mean": None, "std": None}
    wide = values.astype(np.float64)
    return {"n": len(values), "known": known, "mean": float(wide.mean()), "std": float(wide.std())}


def complete(folder: Path, table: LabelTable) -> dict[str, Any]:
    """Complete a label folder whose shards are written: write ``labels.json`` with the counts, and the card.

    Args:
        folder: the label folder.
        table: its rows, and the facts for ``labels.json`` besides the counts.

    Returns:
        The content of ``labels.json``.
    """
    facts = {**table.facts, "complete": True, "counts": summarise(table)}
    write_json(folder / FACTS, facts)
    write_text(folder / CARD, card(facts))
    return facts


def card(facts: Mapping[str, Any]) -> str:
    """The card in Markdown.

    Args:
        facts: the content of ``labels.json``. In ``judge``, ``heads`` describes how each head is measured and
            ``after_reply`` is the share of each head's label that turns after the reply decide.
    """
    counts, judge = facts["counts"], facts["judge"]
    parts = [
        f"# {counts['n']:,} labelled replies",
        f"Each row is a context, a reply to it, and the {judge['name']} judge's scores of the reply on "
        f"{len(counts['heads'])} heads, from 0 to 1. The columns are described in `ecr_rl/labels/storage/store.py`.",
        *_section("Rows", _shares(counts)),
        *_section("Heads", _heads(counts["heads"], judge)),
        *_section("Judge", _provenance(judge)),
        *_section("Failures", _failed(counts)),
        *_section("Weights of the judges", _weights(facts.get("agreement"))),
        *_section("Agreement of the judges", _agreement(facts.get("agreement"))),
        *_section("Made by", _origin(facts)),
        *_section("Licence and source", _licence(facts)),
    ]
    return "\n\n".join(parts) + "\n"


def _section(title: str, body: str) -> list[str]:
    return [f"## {title}", body] if body else []


def _shares(counts: Mapping[str, Any]) -> str:
    whole = max(1, counts["n"])
    kinds = table_lines(
        ("kind", "rows", "share"), ((kind, f"{n:,}", f"{n / whole:.1%}") for kind, n in counts["kinds"].items())
    )
    splits = table_lines(
        ("split", "rows", "share", "dialogues"),
        (
            (split, f"{n:,}", f"{n / whole:.1%}", f"{counts['dialogues'].get(split, 0):,}")
            for split, n in counts["splits"].items()
        ),
    )
    return f"{kinds}\n\n{splits}"


def _heads(heads: Mapping[str, Any], judge: Mapping[str, Any]) -> str:
    measured, after = judge.get("heads", {}), judge.get("after_reply", {})
    rows = [
        (
            head,
            f"{figures['known']:.1%}",
            *(shown(figures[name]) for name in ("mean", "std")),
            f"{after[head]:.0%}" if head in after else "not stated",
        )
        for head, figures in heads.items()
    ]
    figures = table_lines(("head", "labelled", "mean", "std", "from turns after the reply"), rows)
    described = "\n".join(f"* **{head}**: {' '.join(measured[head].split())}" for head in heads if head in measured)
    after_note = (
        "Context and reply do not hold what is said after the reply: that part of a label cannot be learnt from them."
    )
    return "\n\n".join(part for part in (figures, after_note if after else "", described) if part)


def _provenance(judge: Mapping[str, Any]) -> str:
    rest = {name: value for name, value in judge.items() if name not in HIDDEN}
    return "\n".join([f"* name: `{judge['name']}`", *(f"* {name}: `{_inline(value)}`" for name, value in rest.items())])


def _inline(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _failed(counts: Mapping[str, Any]) -> str:
    failed = counts["failed"]
    lines = [f"The judge failed on {sum(failed.values()):,} rows; they have no score."]
    lines += [f"* {reason}: {n:,}" for reason, n in failed.items()]
    return "\n".join([*lines, "", f"{counts['flagged']:,} rows are flagged: their text seems to speak to the judge."])


def _weights(agreement: Mapping[str, Any] | None) -> str:
    if agreement is None:
        return ""
    weights = agreement["weights"]
    people = weights.get("people", {})
    rows = [
        (judge, f"{share:.3f}", *((shown(people[judge]["rho"]), f"{people[judge]['n']:,}") if people else ()))
        for judge, share in weights["shares"].items()
    ]
    told = "A score is the mean of the judges that know it, by these weights"
    by = {
        "equal": "they are equal",
        "settings": "the settings give them",
        "agreement with people": "they are in proportion to Spearman's rho of the judge's `overall` with people's "
        "`overall`, or `relevance`, where it is above 0",
    }[weights["by"]]
    columns = ("judge", "weight", *(("rho with people", "rated replies") if people else ()))
    return f"{told}; {by}.\n\n{table_lines(columns, rows)}"


def _agreement(agreement: Mapping[str, Any] | None) -> str:
    if agreement is None:
        return ""
    rows = [
        (
            f"{pair['judges'][0]}, {pair['judges'][1]}",
            head,
            f"{figures['n']:,}",
            *map(shown, list(figures.values())[1:]),
        )
        for pair in agreement["pairs"]
        for head, figures in pair["heads"].items()
    ]
    return table_lines(("judges", "head", "both know", "Pearson", "Spearman", "weighted kappa"), rows)


def _origin(facts: Mapping[str, Any]) -> str:
    command = f"```\n{facts['command']}\n```" if facts.get("command") else ""
    decided = "\n".join(f"* {name}: `{_inline(value)}`" for name, value in facts.get("source", {}).items())
    return "\n\n".join(part for part in (command, decided) if part)


def _licence(facts: Mapping[str, Any]) -> str:
    if facts.get("licence"):
        return str(facts["licence"])
    return "The texts keep the licence of the dialogues that they come from; the labels add none."
