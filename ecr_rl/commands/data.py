"""``data stats`` and ``data prepare``: what a corpus holds, and having it at hand."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from ecr_rl.commands.options import ConfigOption, Json, Set, Source, examples, settings_of
from ecr_rl.commands.output import show, working
from ecr_rl.config import RunConfig

if TYPE_CHECKING:
    from envs.corpora.corpus import Corpus

app = typer.Typer(help="Count what a corpus holds, and fetch it.", no_args_is_help=True)


@app.command(epilog=examples("ecr-rl data stats", "ecr-rl data stats --source redial_dataset.zip --json"))
def stats(source: Source = None, config: ConfigOption = "demo", changes: Set = None, json: Json = False) -> None:
    """Count dialogues, messages, recommendation cases, repairs.

    full and dedup are the two protocols of recommendation cases: every film of a recommender message, or only those
    that no earlier message names.
    """
    with working():
        from envs.corpora.cases import corpus_statistics

        counts = corpus_statistics(_load(settings_of(config, changes, source=source)))
    show(counts, json, _table(counts))


@app.command(epilog=examples("ecr-rl data prepare --source official", "ecr-rl data prepare --config redial-gpu --json"))
def prepare(source: Source = None, config: ConfigOption = "demo", changes: Set = None, json: Json = False) -> None:
    """Have a corpus in the cache, and check every record of it.

    Afterwards runs with the same source need no network for it.
    """
    settings = settings_of(config, changes, source=source)
    with working():
        corpus = _load(settings)
    facts = {
        "name": corpus.name,
        "source": settings.data.source,
        "fingerprint": corpus.fingerprint,
        "dialogues": {name: len(dialogues) for name, dialogues in corpus.splits.items()},
        "films": len(corpus.catalog),
        "repairs": dict(corpus.repairs),
    }
    show(facts, json)


def _load(settings: RunConfig) -> Corpus:
    """Load the corpus; a download shows a bar on a terminal, a line every five seconds elsewhere."""
    from envs.corpora.corpus import load_corpus

    console = Console(stderr=True)
    if not console.is_terminal:
        return load_corpus(settings.data, settings.cache_folder, _DownloadLines(console))
    columns = (TextColumn("downloading"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("download", visible=False)
        return load_corpus(
            settings.data,
            settings.cache_folder,
            lambda done, total: bar.update(task, completed=done, total=total, visible=True),
        )


class _DownloadLines:
    """Tells of a download in plain lines."""

    def __init__(self, console: Console) -> None:
        self._console, self._last = console, time.monotonic()

    def __call__(self, done: int, total: int | None) -> None:
        if time.monotonic() - self._last >= 5:
            self._last = time.monotonic()
            whole = "?" if total is None else f"{total / 2**20:.1f}"
            self._console.print(f"downloading: {done / 2**20:.1f} of {whole} MiB", highlight=False)


def _table(counts: dict[str, Any]) -> Table:
    table = Table("split", "dialogues", "messages", "full: cases / mentions", "dedup: cases / mentions")
    for split in ("train", "valid", "test"):
        row = counts[split]
        pairs = [f"{row[protocol]['cases']:,} / {row[protocol]['mentions']:,}" for protocol in ("full", "dedup")]
        table.add_row(split, f"{row['dialogues']:,}", f"{row['messages']:,}", *pairs)
    repairs = ", ".join(f"{name}: {count:,}" for name, count in counts["repairs"].items() if count)
    table.caption = f"repaired in reading: {repairs}" if repairs else None
    return table
