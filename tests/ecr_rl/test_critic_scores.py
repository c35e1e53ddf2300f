"""``critic score``: one line out for each line in, whatever the line holds."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from ecr_rl.critic_scores import score_file, score_lines
from envs.dialogue import Role
from envs.errors import DataError
from envs.heads import Exchange, HeadScores
from tests.known_heads import HEADS


class LengthCritic:
    """Scores by length, and remembers what it was shown."""

    def __init__(self) -> None:
        self.seen: list[Exchange] = []

    def score(self, exchanges: list[Exchange]) -> HeadScores:
        self.seen += exchanges
        values = np.array([[min(1.0, len(exchange.reply) / 100)] * len(HEADS) for exchange in exchanges])
        return HeadScores(values, values / 10, HEADS)

    def cut(self, exchanges: list[Exchange]) -> np.ndarray:
        return np.array([len(exchange.reply) > 1000 for exchange in exchanges])


def line(response: object, context: object = ()) -> bytes:
    return json.dumps({"context": context, "response": response}).encode()


GOOD = [
    line("Hello!", ["seeker: hi"]),
    line("你好你喜欢什么电影"),
    line("مرحبا"),
    line("word " * 10_000),
    line("\ud800 lone"),
    line("nul \0 inside", ["x"] * 1000),
    line("🎬"),
]
BAD = [
    b"",
    b"not json",
    b"[1]",
    b"{}",
    line(""),
    line("  \n"),
    line(3),
    line("ok", "no list"),
    line("ok", [1]),
    b"\xff\xfe",
    b'{"response": NaN}',
    b'{"response": "no context"}',
    b"[" * 100_000,
]


def test_every_line_gets_one_line_in_order(tmp_path: Path) -> None:
    lines = [piece for pair in zip(GOOD, BAD, strict=False) for piece in pair]
    source, output = tmp_path / "in.jsonl", tmp_path / "deep" / "out.jsonl"
    source.write_bytes(b"\xef\xbb\xbf" + b"\r\n".join(lines))
    counts = score_file(LengthCritic(), source, output, lambda done, total, figures: None)
    results = [json.loads(text) for text in output.read_text(encoding="utf-8").split("\n")[:-1]]
    assert len(results) == len(lines)
    assert ["scores" in result for result in results] == [True, False] * len(GOOD)
    assert counts == {"n": len(lines), "errors": len(GOOD), "cut": 1}
    assert results[6]["cut"] is True
    assert set(results[0]["scores"]) == set(results[0]["spread"]) == set(HEADS)
    assert list(output.parent.iterdir()) == [output]


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_line_says_why_and_the_rest_goes_on(bad: bytes) -> None:
    first, second = score_lines(LengthCritic(), [bad, GOOD[0]])
    assert first["error"]
    assert "scores" in second


def test_turns_take_their_roles_or_alternate_up_to_the_seeker() -> None:
    critic = LengthCritic()
    score_lines(critic, [line("ok", ["Seeker: hi", "recommender: hello"]), line("ok", ["a", "b", "c"])])
    roles = [[turn.role for turn in exchange.context] for exchange in critic.seen]
    assert roles[0] == [Role.SEEKER, Role.RECOMMENDER]
    assert roles[1] == [Role.SEEKER, Role.RECOMMENDER, Role.SEEKER]
    assert critic.seen[0].context[0].text == "hi"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nothing"):
        score_file(LengthCritic(), tmp_path / "nothing", tmp_path / "out", lambda done, total, figures: None)
    assert not (tmp_path / "out").exists()


def test_a_pipe_or_folder_is_never_replaced(tmp_path: Path) -> None:
    source, pipe, folder = tmp_path / "in", tmp_path / "pipe", tmp_path / "folder"
    source.write_bytes(GOOD[0])
    os.mkfifo(pipe)
    folder.mkdir()
    for output in (pipe, folder):
        with pytest.raises(DataError, match="is no file"):
            score_file(LengthCritic(), source, output, lambda done, total, figures: None)
    assert pipe.is_fifo()
    assert sorted(tmp_path.iterdir()) == sorted([source, pipe, folder])


def test_a_links_target_is_written_and_the_link_kept(tmp_path: Path) -> None:
    source, target, link = tmp_path / "in", tmp_path / "target", tmp_path / "link"
    source.write_bytes(GOOD[0])
    target.write_text("old")
    link.symlink_to(target)
    score_file(LengthCritic(), source, link, lambda done, total, figures: None)
    assert link.is_symlink()
    assert "scores" in json.loads(target.read_text())
