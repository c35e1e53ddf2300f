"""A ReDial in miniature, written for the tests: records, a film table, folders and zips of them."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

TABLE = """movieId,movieName,nbMentions
1,Alien (1979),30
2,The Conjuring (2013),20
3,Heat  (1995),10
4,Okja,2
5,"Good, the Bad and the Ugly, The (1966)",7
"""
NAMES = {1: "Alien (1979)", 2: "The Conjuring (2013)", 3: "Heat  (1995)", 4: "Okja"}
SEEKER, RECOMMENDER = 956, 957


def answers(suggested: int | None = 1, seen: int | None = 0, liked: int | None = 1) -> dict[str, int | None]:
    return {"suggested": suggested, "seen": seen, "liked": liked}


def record(
    conversation_id: int | str | None = "20001",
    texts: Sequence[tuple[int, str]] = ((SEEKER, "Hi, I liked @1"), (RECOMMENDER, "Try @2"), (SEEKER, "Thanks")),
    films: Sequence[int] = (1, 2),
    **changes: Any,
) -> dict[str, Any]:
    """A sound official record; ``changes`` replace its fields."""
    form = {str(film): answers() for film in films}
    return {
        "movieMentions": {str(film): NAMES[film] for film in films},
        "respondentQuestions": form,
        "initiatorQuestions": form,
        "messages": [
            {"timeOffset": i, "text": text, "senderWorkerId": sender, "messageId": i}
            for i, (sender, text) in enumerate(texts)
        ],
        "conversationId": conversation_id,
        "respondentWorkerId": RECOMMENDER,
        "initiatorWorkerId": SEEKER,
    } | changes


def reconstructed(**changes: Any) -> dict[str, Any]:
    """A record of the other kind: placeholders for the workers, no id, answers that are not known."""
    return (
        record(
            None,
            texts=((0, "Hi, I liked @1"), (1, "Try @2")),
            initiatorWorkerId=0,
            respondentWorkerId=1,
            initiatorQuestions={"1": answers(0, None, None), "2": answers(1, None, 2)},
            respondentQuestions={},
            provenance="reconstructed",
            trainIndex=0,
            messages=[{"text": "Hi, I liked @1", "senderWorkerId": 0}, {"text": "Try @2", "senderWorkerId": 1}],
        )
        | changes
    )


def lines(records: Sequence[Mapping[str, Any] | str]) -> str:
    """JSONL; a string stands for a raw line."""
    return "".join((item if isinstance(item, str) else json.dumps(item)) + "\n" for item in records)


def write_folder(
    folder: Path,
    train: Sequence[Mapping[str, Any] | str] | None = None,
    test: Sequence[Mapping[str, Any] | str] | None = None,
    table: str = TABLE,
) -> Path:
    """An unpacked ReDial; by default 12 train dialogues with ids 1..11 and one without, and 2 test dialogues."""
    folder.mkdir(parents=True, exist_ok=True)
    train = [*(record(str(number)) for number in range(1, 12)), reconstructed()] if train is None else train
    test = [record(str(number)) for number in (20001, 20002)] if test is None else test
    (folder / "train_data.jsonl").write_text(lines(train), encoding="utf-8")
    (folder / "test_data.jsonl").write_text(lines(test), encoding="utf-8")
    (folder / "movies_with_mentions.csv").write_text(table, encoding="utf-8")
    return folder


def write_zip(path: Path, folder: Path, prefix: str = "") -> Path:
    """The files of a folder as a zip, each member's name after ``prefix``."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, prefix + file.name)
    return path


def hub_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A record in the form of the hub's copy: lists of objects with a ``movieId``."""
    forms = {
        name: [{"movieId": film, **answer} for film, answer in row[name].items()]
        for name in ("initiatorQuestions", "respondentQuestions")
    }
    mentions = [{"movieId": film, "movieName": name} for film, name in row["movieMentions"].items()]
    return {**row, **forms, "movieMentions": mentions}
