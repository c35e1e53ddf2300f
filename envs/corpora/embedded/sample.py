"""The embedded corpus: dialogues in ReDial's schema, generated from a seed and a grammar written for this project.

The films are real (titles, years, genres, directors, stars), the people are not. Dialogue ``i`` is a function of
``(seed, i)`` alone, so a smaller corpus is the beginning of a larger one.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from random import Random

from envs.catalog import Catalog
from envs.corpora.embedded.films import SampleFilmChooser, sample_films
from envs.corpora.embedded.scene import GeneratedDialogue, Scene
from envs.dialogue import Answer, Dialogue, Feedback, Role
from envs.files import write_text

_CODES = {Answer.NO: 0, Answer.YES: 1, Answer.UNSAID: 2, None: None}
_SEEKER, _RECOMMENDER = 1, 2
"""Worker ids of the written files."""


def sample_corpus(dialogues: int = 2400, seed: int = 0) -> tuple[list[Dialogue], Catalog]:
    """Generate the embedded corpus.

    Args:
        dialogues: how many.
        seed: another seed gives other dialogues over the same films.

    Returns:
        The dialogues, conversation ids ascending from 1, and the catalogue of all films of the table with the number
        of times that these dialogues name them.
    """
    corpus = [generate_dialogue(index, seed).dialogue for index in range(dialogues)]
    named = Counter(mention.film_id for dialogue in corpus for mention in dialogue.mentions)
    return corpus, Catalog(film.film(named[film.film_id]) for film in sample_films())


def generate_dialogue(index: int, seed: int = 0) -> GeneratedDialogue:
    """Dialogue ``index`` (from 0) of a seed's corpus, with the templates and qualities behind its turns."""
    return Scene(Random(f"{seed}/{index}"), _chooser()).play(index)


@lru_cache(maxsize=1)
def _chooser() -> SampleFilmChooser:
    return SampleFilmChooser(sample_films())


def write_redial(dialogues: Sequence[Dialogue], catalog: Catalog, folder: Path, test: int = 0) -> None:
    """Write dialogues as ReDial's official files, each atomically.

    Tastes, dislikes and moods are left out: those files have no field for them.

    Args:
        dialogues: in the order of the files.
        catalog: their films.
        folder: where ``train_data.jsonl``, ``test_data.jsonl`` and ``movies_with_mentions.csv`` go; made if missing.
        test: how many dialogues, counted from the end, go to the test file.
    """
    if not 0 <= test <= len(dialogues):
        raise ValueError(f"test must lie between 0 and the number of dialogues ({len(dialogues)}), not {test}")
    border = len(dialogues) - test
    write_text(folder / "train_data.jsonl", _lines(dialogues[:border]))
    write_text(folder / "test_data.jsonl", _lines(dialogues[border:]))
    table = io.StringIO()
    rows = csv.writer(table, lineterminator="\r\n")
    rows.writerow(("movieId", "movieName", "nbMentions"))
    rows.writerows((film.film_id, film.name, film.mentions) for film in catalog)
    write_text(folder / "movies_with_mentions.csv", table.getvalue())


def _lines(dialogues: Iterable[Dialogue]) -> str:
    return "".join(json.dumps(_record(dialogue), ensure_ascii=False) + "\n" for dialogue in dialogues)


def _record(dialogue: Dialogue) -> dict[str, object]:
    """One dialogue as ReDial's record; an empty mapping is written as a list, as ReDial does it."""
    workers = {Role.SEEKER: _SEEKER, Role.RECOMMENDER: _RECOMMENDER}
    return {
        "movieMentions": {str(film): title for film, title in dialogue.titles.items()} or [],
        "respondentQuestions": _form(dialogue.recommender_form) or [],
        "messages": [
            {
                "timeOffset": 20 * number,
                "text": message.text,
                "senderWorkerId": workers[message.role],
                "messageId": number,
            }
            for number, message in enumerate(dialogue.messages)
        ],
        "conversationId": None if dialogue.conversation_id is None else str(dialogue.conversation_id),
        "respondentWorkerId": _RECOMMENDER,
        "initiatorWorkerId": _SEEKER,
        "initiatorQuestions": _form(dialogue.seeker_form) or [],
        "provenance": dialogue.provenance,
    }


def _form(form: Mapping[int, Feedback]) -> dict[str, dict[str, int | None]]:
    return {
        str(film): {
            "suggested": None if answers.suggested is None else int(answers.suggested),
            "seen": _CODES[answers.seen],
            "liked": _CODES[answers.liked],
        }
        for film, answers in form.items()
    }
