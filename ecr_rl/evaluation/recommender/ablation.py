"""Ablation of the film recommender: train it without each part, and evaluate it on the validation dialogues."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from algorithms.recommender.scorer import FilmScorer
from algorithms.recommender.training import fit_recommender
from algorithms.settings.recommender import Part, RecommenderSettings
from ecr_rl.evaluation.bootstrap import Metrics
from ecr_rl.evaluation.recommender.recommendation import evaluate_scorers
from ecr_rl.runs.artefacts import key_hash
from ecr_rl.runs.source_closure import code_version
from envs.corpora.cases import Protocol
from envs.corpora.corpus import Corpus
from envs.files import write_json
from envs.json_record import JsonRecord
from envs.progress import OnStep

WHOLE = "whole"
SPLIT = "valid"
FIGURES = ("r@1", "r@10", "r@50")
AblationRow = dict[Protocol, Metrics]
"""One recommender's ``FIGURES`` by protocol."""


@dataclass(frozen=True, slots=True)
class Ablation(JsonRecord):
    """The figures of the whole recommender, and of one without each part.

    Attributes:
        split: the split that it is evaluated on.
        key: hash of corpus, settings and code that made the rows.
        rows: for ``whole``, and for each part that is left out.
    """

    split: str
    key: str
    rows: dict[str, AblationRow]


def ablate(corpus: Corpus, settings: RecommenderSettings, file: Path, on_step: OnStep) -> Ablation:
    """Train the whole recommender, and one without each part, on the train dialogues; judge them on validation ones.

    Args:
        corpus: the dialogues.
        settings: of all recommenders, except for the part that is left out.
        file: where rows are saved, one after the other; saved rows of the same corpus, settings and code are kept.
        on_step: called with the number of finished recommenders.

    Returns:
        The rows of all recommenders.

    Raises:
        DataError: the file is not an ablation.
    """
    settings = settings.model_copy(update={"refit": False})
    decides = {"settings": settings.model_dump(mode="json"), "corpus": corpus.fingerprint}
    key = key_hash({**decides, "code": code_version(ablate)})
    result = Ablation(SPLIT, key, _kept(file, key))
    parts: tuple[Part, ...] = get_args(Part)
    for index, part in enumerate((None, *parts)):
        name = part or WHOLE
        on_step(index, len(parts) + 1, {})
        if name not in result.rows:
            without = settings.without if part is None else (*settings.without, part)
            result.rows[name] = _row(corpus, settings.model_copy(update={"without": without}))
            write_json(file, result.to_json())
    on_step(len(parts) + 1, len(parts) + 1, {})
    return result


def _row(corpus: Corpus, settings: RecommenderSettings) -> AblationRow:
    made = fit_recommender(corpus.train, corpus.catalog, settings)
    stages: dict[Protocol, FilmScorer] = {"dedup": made, "full": made, "masked": made.fusion}
    row: AblationRow = {}
    for protocol, scorer in stages.items():
        figures, _ = evaluate_scorers({WHOLE: scorer}, corpus.splits[SPLIT], protocol)
        row[protocol] = {name: figures[WHOLE][name] for name in FIGURES}
    return row


def _kept(file: Path, key: str) -> dict[str, AblationRow]:
    if not file.is_file():
        return {}
    result = Ablation.read(file, remedy="It holds no ablation: name another file, or delete it")
    return result.rows if result.key == key else {}
