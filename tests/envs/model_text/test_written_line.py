"""What a model writes for a seeker is a line, or the reason why it is none."""

from __future__ import annotations

import pytest

from envs.model_text.written_line import (
    DIALOGUE,
    ITSELF,
    JSON,
    LONGEST_LINE,
    NOTHING,
    OTHER_SPEAKER,
    REFUSAL,
    TAGS,
    THINKING,
    TOO_LONG,
    read_line,
)

LINE = "Something scary, please!"


@pytest.mark.parametrize(
    "written",
    [
        LINE,
        f'"{LINE}"',
        f"\u201c{LINE}\u201d",
        f"Seeker: {LINE}",
        f"**Seeker:** {LINE}",
        f"Seeker\uff1a{LINE}",
        "\x1b[1mSomething\x1b[0m sca\x00ry,\x07 please!\u202e",
        f"{LINE}</s>",
        f"The seeker's next line: {LINE}",
        f"Seeker (happy): {LINE}",
        f"Final answer: {LINE}",
        f"```\n{LINE}\n```",
        f"Sure! Here is a line:\n\n{LINE}",
        f"{LINE}\n\n(It names no film.)",
        f"{LINE}\nRecommender: How about Alien?",
        f"{LINE}<|im_end|>\n<|im_start|>assistant\nHow about Alien?",
        f"<think>Recommender: no. Seeker: yes. {{}}</think>\n{LINE}",
    ],
)
def test_harmless_additions_are_left_out(written: str) -> None:
    line = read_line(written)
    assert (line.text, line.failure) == (LINE, "")


def test_half_a_surrogate_pair_does_not_come_through() -> None:
    assert read_line("Scary \ud83d!").text == "Scary \ufffd!"


@pytest.mark.parametrize(
    ("written", "failure"),
    [
        ("", NOTHING),
        ("...", NOTHING),
        ("<think>I would say yes.</think>\n", NOTHING),
        ("Here is the line:", NOTHING),
        ("<think>I would say", THINKING),
        (f'{{"line": "{LINE}"}}', JSON),
        (f'```json\n{{"line": "{LINE}"}}\n```', JSON),
        (f'Here it is:\n{{"line": "{LINE}"}}', JSON),
        ('["horror", "comedy"]', JSON),
        ("{'line': 'cut", JSON),
        ('{"a": ' * 50_000, JSON),
        (f'{{"a": {"9" * 5_000}}}', JSON),
        ("Recommender: How about Alien?", OTHER_SPEAKER),
        ("<|im_start|>assistant\nHow about Alien?", OTHER_SPEAKER),
        (f"<seeker>{LINE}<end>", OTHER_SPEAKER),
        (f"Thought: a short line is best.\n{LINE}", OTHER_SPEAKER),
        (f"Seeker: Hi\nRecommender: Hello\nSeeker: {LINE}", DIALOGUE),
        (f"{LINE} Recommender: Alien? Seeker: Thanks, bye!", DIALOGUE),
        ("word " * LONGEST_LINE, TOO_LONG),
        ("I like it. " * LONGEST_LINE, TOO_LONG),
        ("As an AI language model, I cannot watch films.", ITSELF),
        ("I'm sorry, but I can't help with that.", REFUSAL),
        ("I\u2019m sorry, I cannot assist with this request.", REFUSAL),
        ("Sorry, I can't do that.", REFUSAL),
        ("I'm unable to create that kind of content.", REFUSAL),
        (f"<mood>happy</mood> {LINE}", TAGS),
        (f"<movie_talk>\nWhat would she say?\n</movie_talk>\n{LINE}", TAGS),
        (f"&lt;mood&gt;happy&lt;/mood&gt; {LINE}", TAGS),
        (f"[NOTE]short[/NOTE] {LINE}", TAGS),
    ],
)
def test_what_is_no_line_says_why(written: str, failure: str) -> None:
    line = read_line(written)
    assert (line.text, line.failure) == ("", failure)


@pytest.mark.parametrize(
    "line",
    [
        "I can't help but love horror, sorry!",
        "I'm sorry, I can't do scary films at night.",
        "I can't answer that, I have not seen it.",
        "Unfortunately I can't stand musicals.",
    ],
)
def test_a_seeker_may_say_what_it_cannot_do(line: str) -> None:
    assert read_line(line).text == line
