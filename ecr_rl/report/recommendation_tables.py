"""Tables of a recommender's figures, with the baselines of the same run and published figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ecr_rl.evaluation.bootstrap import Interval
from ecr_rl.evaluation.recommender.ablation import WHOLE, Ablation
from ecr_rl.evaluation.recommender.published import ELSEWHERE, ROWS, SOURCE, PublishedRow
from ecr_rl.evaluation.recommender.recommendation import RecommenderEvaluation
from ecr_rl.tables import TextTable, shown, with_interval

_System = tuple[str, Mapping[str, Interval | None]]

_RECALL = ("r@1", "r@10", "r@50")
_LABELS = {
    "auc_batches_of_32": "AUC, batches of 32",
    "auc_ranking": "AUC by the ranking",
    "auc_ranking_batches_of_32": "AUC by the ranking, batches of 32",
    "sr_targets": "SR, targets only",
    "rdl_targets": "RDL, targets only",
}
_AUC = (
    "AUC: a liked mention against a disliked one by the log-odds that the seeker likes the film where the system gives "
    "them, else by the ranking: the log-softmax of its scores over the catalogue."
)
_RANKED = {
    "full": "every film may be ranked",
    "dedup": "films that the context names are no targets and not ranked",
    "masked": "films of a message of either role, from the dialogue with a mark for each; its films are not ranked",
}


def recommendation_tables(result: RecommenderEvaluation) -> list[TextTable]:
    """The tables of the results of ``recommend evaluate``."""
    published = ROWS[result.protocol] if result.corpus == "redial" and result.split == "test" else ()
    systems: list[_System] = [(result.recommender, result.figures), *result.rows.items()]
    return [_recall_table(result, systems, published), _other_table(result, systems, published)]


def ablation_table(result: Ablation) -> TextTable:
    """The table of the results of ``recommend ablate``."""
    protocols = list(next(iter(result.rows.values())))
    rows = [
        [
            name if name == WHOLE else f"without {name}",
            *(with_interval(row[p][key]) for p in protocols for key in _RECALL),
        ]
        for name, row in result.rows.items()
    ]
    note = (
        f"The {result.split} split, trained on the train dialogues. Share of mentions in the top K [95 % bootstrap "
        "interval over dialogues]; masked films are recovered by stage 1."
    )
    columns = ["recommender", *(f"{_label(key)}, {protocol}" for protocol in protocols for key in _RECALL)]
    return TextTable("Parts left out", note, columns, rows)


def _recall_table(
    result: RecommenderEvaluation, systems: Sequence[_System], published: Sequence[PublishedRow]
) -> TextTable:
    protocol = result.protocol
    rows = [[name, *(with_interval(figures[key]) for key in _RECALL)] for name, figures in systems]
    rows += [[f"{row.system}, published", *(shown(row.figures.get(key)) for key in _RECALL)] for row in published]
    note = (
        f"{result.cases:,} cases and {result.mentions:,} ground-truth mentions of the {result.split} split; "
        f"protocol `{protocol}`: {_RANKED[protocol]}. Share of mentions in the top K [95 % bootstrap interval over "
        f"dialogues].{f' Published: {SOURCE}.' if published else ''}"
    )
    columns = ["system", *(_label(key) for key in _RECALL)]
    return TextTable(f"Recall, {protocol}", note, columns, rows)


def _other_table(
    result: RecommenderEvaluation, systems: Sequence[_System], published: Sequence[PublishedRow]
) -> TextTable:
    protocol = result.protocol
    keys = [key for key in result.figures if key not in _RECALL]
    rows = [[_label(key), *(with_interval(figures[key]) for _, figures in systems)] for key in keys]
    formulas = "Formulas: `ecr_rl/evaluation/recommender/recommendation_figures.py`."
    parts = (formulas, _AUC, _success(published), ELSEWHERE[protocol])
    columns = ["figure", *(name for name, _ in systems)]
    note = " ".join(filter(None, parts))
    return TextTable(f"Other figures, {protocol}", note, columns, rows)


def _success(published: Sequence[PublishedRow]) -> str:
    told = ", ".join(f"{row.system} {shown(row.figures['sr'])}" for row in published if "sr" in row.figures)
    return f"Published SR: {told} ({SOURCE})." if told else ""


def _label(key: str) -> str:
    return _LABELS.get(key, key.upper())
