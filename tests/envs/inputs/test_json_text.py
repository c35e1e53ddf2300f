"""JSON from outside: what is refused, and where."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.errors import DataError
from envs.inputs.json_text import JsonFault, parse_json, read_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text('a"\\é😀\n'),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab"), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES, st.booleans())
def test_sound_json_is_read_as_python_reads_it(value: Any, ascii_only: bool) -> None:
    assert parse_json(json.dumps(value, ensure_ascii=ascii_only)) == value


@pytest.mark.parametrize(
    ("text", "field", "what"),
    [
        ('{"messages": [{"text": "a"}, {"text": "\\ud83d"}]}', "messages[1].text", "half of a surrogate pair"),
        ('{"\\udce9": 1}', "\\udce9", "half of a surrogate pair"),
        ('{"a": "x\\u0000"}', "a", "a NUL character"),
        ('{"scores": {"empathy": NaN}}', "scores.empathy", "NaN is no number"),
        ("[-Infinity]", "[0]", "-Infinity is no number"),
        ('{"a": 1e999}', "a", "not finite"),
        ('{"a": [0, ' + "7" * 5_000 + "]}", "a[1]", "a number of 5,000 digits"),
        ('{"b": {"a": 1, "a": 2}}', "b.a", "stands there twice"),
        ("[" * 100_000, None, "nested too deeply"),
        ('{"a": ' * 100_000, None, "nested too deeply"),
        ('{"a": }', None, "not JSON"),
        ('{"a": NaN, "b": }', None, "not JSON"),
        ('{"a": NaN, "b": ' + "[" * 100_000, None, "nested too deeply"),
        ("", None, "not JSON"),
    ],
)
def test_a_fault_is_named_with_its_field(text: str, field: str | None, what: str) -> None:
    with pytest.raises(JsonFault, match=what) as caught:
        parse_json(text)
    assert caught.value.field == field


def test_a_whole_pair_and_a_backslash_that_looks_like_half_of_one_are_sound() -> None:
    assert parse_json('["\\ud83d\\ude00", "\\\\ud83d"]') == ["😀", "\\ud83d"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_bytes_are_read_in_every_encoding_that_says_its_name(encoding: str) -> None:
    assert parse_json('{"a": "é"}'.encode(encoding)) == {"a": "é"}


def test_an_answer_of_which_one_field_is_wanted_may_have_faults_elsewhere() -> None:
    answer = '{"logprob": -Infinity, "content": "\\ud83d"}'
    assert parse_json(answer, strict=False)["content"] == "\ud83d"
    with pytest.raises(JsonFault, match="deeply"):
        parse_json("[" * 100_000, strict=False)
    with pytest.raises(JsonFault, match="digits"):
        parse_json("7" * 5_000, strict=False)


@pytest.mark.parametrize(
    ("content", "line", "field"), [(b'{"a":\n\n}', 3, None), (b'\n{"a": NaN}', None, "a"), (b'{"a": "\xe9"}', 1, None)]
)
def test_a_files_fault_is_named_with_file_line_or_field(
    tmp_path: Path, content: bytes, line: int | None, field: str | None
) -> None:
    file = tmp_path / "a.json"
    file.write_bytes(content)
    with pytest.raises(DataError, match="Mend it") as caught:
        read_json(file, remedy="Mend it.")
    assert (caught.value.file, caught.value.line, caught.value.field) == (file, line, field)
