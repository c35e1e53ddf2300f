"""Bodies of chat completions: parts are joined, thinking apart is left out, and all else is a reason."""

from __future__ import annotations

import json
from typing import Any

import pytest

from algorithms.chat.responses import NoAnswer, TokenCounts, completion_text, endpoint_words, token_counts

THOUGHT = {"type": "thinking", "thinking": [{"type": "text", "text": "plan"}]}


def body(message: Any, **choice: Any) -> str:
    return json.dumps({"choices": [{"index": 0, "message": message, "finish_reason": "stop", **choice}]})


@pytest.mark.parametrize(
    "content",
    [
        "Hello there",
        [THOUGHT, {"type": "text", "text": "Hello there"}],
        [{"type": "text", "text": "Hello "}, {"type": "text", "text": "there"}],
        ["Hello ", {"text": "there"}, {"type": "image_url", "image_url": {"url": "x"}}],
        [{"type": "output_text", "text": {"value": "Hello there"}}],
        {"type": "text", "text": "Hello there"},
    ],
)
def test_the_text_of_an_answer(content: Any) -> None:
    message = {"role": "assistant", "content": content, "reasoning_content": "plan"}
    assert completion_text(body(message)) == "Hello there"
    assert completion_text(f"\ufeff{body(message, finish_reason='length')}") == "Hello there"
    assert completion_text(json.dumps(body(message))) == "Hello there", "encoded twice"


def test_half_a_surrogate_pair_becomes_the_replacement_character() -> None:
    assert completion_text(body({"content": "half \ud83d and \ud83d\ude00"})) == "half \ufffd and \U0001f600"


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ("<html>a proxy's page</html>", "no chat completion"),
        ('{"choices": [{"mess', "no chat completion"),
        ("{}", "no chat completion"),
        ("[]", "no chat completion"),
        ("null", "no chat completion"),
        ("7", "no chat completion"),
        ('"text"', "no chat completion"),
        ('{"choices": []}', "no chat completion"),
        ('{"choices": null}', "no chat completion"),
        ('{"choices": ["a"]}', "no chat completion"),
        ('{"choices": [{"message": null}]}', "no chat completion"),
        ('{"choices": [{"message": "hi"}]}', "no chat completion"),
        ('{"choices": ' * 50_000, "no chat completion"),
        (f'{{"choices": {"9" * 5_000}}}', "no chat completion"),
        ('{"error": {"message": "Unexpected\\nendpoint"}}', "an error: Unexpected endpoint"),
        (body({"content": 5}), "neither text nor parts"),
        (body({"content": [5]}), "neither text nor parts"),
        (body({"content": [{"type": ["text"], "text": "x"}]}), "thinking and no answer"),
        (body({"content": {"type": {}, "text": "x"}}), "thinking and no answer"),
        ('[{"error": {"message": "quota"}}]', "an error: quota"),
        (body({}), "an empty answer"),
        (body({"content": " \n"}), "an empty answer"),
        (body({"content": None}, finish_reason="length"), "cut off before its first word"),
        (body({"content": [THOUGHT]}), "thinking and no answer"),
        (body({"content": None, "reasoning_content": "plan"}), "thinking and no answer"),
        (body({"content": "", "reasoning": "plan"}, finish_reason="length"), "cut off while thinking"),
        (body({"content": None, "refusal": "I can't\nrate this."}), "refused: I can't rate this."),
        (body({"content": [{"type": "refusal", "refusal": "No."}]}), "refused: No."),
        (body({"content": None, "tool_calls": [{"id": "1"}]}), "called a tool"),
        (body({"content": "5"}, finish_reason="content_filter"), "filter"),
    ],
)
def test_what_is_no_answer_says_why(sent: str, reason: str) -> None:
    with pytest.raises(NoAnswer, match=reason) as caught:
        completion_text(sent)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ('{"error": {"message": "too long", "code": "x"}}', "too long"),
        ('{"error": "too\\nlong"}', "too long"),
        ('{"object": "error", "message": "too long"}', "too long"),
        ('{"detail": "Not Found"}', "Not Found"),
        ('{"detail": [{"msg": "field required"}]}', '[{"msg": "field required"}]'),
        ("<html></html>", ""),
        ('{"error": {"code": 5}}', ""),
        ('[{"error": {"message": "quota"}}]', "quota"),
        ("", ""),
    ],
)
def test_an_endpoints_own_words_are_one_line(sent: str, words: str) -> None:
    assert endpoint_words(sent) == words
    assert len(endpoint_words(json.dumps({"error": "word " * 500}))) <= 201


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        ({"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}, TokenCounts(7, 2)),
        ({"prompt_tokens": 7}, None),
        ({"prompt_tokens": "7", "completion_tokens": True}, None),
        (None, None),
    ],
)
def test_tokens_are_counted_as_the_endpoint_says(usage: Any, counts: TokenCounts | None) -> None:
    assert token_counts(json.dumps({"choices": [], "usage": usage})) == counts
    assert token_counts("no JSON") is None
