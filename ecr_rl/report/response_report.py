"""A responder's figures as Markdown tables, with what others published beside them, each under its protocol."""

from __future__ import annotations

from typing import Any

from ecr_rl.tables import table_lines

PUBLISHED = (
    ("the earlier project of this work", "BLEU-1 .1425, DIST-1 1.64", "BLEU-1 against reviews of films, not replies"),
    (
        "ECR's own code, reproduced",
        "BLEU-1 .019, DIST-1..4 2.7 / 10.8 / 21.4 / 31.4",
        "ECR's split of ReDial, all its test replies; distinct n-grams / replies; its tokeniser's words",
    ),
)
"""System, figures, protocol: not to be read as rows of the table above them."""


def response_tables(figures: dict[str, Any]) -> str:
    """The tables in Markdown, ending with a line break."""
    names = [name for name in ("responder", "against", "human") if name in figures["systems"]]
    titles = [figures["names"].get(name, name) for name in names]
    compared = bool(figures["difference"])
    header = ["figure", *titles, *(["difference"] if compared else [])]
    rows = []
    for figure in figures["formulas"]:
        cells = [_interval(figures["systems"][name].get(figure)) for name in names]
        rows.append([f"`{figure}`", *cells, *([_signed(figures["difference"][figure])] if compared else [])])
    rule = ["---", *["---:"] * (len(header) - 1)]
    sacrebleu = "; ".join(
        f"{figures['names'][name]} {found['score']:.2f} ({found['signature']})"
        for name, found in figures["sacrebleu"].items()
        if found is not None
    )
    formulas = "\n".join(f"* `{name}`: {formula}." for name, formula in figures["formulas"].items())
    published = table_lines(["system", "figures", "protocol"], PUBLISHED)
    parts = [note(figures), table_lines(header, rows, rule), f"sacrebleu: {sacrebleu}.", formulas, published]
    return "\n\n".join(parts) + "\n"


def note(figures: dict[str, Any]) -> str:
    """What must be known to read the figures: cases, readers, intervals."""
    same = "" if figures["independent"] else ", the very reader that planned: no independent measurement"
    blind = [figures["names"][name] for name, shown in figures["conditioned"].items() if not shown]
    unshown = f" {' and '.join(blind)}: trained and asked without emotions and films." if blind else ""
    return (
        f"{figures['n']:,} recommender turns of {figures['n_dialogues']:,} dialogues of the {figures['split']} split, "
        f"one sampled reply each; texts are templates, every film `<movie>`, words whitespace tokens; perplexity on "
        f"{figures['n_perplexity']:,} human replies with no more films than a proposal. Emotions planned by "
        f"{figures['planned_by']}, measured by {figures['measured_by']}{same}.{unshown} Mean [95 % bootstrap "
        f"interval over dialogues, {figures['bootstrap']['resamples']:,} resamples], differences paired."
    )


def _interval(value: dict[str, float] | None) -> str:
    return "-" if value is None else f"{value['mean']:.4g} [{value['low']:.4g}, {value['high']:.4g}]"


def _signed(value: dict[str, float] | None) -> str:
    return "-" if value is None else f"{value['mean']:+.4g} [{value['low']:+.4g}, {value['high']:+.4g}]"
