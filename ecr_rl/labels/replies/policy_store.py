"""Policy replies on disk, in parts of JSON lines, so that an interrupted sampling can resume."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from ecr_rl.labels.replies.made_replies import Case, PolicyReply
from envs.errors import DataError
from envs.files import write_text
from envs.progress import OnStep

CASES_A_PART = 200

Sample = Callable[[Sequence[Case]], Sequence[PolicyReply]]
"""Samples the policy's replies to cases."""


def stored_replies(
    folder: Path, cases: Sequence[Case], sample: Sample, on_step: OnStep = lambda done, total, figures: None
) -> list[PolicyReply]:
    """Read the policy's replies to the cases; sample those that the folder does not hold yet.

    Args:
        folder: a folder for these cases and this policy alone.
        cases: the turns to answer, always in the same order.
        sample: answers the cases of one part.
        on_step: called with the progress, in cases.

    Raises:
        DataError: a part is damaged.
    """
    replies: list[PolicyReply] = []
    for start in range(0, len(cases), CASES_A_PART):
        on_step(start, len(cases), {})
        file = folder / f"part-{start // CASES_A_PART:04d}.jsonl"
        if not file.is_file():
            sampled = sample(cases[start : start + CASES_A_PART])
            write_text(file, "".join(json.dumps(asdict(reply)) + "\n" for reply in sampled))
        replies += _read(file)
    on_step(len(cases), len(cases), {})
    return replies


def _read(file: Path) -> list[PolicyReply]:
    replies = []
    for line, text in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            values = json.loads(text)
            replies.append(PolicyReply(**{**values, "films": tuple(values["films"])}))
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"not a policy reply: {error}", file=file, line=line, remedy="Delete the file; it is sampled anew."
            ) from error
    return replies
