"""A responder's figures as Markdown tables, with published figures of other systems and their protocols."""

from __future__ import annotations

from ecr_rl.evaluation.responder.response_figures import ResponseEvaluation
from ecr_rl.tables import TextTable, table_lines, with_interval

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


def response_table(found: ResponseEvaluation) -> TextTable:
    """The figures of all systems, one row each, with the difference of two responders."""
    names = [name for name in _SYSTEMS if name in found.systems]
    compared = bool(found.difference)
    rows = []
    for figure in found.formulas:
        cells = [with_interval(found.systems[name].get(figure), ".4g") for name in names]
        difference = [with_interval(found.difference[figure], ".4g", signed=True)] if compared else []
        rows.append([figure, *cells, *difference])
    columns = ["figure", *(found.names.get(name, name) for name in names), *(["difference"] if compared else [])]
    return TextTable("Replies to human contexts, mean [95 % interval]", note(found), columns, rows)


def response_tables(found: ResponseEvaluation) -> str:
    """The figures, their formulas and published results in Markdown, ending with a line break."""
    table = response_table(found)
    rows = [[f"`{figure}`", *cells] for figure, *cells in table.rows]
    rule = ["---", *["---:"] * (len(table.columns) - 1)]
    sacrebleu = "; ".join(
        f"{found.names[name]} {scored.score:.2f} ({scored.signature})"
        for name, scored in found.sacrebleu.items()
        if scored is not None
    )
    formulas = "\n".join(f"* `{name}`: {formula}." for name, formula in found.formulas.items())
    published = table_lines(["system", "figures", "protocol"], PUBLISHED)
    parts = [table.note, table_lines(table.columns, rows, rule), f"sacrebleu: {sacrebleu}.", formulas, published]
    return "\n\n".join(parts) + "\n"


def note(found: ResponseEvaluation) -> str:
    """The table's note on cases, emotion readers and intervals."""
    same = "" if found.independent else ", the very reader that planned: no independent measurement"
    blind = [found.names[name] for name, shown in found.conditioned.items() if not shown]
    unshown = f" {' and '.join(blind)}: trained and asked without emotions and films." if blind else ""
    return (
        f"{found.n:,} recommender turns of {found.n_dialogues:,} dialogues of the {found.split} split, "
        f"one sampled reply each; texts are templates, every film `<movie>`, words whitespace tokens; perplexity on "
        f"{found.n_perplexity:,} human replies with no more films than a proposal. Emotions planned by "
        f"{found.planned_by}, measured by {found.measured_by}{same}.{unshown} Mean [95 % bootstrap "
        f"interval over dialogues, {found.bootstrap.resamples:,} resamples], differences paired."
    )
