"""Scores among a model's words: the last object counts, two different ones are none, and nothing is a traceback."""

from __future__ import annotations

import json

import pytest

from ecr_rl.labels.judging.prompt import JudgePrompt
from tests.known_heads import DEFINITIONS, JUDGED

PROMPT = JudgePrompt(DEFINITIONS)


def scores(*values: object) -> str:
    """The object of five scores."""
    return json.dumps(dict(zip(JUDGED, values, strict=True)))


LOW, HIGH = scores(1, 1, 1, 1, 1), scores(5, 4, 5, 4, 5)
READ = [1.0, 0.75, 1.0, 0.75, 1.0]


@pytest.mark.parametrize(
    "text",
    [
        HIGH,
        f"<think>The form is {LOW}. The reply is warm.</think>\n{HIGH}",
        f"The form is {LOW}. The reply is warm.</think>\n{HIGH}",
        f"Draft: {LOW}\nFinal answer: {HIGH}",
        f"Draft: {LOW}\n**Final scores:**\n```json\n{HIGH}\n```",
        f"{HIGH}\nAgain: {HIGH}",
        f'{{"reasoning": "warm and specific"}}\n{HIGH}',
        f"Broken: {{empathy: 1, and}} then {HIGH}",
        f"{scores(1, 1, 1, 1, 9)} That was out of range. {HIGH}",
        f'{{"reasoning": "it says 5/5", "scores": {HIGH}}}',
        f"[{HIGH}]",
        f'{{"overall": "warm"}}\n{HIGH}\n{{"overall": "The reply is warm."}} I gave {{overall}} five.',
        json.dumps(HIGH),
        json.dumps({"scores": HIGH}),
        scores("5", " 4 ", "5/5", "4 out of 5", "5.0"),
        scores(5.0, 4, 5, 4, 5),
        scores({"score": 5, "reason": "warm"}, {"rating": "4"}, 5, 4, 5),
        f'{{"scores": {HIGH}, "rationale": {{"empathy": "it names 2 films", "overall": "2 films, 1 joke"}}}}',
        HIGH.replace("}", ', "scale": "1-5", "max_score": 5}'),
        scores({"score": 5, "max": 5}, {"score": 4, "out_of": "5"}, 5, 4, 5),
        f"{HIGH}\nEmpathy: 5. It names 2 films, and informativeness is 4.",
        f"{HIGH}\nOverall, the 3 films fit; overall: 2 questions, one joke.",
        HIGH.replace("empathy", "Empathy").replace("overall", "OVERALL"),
        HIGH.replace("}", ', "reason": "warm", "confidence": 1e999}'),
        HIGH.replace("}", f', "note": {"9" * 5_000}}}'),
    ],
)
def test_the_scores_of_the_answer_are_read(text: str) -> None:
    assert PROMPT.read(text) == PROMPT.parse(text) == READ


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"{LOW}\n{HIGH}", "different scores"),
        (f"The reply quotes {HIGH}. {LOW}", "different scores"),
        (f"Final answer: {LOW}\nFinal answer: {HIGH}", "different scores"),
        (f"Final answer: {HIGH}\n(The form was {LOW}.)", "different scores"),
        (json.dumps({"draft": json.loads(LOW), "final": json.loads(HIGH)}), "different scores"),
        (f"Draft: {LOW}\nFinal answer: {HIGH[:40]}", "incomplete"),
        (HIGH[:40], "incomplete"),
        (f"{LOW}\nFinal answer:\nempathy: 5\ninformativeness: 4", "after its last JSON object"),
        (f"{LOW}\nFinal answer: [5, 4, 5, 4, 5]", "after its last JSON object"),
        (f"{LOW}\n| head | score |\n|---|---|\n| Empathy | **5** |", "after its last JSON object"),
        (f"{LOW}\n| empathy | overall |\n|---|---|\n| 5 | 4 | 5 | 4 | 5 |", "after its last JSON object"),
        (f"{LOW}\nOn reflection the empathy is a 5.", "after its last JSON object"),
        (f"{LOW}\nIt earns a 5 for empathy.", "after its last JSON object"),
        (scores({"score": 4, "max": 10}, 4, 4, 4, 4), "not on the scale"),
        (HIGH.replace("}", ', "out_of": 10}'), "not on the scale"),
        (HIGH.replace("}", ', "scale": "0-10"}'), "not on the scale"),
        (HIGH.replace("}", ', "scale": {"min": 0, "max": 5}}'), "not on the scale"),
        (f'{{"max_score": 100, "scores": {HIGH}}}', "not on the scale"),
        (f"{LOW}\n{scores(5, 4, 5, 4, 9)}", "overall has no score"),
        (scores(5, 4, 5, 4, 0), "overall has no score"),
        (scores(5, 4, 5, 4, -1), "overall has no score"),
        (scores(5, 4, 5, 4, "8/10"), "overall has no score"),
        (scores(5, 4, 5, 4, "4 or 5"), "overall has no score"),
        (scores(5, 4, 5, 4, float("nan")), "overall has no score"),
        (scores(5, 4, 5, 4, float("inf")), "overall has no score"),
        (scores(5, 4, 5, 4, None), "overall has no score"),
        (scores(5, 4, 5, 4, [5]), "overall has no score"),
        (HIGH.replace("}", ', "Overall": 1}'), "overall has no score"),
        (HIGH.replace("}", ', "overall": 1}'), "broken"),
        (HIGH.replace("5", "9" * 5_000), "has no score"),
        ('{"empathy": ' * 50_000, "too deeply"),
        ('{"reasoning": "warm"}', "no JSON object of scores"),
        ("Five of five!", "no JSON object"),
        (f"<think>{HIGH}", "cut off while thinking"),
        (f"<think>{HIGH}</think>", "no JSON object"),
    ],
)
def test_an_answer_with_no_meaning_or_two_is_a_problem_and_no_number(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        PROMPT.parse(text)
    told = PROMPT.read(text)
    assert isinstance(told, str) and problem in told
    assert told.split(":")[0] == ("no answer" if problem == "cut off while thinking" else "unreadable answer")
