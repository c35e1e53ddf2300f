"""Further files of a label folder: the films that a critic will know, and the rubric with its text readers."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from algorithms.people.model import PeopleModel
from algorithms.readers.emotions import EmotionReader
from algorithms.readers.film_affinity import FilmAffinity
from algorithms.readers.film_table import FilmTable
from ecr_rl.labels.judging.judge_protocol import Judge
from ecr_rl.labels.judging.judges import rubric_maker
from ecr_rl.labels.judging.text_readers import load_text_readers
from ecr_rl.settings import ContextForm
from envs.catalog import Catalog
from envs.corpora.redial_films import METADATA as FACTS
from envs.corpora.redial_films import film_facts
from envs.errors import DataError
from envs.files import write_json

FILMS, JUDGE, CARD, INSTRUMENTS, PEOPLE = "films.json", "judge", "judge.json", "instruments", "people"


def write_judge_folder(
    folder: Path,
    catalog: Catalog,
    instruments: Path | None,
    context: ContextForm | None,
    heads: Sequence[str],
    affinity: FilmAffinity | None = None,
    people: Path | None = None,
) -> None:
    """Write the catalogue's films and the judging rubric into a label folder.

    Args:
        folder: the label folder.
        catalog: the films.
        instruments: folder of what the rubric measures with; None for the stand-ins.
        context: what the rubric is told; None if it is none of the judges: the films are written alone.
        heads: what it measures, as ``envs.builtin_heads.heads_of`` takes it.
        affinity: which films go with which; by default nothing is known.
        people: folder of the model of people's ratings; None for the one that comes with the project.
    """
    write_json(folder / FILMS, FilmTable.of(catalog, affinity).to_json())
    if context is None:
        return
    if instruments is not None:
        shutil.copytree(instruments, folder / JUDGE / INSTRUMENTS, dirs_exist_ok=True)
    if people is None:
        PeopleModel.shipped(load_text_readers(instruments).emotions).save(folder / JUDGE / PEOPLE)
    else:
        shutil.copytree(people, folder / JUDGE / PEOPLE, dirs_exist_ok=True)
    write_json(folder / JUDGE / FACTS, film_facts(catalog))
    write_json(folder / JUDGE / CARD, {"judge": "rubric", "context": context.value, "heads": list(heads)})


def facts_of(folder: Path) -> Path | None:
    """The folder of film facts that the rubric used, for ``data.metadata``; None if it had none."""
    return folder / JUDGE if (folder / JUDGE / FACTS).is_file() else None


def carries_judge(folder: Path) -> bool:
    """Whether a label folder, or a critic's, holds the rubric that made its labels; imported labels have none."""
    return (folder / JUDGE / CARD).is_file()


def context_of(folder: Path) -> ContextForm:
    """The form of context from which the rubric made the labels of a label folder, or of a critic's.

    Raises:
        DataError: the folder holds no judge, since its labels were imported.
    """
    return _judge_card(folder)[0]


def _judge_card(folder: Path) -> tuple[ContextForm, tuple[str, ...]]:
    """What the rubric was told, and the heads that it measured."""
    file = folder / JUDGE / CARD
    try:
        card = json.loads(file.read_text(encoding="utf-8"))
        return ContextForm(card["context"]), tuple(card["heads"])
    except (OSError, ValueError, KeyError) as error:
        raise DataError(
            f"no judge to evaluate by: {error}", file=file, remedy="Train the critic on labels of the rubric."
        ) from error


def judge_of(folder: Path, catalog: Catalog, context: ContextForm) -> Judge:
    """Load the rubric that made the labels of a label folder, or of a critic's.

    Args:
        folder: the label folder, or the critic's.
        catalog: the films.
        context: the form of context to judge by; ``context_of`` gives the one that the labels were made with.
    """
    heads, affinity = _judge_card(folder)[1], read_films(folder).affinity
    return rubric_maker(catalog, _instruments(folder), context, heads, affinity, folder / JUDGE / PEOPLE)()


def people_of(folder: Path) -> PeopleModel | None:
    """What people's ratings say of replies, by which a label folder's labels were made; None if it holds no judge."""
    return PeopleModel.load(folder / JUDGE / PEOPLE) if carries_judge(folder) else None


def gives_heads(model: PeopleModel, folder: Path) -> bool:
    """Whether the rubric of a label folder measured the model's heads by it, and not heads of a user's own so named."""
    return set(model.heads) <= set(_judge_card(folder)[1])


def emotions_of(folder: Path) -> EmotionReader:
    """The emotion reader that a label folder's, or a critic's, labels were made with; phrases if it holds no judge."""
    return load_text_readers(_instruments(folder)).emotions


def _instruments(folder: Path) -> Path | None:
    fitted = folder / JUDGE / INSTRUMENTS
    return fitted if fitted.is_dir() else None


def read_films(folder: Path) -> FilmTable:
    """Read the films of a label folder; imported labels have none.

    Raises:
        DataError: the file is damaged.
    """
    file = folder / FILMS
    if not file.is_file():
        return FilmTable({})
    try:
        return FilmTable.from_json(json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DataError(f"no table of films: {error}", file=file, remedy="Label again into another folder.") from error
