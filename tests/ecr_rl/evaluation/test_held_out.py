"""Which dialogues an evaluation plays."""

from __future__ import annotations

from ecr_rl.evaluation.conversations.held_out import dialogues_of
from ecr_rl.settings import EvaluationSettings


def test_the_dialogues_of_an_evaluation_come_from_the_whole_split() -> None:
    played, answered, informed = dialogues_of(100, EvaluationSettings(dialogues=10, gold_replies=5, pmi_dialogues=2))
    assert played == [0, 10, 20, 30, 40, 50, 60, 70, 80, 90]
    assert answered == {0, 20, 40, 60, 80}
    assert informed == {0, 50}
