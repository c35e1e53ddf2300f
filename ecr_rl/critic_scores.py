"""Score a JSON-lines file of replies; every input line gives one output line, with scores or an error.

Replies are often a model's: half of a surrogate pair in one is read as U+FFFD.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ecr_rl.labels.storage.store import read_turn
from envs.dialogue import Role, Utterance
from envs.errors import DataError
from envs.files import json_text, write_text
from envs.heads import Exchange, HeadScores
from envs.inputs.json_text import JsonFault, parse_json
from envs.inputs.text import UnreadableText, as_said, recoded
from envs.progress import OnStep

BATCH = 256
_LONGEST_CONTEXT = 50
"""Only this many of a context's last turns are read."""


class Scorer(Protocol):
    """Scores exchanges, and says which replies are too long to read completely."""

    def score(self, exchanges: list[Exchange]) -> HeadScores:
        """Scores of N exchanges."""
        ...

    def cut(self, exchanges: list[Exchange]) -> np.ndarray:
        """(N,) bool: whether the reply is longer than the scorer reads."""
        ...


def score_file(critic: Scorer, source: Path, output: Path | None, on_step: OnStep) -> dict[str, Any]:
    """Score every line of a file.

    Args:
        critic: the scorer.
        source: JSON lines; ``-`` for stdin.
        output: written atomically, also if it is a link to a file; None returns the text as ``lines``.
        on_step: called with the progress, in lines.

    Returns:
        ``{"n", "errors", "cut"}``, counts of lines.

    Raises:
        DataError: the file cannot be read or written, or ``output`` is a folder or a device.
    """
    if output is not None:
        output = output.resolve()
        if output.exists() and not output.is_file():  # renaming would replace a device or pipe by a file
            raise DataError("is no file", file=output, remedy="Choose another --output, or - for stdout.")
    try:
        data = sys.stdin.buffer.read() if str(source) == "-" else source.read_bytes()
    except OSError as error:
        raise DataError(f"cannot be read: {error}", file=source, remedy="Give --input a JSON-lines file.") from error
    try:
        lines = recoded(data).split(b"\n")
    except UnreadableText as error:
        raise DataError(error.what, file=source, line=error.line, remedy="Save it as UTF-8.") from error
    if lines[-1] == b"":
        lines.pop()
    written: list[str] = []
    counts = {"n": len(lines), "errors": 0, "cut": 0}
    on_step(0, len(lines), {})
    for first in range(0, len(lines), BATCH):
        for result in score_lines(critic, lines[first : first + BATCH]):
            counts["errors"] += "error" in result
            counts["cut"] += result.get("cut", False)
            written.append(json_text(result) + "\n")
        on_step(min(first + BATCH, len(lines)), len(lines), {})
    text = "".join(written)
    if output is None:
        return {**counts, "lines": text}
    try:
        write_text(output, text)
    except OSError as error:
        raise DataError(f"cannot be written: {error}", file=output, remedy="Choose another --output.") from error
    return counts


def score_lines(critic: Scorer, lines: list[bytes]) -> list[dict[str, Any]]:
    """For each line its scores and spreads, or its error; None for what the critic had no labels to learn from."""
    results: list[dict[str, Any]] = [{} for _ in lines]
    exchanges, rows = [], []
    for row, line in enumerate(lines):
        try:
            exchanges.append(_exchange(line))
            rows.append(row)
        except ValueError as error:
            results[row] = {"error": str(error)}
    if not rows:
        return results
    scores, cut = critic.score(exchanges), critic.cut(exchanges)
    for index, row in enumerate(rows):
        if not np.isfinite(scores.mean[index]).all() or np.isinf(scores.spread[index]).any():
            results[row] = {"error": "the critic gives no finite score"}
            continue
        results[row] = {
            "scores": _by_head(scores, scores.mean[index]),
            "spread": _by_head(scores, scores.spread[index]),
        }
        if cut[index]:
            results[row]["cut"] = True
    return results


def _by_head(scores: HeadScores, values: np.ndarray) -> dict[str, float | None]:
    known = [None if np.isnan(value) else float(value) for value in values]
    return dict.fromkeys(scores.without_labels) | dict(zip(scores.heads, known, strict=True))


def _exchange(line: bytes) -> Exchange:
    """The exchange of a line; ValueError says what is wrong with it."""
    try:
        value = parse_json(line, strict=False)
    except JsonFault as fault:
        raise ValueError(str(fault)) from None
    if not isinstance(value, dict):
        raise ValueError('not an object with "context" and "response"')
    response, context = value.get("response"), value.get("context")
    if not isinstance(response, str):
        raise ValueError("response: a text is missing")
    if not response.strip():
        raise ValueError("response: the text is empty")
    if not isinstance(context, list) or not all(isinstance(turn, str) for turn in context):
        raise ValueError("context: not a list of texts")
    turns = list(map(as_said, context[-_LONGEST_CONTEXT:]))
    # Without a role, turns alternate and the last is the seeker's.
    return Exchange(
        tuple(_turn(text, (len(turns) - index) % 2 == 1) for index, text in enumerate(turns)), as_said(response)
    )


def _turn(text: str, seeker: bool) -> Utterance:
    try:
        return read_turn(text)
    except ValueError:
        return Utterance(Role.SEEKER if seeker else Role.RECOMMENDER, text)
