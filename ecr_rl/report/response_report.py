"""A responder's figures as Markdown tables, with published figures of other systems and their protocols."""

from __future__ import annotations

from ecr_rl.evaluation.responder.response_figures import ResponseEvaluation
from ecr_rl.tables import TextTable, by_chance, table_lines, with_interval

PUBLISHED = (
    ("the earlier project of this work", "BLEU-1 .1425, DIST-1 1.64", "BLEU-1 against reviews of films, not replies"),
    (
        "ECR's own code, reproduced",
        "BLEU-1 .019, DIST-1..4 2.7 / 10.8 / 21.4 / 31.4",
        "ECR's split of ReDial, all its test replies; distinct n-grams / replies; its tokeniser's words",
    ),
)
"""System, figures and protocol of published results; protocols differ, so they are not rows of the main table."""


_SYSTEMS = ("responder", "against", "human")


def response_table(value: ResponseEvaluation) -> TextTable:
    """The figures of all systems, one row each, with the difference of two responders."""
    names = [name for name in _SYSTEMS if name in value.systems]
    compared = bool(value.difference)
    rows = []
    for figure in value.formulas:
        cells = [with_interval(value.systems[name].get(figure), ".4g") for name in names]
        difference = [with_interval(value.difference[figure], ".4g", signed=True)] if compared else []
        rows.append([figure, *cells, *difference])
    columns = ["figure", *(value.names.get(name, name) for name in names), *(["difference"] if compared else [])]
    return TextTable("Replies to human contexts, mean [95 % interval]", note(value), columns, rows)


def response_tables(value: ResponseEvaluation) -> str:
    """The figures, their formulas and published results in Markdown, ending with a line break."""
    table = response_table(value)
    rows = [[f"`{figure}`", *cells] for figure, *cells in table.rows]
    rule = ["---", *["---:"] * (len(table.columns) - 1)]
    sacrebleu = "; ".join(
        f"{value.names[name]} {scored.score:.2f} ({scored.signature})"
        for name, scored in value.sacrebleu.items()
        if scored is not None
    )
    formulas = "\n".join(f"* `{name}`: {formula}." for name, formula in value.formulas.items())
    published = table_lines(["system", "figures", "protocol"], PUBLISHED)
    parts = [table.note, table_lines(table.columns, rows, rule), f"sacrebleu: {sacrebleu}.", formulas, published]
    return "\n\n".join(parts) + "\n"


def note(value: ResponseEvaluation) -> str:
    """The table's note on cases, emotion readers and intervals."""
    same = "" if value.independent else ", the very reader that planned: no independent measurement"
    blind = [value.names[name] for name, shown in value.conditioned.items() if not shown]
    unshown = f" {' and '.join(blind)}: trained and asked without emotions and films." if blind else ""
    return (
        f"{value.n:,} recommender turns of {value.n_dialogues:,} dialogues of the {value.split} split, "
        f"one sampled reply each; texts are templates, every film `<movie>`, words whitespace tokens; perplexity on "
        f"{value.n_perplexity:,} human replies with no more films than a proposal. Emotions planned by "
        f"{value.planned_by}, measured by {value.measured_by}{same}.{unshown} Mean [95 % bootstrap "
        f"interval over dialogues, {value.bootstrap.resamples:,} resamples], differences paired."
        f"{f' {by_chance(value.difference.values())}' if value.difference else ''}"
    )
