"""Text from outside: encodings, halves of surrogate pairs, people's words as they wrote them."""

from __future__ import annotations

from pathlib import Path

import pytest

from envs.errors import DataError
from envs.inputs.text import as_written, decoded, on_one_line, quoted, read_text, text_lines, whole


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_text_is_the_same_in_every_encoding_that_says_its_name(encoding: str) -> None:
    assert decoded("Amélie\n".encode(encoding)) == "Amélie\n"


@pytest.mark.parametrize(
    ("content", "line", "what"),
    [
        (b"one\ntwo \xe9\n", 2, "not UTF-8 text"),
        ("one\ntwo".encode("utf-16-le"), 1, "NUL"),
        (b"\xff\xfeo\x00\n\x00\x00\xd8", 2, "not UTF-16 text"),
    ],
)
def test_bytes_that_are_no_text_are_refused_with_their_line(
    tmp_path: Path, content: bytes, line: int, what: str
) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(content)
    with pytest.raises(DataError, match=what) as caught:
        read_text(file, remedy="Give another.")
    assert (caught.value.file, caught.value.line) == (file, line)


def test_a_missing_file_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.txt: the file cannot be read.*Give another"):
        read_text(tmp_path / "none.txt", remedy="Give another.")


def test_halves_of_surrogate_pairs_are_replaced_and_whole_pairs_joined() -> None:
    assert whole("a\ud83d b") == "a\ufffd b"
    assert whole("\ud83d\ude00!") == "😀!"
    assert whole("plain é 😀") == "plain é 😀"


@pytest.mark.parametrize(
    ("file", "person"),
    [
        ("&quot;scary&quot; &amp; old", '"scary" & old'),
        ("&amp;quot;", "&quot;"),
        ("AT&T & co", "AT&T & co"),
        ("&#39;tis &#x2764;", "'tis ❤"),
        ("&#" + "9" * 5_000 + ";", "\ufffd"),
        ("Ame\u0301lie", "Amélie"),
        ("a\x1b[1mb\x85c\td\n", "a [1mb c\td\n"),
    ],
)
def test_words_are_read_as_a_person_wrote_them(file: str, person: str) -> None:
    assert as_written(file) == person


def test_lines_end_as_on_any_system_and_keep_their_numbers() -> None:
    assert list(text_lines("a\r\n\r\nb\rc\u2028d\n")) == [(1, "a"), (3, "b"), (4, "c\u2028d")]


def test_what_is_printed_stays_on_its_line_and_short() -> None:
    assert on_one_line("a\nb \x1b[31m\ud83d\u202e") == "a b \\x1b[31m\\ud83d\\u202e"
    assert len(quoted("1" * 5_000)) < 100
    nested: list[object] = []
    for _ in range(5_000):
        nested = [nested]
    assert quoted(nested) == "a deeply nested list"
