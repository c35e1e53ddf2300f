"""What each part of the recommender is worth: trained without it, and judged on the validation dialogues."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

from algorithms.recommender.scorer import FilmScorer
from algorithms.recommender.training import fit_recommender
from algorithms.settings import Part, RecommenderSettings
from ecr_rl.evaluation.recommender.recommendation import evaluate_scorers
from ecr_rl.runs.artefacts import key_hash
from ecr_rl.runs.source_closure import code_version
from envs.corpora.cases import Protocol
from envs.corpora.corpus import Corpus
from envs.errors import DataError
from envs.files import write_json
from envs.progress import OnStep

WHOLE = "whole"
SPLIT = "valid"
FIGURES = ("r@1", "r@10", "r@50")


def ablate(corpus: Corpus, settings: RecommenderSettings, file: Path, on_step: OnStep) -> dict[str, Any]:
    """Train the whole recommender, and one without each part, on the train dialogues; judge them on validation ones.

    Args:
        corpus: the dialogues.
        settings: of all of them but for what is left out.
        file: gets the rows, after each of them; rows that it holds of the same corpus, settings and code are kept.
        on_step: told of recommenders done.

    Returns:
        ``split``, ``key``, ``rows``: of ``whole`` and of each part left out, by protocol, ``FIGURES`` with intervals.

    Raises:
        DataError: the file holds something else.
    """
    settings = settings.model_copy(update={"refit": False})
    decides = {"settings": settings.model_dump(mode="json"), "corpus": corpus.fingerprint}
    found = {"split": SPLIT, "key": key_hash({**decides, "code": code_version(ablate)}), "rows": {}}
    found["rows"] |= _kept(file, found["key"])
    parts: tuple[Part, ...] = get_args(Part)
    for place, part in enumerate((None, *parts)):
        name = part or WHOLE
        on_step(place, len(parts) + 1, {})
        if name not in found["rows"]:
            without = settings.without if part is None else (*settings.without, part)
            found["rows"][name] = _row(corpus, settings.model_copy(update={"without": without}))
            write_json(file, found)
    on_step(len(parts) + 1, len(parts) + 1, {})
    return found


def _row(corpus: Corpus, settings: RecommenderSettings) -> dict[str, Any]:
    made = fit_recommender(corpus.train, corpus.catalog, settings)
    stages: dict[Protocol, FilmScorer] = {"dedup": made, "full": made, "masked": made.fusion}
    row = {}
    for protocol, scorer in stages.items():
        figures, _ = evaluate_scorers({WHOLE: scorer}, corpus.splits[SPLIT], protocol)
        row[protocol] = {name: figures[WHOLE][name] for name in FIGURES}
    return row


def _kept(file: Path, key: str) -> dict[str, Any]:
    if not file.is_file():
        return {}
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return dict(found["rows"]) if found["key"] == key else {}
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"holds no ablation ({error})", file=file, remedy="Name another file, or delete it.") from error
