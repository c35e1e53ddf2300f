"""Labelling at scale: a pool of judges on Ray Data labels examples into shards, which survive an interruption.

The index of an example alone decides its shard, and a shard is written when its last row is judged. A labelling that is
killed loses its unfinished shards; when it is resumed, it labels the shards that are missing or incomplete.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import ray
import ray.data

from algorithms.settings.resources import ResourceSettings
from ecr_rl.labels.judging.judge_protocol import Judge, Labels, no_labels
from ecr_rl.labels.replies.examples import POLICY_SHARE, Example, build_examples, human_examples
from ecr_rl.labels.replies.made_replies import TEMPERATURES, Case, PolicyReply
from ecr_rl.labels.replies.nearest import NearestReplies
from ecr_rl.labels.storage.card import complete
from ecr_rl.labels.storage.store import (
    FACTS,
    head_facts,
    read_facts,
    read_labels,
    read_shard,
    schema_of,
    score_columns,
    shard_name,
    write_shard,
    write_turn,
)
from ecr_rl.labels.worker import JudgeWorker
from ecr_rl.ray_instance import ray_instance
from ecr_rl.settings import ContextForm
from envs.catalog import Catalog
from envs.corpora.corpus import Corpus
from envs.dialogue import Dialogue
from envs.errors import DataError, ModelError, RunError
from envs.files import write_json
from envs.heads import Head
from envs.progress import OnStep

ROWS_A_SHARD = 1000
"""Rows of a shard by default; an interruption loses at most about this many for each worker."""


@dataclass(frozen=True)
class LabelPlan:
    """The examples to label, and the judge.

    Attributes:
        examples: by split, in the order in which they are stored.
        make_judge: builds the judge in a worker process; can be pickled.
        judge: the judge's name.
        heads: what it scores.
        provenance: what else decided the labels, as JSON values without secrets.
        context: what the judge is told beside the words.
        source: what decided the examples (corpus, fingerprint, seed, …), as JSON values.
    """

    examples: Mapping[str, Sequence[Example]]
    make_judge: Callable[[], Judge]
    judge: str
    heads: tuple[Head, ...]
    provenance: Mapping[str, object] = field(default_factory=dict)
    context: ContextForm = ContextForm.PLAIN
    source: Mapping[str, object] = field(default_factory=dict)

    @property
    def identity(self) -> dict[str, Any]:
        """What decides the labels, as JSON values; a folder of labels is gone on with under an equal one alone."""
        identity = {
            "source": dict(self.source),
            **head_facts(self.heads),
            "judge": {"name": self.judge, **self.provenance},
            "context_form": str(self.context),
            "examples": self.digest,
        }
        return json.loads(json.dumps(identity))  # as it is read back

    @cached_property
    def rows(self) -> list[tuple[str, str, Example]]:
        """(key, split, example) of every example, in order; numbers tell examples apart that differ only in text."""
        seen: Counter[str] = Counter()
        rows = []
        for split, examples in self.examples.items():
            for example in examples:
                stem = f"{split}-{example.dialogue}-{example.turn}-{example.kind}"
                rows.append((f"{stem}-{seen[stem]}", split, example))
                seen[stem] += 1
        return rows

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of the examples' keys and texts, in order."""
        whole = hashlib.sha256()
        for key, _, example in self.rows:
            piece = example.evidence
            context = [write_turn(turn) for turn in piece.exchange.context]
            texts = [key, context, piece.exchange.reply, piece.reference, piece.near, piece.next_turn]
            whole.update(json.dumps(texts).encode())
        return whole.hexdigest()


def policy_cases(dialogues: Sequence[Dialogue], catalog: Catalog, count: int, seed: int) -> list[Case]:
    """The turns that the policy answers, at each temperature, to give its share of ``count`` examples.

    They are a tenth more than needed, since empty replies are left out.
    """
    cases = [(example.dialogue, example.turn) for example in human_examples(dialogues, catalog)]
    wanted = round(1.1 * count * POLICY_SHARE / len(TEMPERATURES))
    chosen = np.random.default_rng([seed, 19]).permutation(len(cases))[:wanted]
    return [cases[index] for index in chosen]


def label_splits(corpus: Corpus, count: int) -> dict[str, tuple[Sequence[Dialogue], int]]:
    """The dialogues to label, by split, and how many of ``count`` examples each split gives.

    They are the train dialogues at even indices and, for a tenth of the examples, the validation split. The reporting
    evaluator learns from the train dialogues at odd indices. The test split is labelled when a critic is evaluated.
    """
    valid = round(0.1 * count)
    return {"train": (corpus.train[::2], count - valid), "valid": (corpus.valid, valid)}


def plan_of(
    corpus: Corpus,
    count: int,
    seed: int,
    make_judge: Callable[[], Judge],
    context: ContextForm,
    policy: Mapping[str, Sequence[PolicyReply]] | None = None,
) -> LabelPlan:
    """Plan at most ``count`` examples of the corpus for a judge.

    Args:
        corpus: see ``label_splits``.
        count: examples at most.
        seed: the same seed gives the same examples.
        make_judge: builds the judge; can be pickled.
        context: the form of context that the judge reads.
        policy: for each split, the policy's replies to its ``policy_cases``.

    Raises:
        DataError: the corpus holds no recommender turn.
        EcrError: the judge cannot be built.
    """
    nearest = NearestReplies(human_examples(corpus.train[::2], corpus.catalog))
    examples = {}
    for split, (dialogues, share) in label_splits(corpus, count).items():
        made = build_examples(dialogues, corpus.catalog, share, seed, (policy or {}).get(split, ()))
        examples[split] = nearest.fill(made, of_training=split == "train")
    if not any(examples.values()):
        dialogues = sum(map(len, corpus.splits.values()))
        raise DataError(
            f"no recommender turn in {dialogues} dialogues", remedy="Use more dialogues of the corpus (data.limit)."
        )
    source = {"corpus": corpus.name, "fingerprint": corpus.fingerprint, "count": count, "seed": seed}
    judge = make_judge()
    return LabelPlan(examples, make_judge, judge.name, judge.heads, judge.provenance, context, source)


def label_examples(
    plan: LabelPlan,
    folder: Path,
    *,
    workers: int = 1,
    shards: int | None = None,
    resume: bool = False,
    on_step: OnStep = lambda done, total, figures: None,
    batch: int = 64,
    gpus_per_worker: float = 0,
    command: str = "",
) -> dict[str, Any]:
    """Label the plan's examples into a complete label folder (see ``store``).

    Args:
        plan: what to label.
        folder: the label folder; may hold other files.
        workers: number of judges, each in its own process.
        shards: number of files for the rows; None: about ``ROWS_A_SHARD`` rows a file, or as the folder began.
        resume: continue a folder that an equal plan began.
        on_step: called with the progress, and for each finished shard with the figures ``failed`` and ``flagged``.
        batch: number of examples in one call of a judge.
        gpus_per_worker: GPUs of each worker.
        command: the command line that makes the folder, for its card.

    Returns:
        The content of ``labels.json``; ``counts`` is the result of ``card.summarise``.

    Raises:
        RunError: the folder holds labels and ``resume`` is not set, or another plan began it.
        EcrError: a judge could not work at all.
    """
    run = _Labelling(plan, folder, _begin(plan, folder, shards, resume, command))
    with ray_instance(ResourceSettings(env_runners=workers)):
        run.label(workers, batch, gpus_per_worker, on_step)
    return complete(folder, read_labels(folder))


class _Labelling:
    """The state of one labelling: the labels so far, N rows, and the unfinished shards."""

    def __init__(self, plan: LabelPlan, folder: Path, facts: dict[str, Any]) -> None:
        self.facts, self._plan, self._folder = facts, plan, folder
        total, count = len(plan.rows), facts["shards"]
        self._bounds = [range(total * i // count, total * (i + 1) // count) for i in range(count)]
        self._labels = no_labels(total, facts["heads"])
        self._problems = [""] * total
        self._judged = np.zeros(total, dtype=bool)

    def label(self, workers: int, batch: int, gpus: float, on_step: OnStep) -> None:
        """Label and write every shard that is missing or incomplete."""
        done = np.array([self._finished(shard) for shard in range(len(self._bounds))], dtype=bool)
        for shard in done.nonzero()[0]:
            self._judged[self._bounds[shard]] = True
        total = len(self._judged)
        on_step(int(self._judged.sum()), total, {})
        for rows in self._judge(workers, batch, gpus):
            on_step(int(self._judged.sum()), total, {})
            for shard, bounds in enumerate(self._bounds):
                if not done[shard] and bounds.start <= rows.max() and rows.min() < bounds.stop:
                    done[shard] = bool(self._judged[bounds].all())
                    if done[shard]:
                        self._write(shard)
                        on_step(int(self._judged.sum()), total, self._figures())

    def _finished(self, shard: int) -> bool:
        """Whether the shard exists with all its rows."""
        try:
            file = self._folder / shard_name(shard, len(self._bounds))
            rows = read_shard(file, self.facts["run"], self.facts["heads"])
        except DataError:
            return False
        return rows.column("key").to_pylist() == [self._plan.rows[row][0] for row in self._bounds[shard]]

    def _judge(self, workers: int, batch: int, gpus: float) -> Iterator[np.ndarray]:
        """Judge the rows that are not yet judged; yield the row indices of each batch once its labels are stored."""
        missing = (~self._judged).nonzero()[0]
        if not missing.size:
            return
        items = [{"row": int(row), "evidence": self._plan.rows[row][2].evidence} for row in missing]
        with _quiet():
            judged = ray.data.from_items(items, override_num_blocks=-(-len(items) // batch)).map_batches(
                JudgeWorker,
                fn_constructor_args=(self._plan.make_judge, self._labels.heads),
                batch_size=batch,
                batch_format="numpy",
                compute=ray.data.ActorPoolStrategy(size=workers),
                num_cpus=max(1, (os.cpu_count() or 1) // workers),  # also the threads of a worker
                num_gpus=gpus,
            )
            del items
            for labels in judged.iter_batches(batch_size=None, batch_format="numpy", prefetch_batches=0):
                yield self._take(labels)

    def _take(self, labels: Any) -> np.ndarray:
        failure = next(filter(None, labels["failure"]), None)
        if failure is not None:
            raise ModelError(str(failure))
        rows = labels["row"]
        self._labels.values[rows], self._labels.known[rows] = labels["values"], labels["known"]
        self._labels.flagged[rows] = labels["flagged"]
        for row, problem in zip(rows, labels["problem"], strict=True):
            self._problems[row] = str(problem)
        self._judged[rows] = True
        return rows

    def _figures(self) -> dict[str, float]:
        return {"failed": sum(map(bool, self._problems)), "flagged": int(self._labels.flagged.sum())}

    def _write(self, shard: int) -> None:
        bounds = self._bounds[shard]
        part = slice(bounds.start, bounds.stop)
        labels = Labels(
            self._labels.values[part],
            self._labels.known[part],
            tuple(self._problems[part]),
            self._labels.flagged[part],
            self._labels.heads,
        )
        rows = label_rows(self._plan.rows[part], labels, self._plan.judge, self._plan.context)
        write_shard(self._folder, shard, len(self._bounds), rows, self.facts["run"])


def label_rows(rows: Sequence[tuple[str, str, Example]], labels: Labels, judge: str, context: ContextForm) -> pa.Table:
    """Rows of a label folder for N (key, split, example) and their labels."""
    examples = [example for _, _, example in rows]
    exchanges = [example.evidence.exchange for example in examples]
    columns: dict[str, Any] = {
        "key": [key for key, _, _ in rows],
        "split": [split for _, split, _ in rows],
        "dialogue": [str(example.dialogue) for example in examples],
        "turn": [example.turn for example in examples],
        "kind": [str(example.kind) for example in examples],
        "temperature": [example.temperature for example in examples],
        "context": [[write_turn(turn) for turn in exchange.context] for exchange in exchanges],
        "reply": [exchange.reply for exchange in exchanges],
        "reference": [example.evidence.reference for example in examples],
        **score_columns(labels.values, labels.known, labels.heads),
        "judge": [judge] * len(rows),
        "context_form": [str(context)] * len(rows),
        "problem": [problem or None for problem in labels.problems],
        "flagged": labels.flagged,
    }
    return pa.table(columns, schema=schema_of(labels.heads))


def _begin(plan: LabelPlan, folder: Path, shards: int | None, resume: bool, command: str) -> dict[str, Any]:
    """The facts of the folder: read from a folder to resume, or new ones, which are written."""
    before = read_facts(folder) if (folder / FACTS).is_file() else None
    if not resume and (before is not None or any(folder.glob("part-*.parquet"))):
        raise RunError(f"{folder} holds labels. Add --resume to go on with them, or take another --out")
    usual = -(-len(plan.rows) // ROWS_A_SHARD) if before is None else before["shards"]
    count = max(1, min(shards or usual, len(plan.rows)))
    identity = {**plan.identity, "shards": count}
    if before is not None:
        changed = sorted(name for name, value in identity.items() if before.get(name) != value)
        if changed:
            lines = "\n".join(f"  {name}: {before.get(name)} -> {identity[name]}" for name in changed)
            raise RunError(f"{folder} began otherwise:\n{lines}\nPut that back, or take another --out")
        return before
    run = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
    facts = {"run": run, **identity, "n": len(plan.rows), "command": command, "complete": False}
    write_json(folder / FACTS, facts)
    return facts


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence Ray Data's own bars and messages, since ``on_step`` reports the progress."""
    context, logger = ray.data.DataContext.get_current(), logging.getLogger("ray.data")
    before = context.enable_progress_bars, context.print_on_execution_start, logger.level
    context.enable_progress_bars, context.print_on_execution_start = False, False
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        context.enable_progress_bars, context.print_on_execution_start = before[:2]
        logger.setLevel(before[2])
