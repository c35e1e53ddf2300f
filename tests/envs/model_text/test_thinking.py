"""Thinking is no answer: every way of marking it is taken out, and a thought that was cut off leaves no answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.model_text.thinking import answer_of, closing, marks_thinking, opened_by

ANSWER = "Something scary, please!"
MARKS = [
    ("<think>", "</think>"),
    ("<THINK>\n", "\n</Think>\n\n"),
    ("<thinking>", "</thinking>"),
    ("<reasoning>", "</reasoning>"),
    ("<thought>", "</thought>"),
    ('<think time="3">', "</think>"),
    ("<seed:think>", "</seed:think>"),
    ("[THINK]", "[/THINK]"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("\u25c1think\u25b7", "\u25c1/think\u25b7"),
    ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
    ("<|channel|>analysis<|message|>", "<|channel|>final <|constrain|>json<|message|>"),
    ("Thinking...\n", "\n...done thinking.\n\n"),
    ("<|channel>thought\n", "<channel|>"),
    ("analysis", "assistantfinal"),
    ("Here is my thought process: ", "\nHere is my response: "),
    ("<thinking_process>", "</thinking_process>"),
    ("<inner_thoughts>", "</inner_thoughts>"),
    ("<planning>", "</planning>"),
    ("<mm:think>", "</mm:think>"),
    ("<think_fast>", "</think_fast>"),
    ("<selfReflection>", "</selfReflection>"),
    ("<|plan|>", "<|/plan|>"),
    ("<unused94>thought\n", "<unused95>"),
    ("&lt;think&gt;", "&lt;/think&gt;"),
    ("&#60;think&#62;", "&#x3C;/think&#x3E;"),
]


@pytest.mark.parametrize(("opening", "ending"), MARKS)
def test_what_stands_between_the_marks_is_left_out(opening: str, ending: str) -> None:
    thought = "We need a line. I could say: I love Alien."
    assert answer_of(f"{opening}{thought}{ending}{ANSWER}") == ANSWER
    assert answer_of(f"{thought}{ending}{ANSWER}") == ANSWER, "the prompt opened it"
    assert answer_of(f"{opening}{thought}") is None, "it was cut off"
    assert answer_of(f"{opening}{thought}{ending}") == ""


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (ANSWER, ANSWER),
        ("", ""),
        ("<think></think>" + ANSWER, ANSWER),
        ("<think/>" + ANSWER, ANSWER),
        (f"<think>a</think><think>b</think>{ANSWER}", ANSWER),
        ("<think>a</think>Something scary, <think>b</think>please!", ANSWER),
        (f"<think>I close with </think>, I know.</think>{ANSWER}", ANSWER),
        (f"<think>Shall I write <reasoning>, or <think>?</think>{ANSWER}", ANSWER),
        (f"{ANSWER}<think>Or rather", None),
        (f"<think>a</think><answer>{ANSWER}</answer>", ANSWER),
        (f"<answer>A first one.</answer> No: <answer>{ANSWER}", ANSWER),
        ("I think that the analysis in [it] was 1 < 2 and thoughtful.",) * 2,
        ("I liked <planet> of the [thoughtful] apes.",) * 2,
    ],
)
def test_what_is_left_is_the_answer(text: str, answer: str | None) -> None:
    assert answer_of(text) == answer


@given(
    st.lists(st.sampled_from(["<think>", "</think>", "[THINK]", "[/THINK]", "a", " ", "<", "</answer>", "<answer>"]))
)
def test_no_mark_is_left(pieces: list[str]) -> None:
    answer = answer_of("".join(pieces))
    assert answer is None or answer_of(answer) in (answer, None) or "answer>" in answer
    assert answer is None or not {"<think>", "[THINK]"} & set(answer.split("a"))


def test_a_prompt_may_open_the_thinking() -> None:
    assert opened_by("<|im_start|>assistant\n<think>\n") == "<think>"
    assert opened_by("I said <think> once.\n") == ""
    assert [closing(mark) for mark in ("<think>", "[THINK]", "<|START_THINKING|>", "<|begin_of_thought|>")] == [
        "</think>",
        "[/THINK]",
        "<|END_THINKING|>",
        "<|end_of_thought|>",
    ]
    assert closing(opened_by("<unused94>thought\n")) == "<unused95>"
    assert marks_thinking("[THINK]") and marks_thinking("<|channel|>") and not marks_thinking("<|im_end|>")
