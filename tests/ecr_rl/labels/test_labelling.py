"""Labels on disk: a label folder made by workers, gone on with, merged and imported."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from algorithms.evaluators.regression_figures import pearson
from ecr_rl.labels.judging.judges import rubric_maker
from ecr_rl.labels.labelling import LabelPlan, label_examples, plan_of
from ecr_rl.labels.storage.importing import import_labels
from ecr_rl.labels.storage.merging import merge, weighted_kappa
from ecr_rl.labels.storage.store import read_labels
from ecr_rl.settings import ContextForm
from envs.corpora.corpus import load_corpus
from envs.errors import DataError, ModelError, RunError
from envs.settings import DataSettings
from tests.ecr_rl.label_judges import LengthJudge
from tests.known_heads import DEFINITIONS, HEADS, JUDGED


@pytest.fixture(scope="module")
def plan() -> LabelPlan:
    corpus = load_corpus(DataSettings(source="sample", limit=8, validation_dialogues=8))
    return plan_of(corpus, 90, 0, rubric_maker(corpus.catalog, None, ContextForm.RICH, HEADS), ContextForm.RICH)


@pytest.fixture(scope="module")
def labelled(plan: LabelPlan, ray_session: object, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("labels")
    label_examples(plan, folder, shards=3)
    return folder


def test_every_example_is_labelled_once_and_the_card_tells(plan: LabelPlan, labelled: Path) -> None:
    table = read_labels(labelled)
    assert table.column("key") == [key for key, _, _ in plan.rows]
    assert len({*table.column("key")}) == len(table)
    human = table.select(kinds=["human"])
    assert not human.labels.known[:, HEADS.index("bleu")].any()
    assert human.labels.known[:, 0].all()
    direct = plan.make_judge().judge([example.evidence for _, _, example in plan.rows])
    np.testing.assert_allclose(table.labels.values, direct.values, atol=6e-5)  # four decimals are kept
    card = (labelled / "README.md").read_text(encoding="utf-8")
    assert all(head in card for head in HEADS)


def test_a_lost_shard_comes_back_and_the_others_are_not_judged_again(
    plan: LabelPlan, labelled: Path, ray_session: object
) -> None:
    shards = sorted(labelled.glob("part-*.parquet"))
    before = [shard.read_bytes() for shard in shards]
    times = [shard.stat().st_mtime_ns for shard in shards]
    shards[1].unlink()
    with pytest.raises(DataError, match="part-00001"):
        read_labels(labelled)
    with pytest.raises(RunError, match="--resume"):
        label_examples(plan, labelled)
    label_examples(plan, labelled, resume=True)
    assert [shard.read_bytes() for shard in shards] == before
    assert [shard.stat().st_mtime_ns for shard in shards][::2] == times[::2]


def test_two_judges_merge_with_their_agreement(labelled: Path, tmp_path: Path) -> None:
    table = read_labels(labelled)
    lines = []
    for row in range(len(table)):
        values = table.labels.values[row]
        scores = {head: float(values[place]) for place, head in enumerate(HEADS) if head in JUDGED}
        text = {"context": table.column("context")[row], "response": table.column("reply")[row]}
        lines.append(json.dumps({**text, "scores": scores, "judge": "friend", "key": table.column("key")[row]}))
    file = tmp_path / "friend.jsonl"
    file.write_text("\n".join(lines), encoding="utf-8")
    import_labels([file], tmp_path / "friend", DEFINITIONS)
    report = merge([labelled, tmp_path / "friend"], tmp_path / "both")
    heads: Mapping[str, Mapping[str, float]] = report["pairs"][0]["heads"]
    assert report["joined"] == len(table)
    assert heads["empathy"]["pearson"] == pytest.approx(1.0, abs=1e-3)
    assert heads["empathy"]["kappa"] == pytest.approx(1.0, abs=0.05)
    assert heads["bleu"]["n"] == 0
    assert len(read_labels(tmp_path / "both")) == len(table)


def test_agreement_against_hand_worked_cases() -> None:
    assert pearson(np.array([0.0, 0.5, 1.0]), np.array([1.0, 0.5, 0.0])) == pytest.approx(-1.0)
    assert pearson(np.array([0.5, 0.5]), np.array([0.1, 0.9])) is None
    assert weighted_kappa(np.array([0.1, 0.9]), np.array([0.1, 0.9])) == pytest.approx(1.0)
    assert weighted_kappa(np.array([0.1, 0.9]), np.array([0.9, 0.1])) == pytest.approx(-1.0)


def test_import_names_what_it_rejects(tmp_path: Path) -> None:
    good = {"context": ["seeker: Hi"], "response": "Hello", "scores": {"empathy": 0.5}}
    bad = [
        "not json",
        json.dumps({**good, "scores": {"empathy": 5}}),
        json.dumps({**good, "response": 7}),
        json.dumps({**good, "scores": {"warmth": 0.5}}),
    ]
    file = tmp_path / "made.jsonl"
    file.write_text("\n".join([json.dumps(good), *bad]), encoding="utf-8")
    made = import_labels([file], tmp_path / "out", DEFINITIONS)
    assert made.facts["counts"]["n"] == 1
    assert len(made.rejects) == len(bad)
    for line, reject in enumerate(made.rejects, start=2):
        assert f"{file}" in str(reject)
        assert str(line) in str(reject)
    with pytest.raises(DataError):
        file.write_text("\n".join(bad), encoding="utf-8")
        import_labels([file], tmp_path / "none", DEFINITIONS)


class Interrupted(Exception):
    """Raised where a kill would come."""


def by_length(plan: LabelPlan, **given: object) -> LabelPlan:
    """The same examples under a judge of lengths."""
    return replace(plan, make_judge=partial(LengthJudge, **given), judge="length", provenance={})


def shards_of(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.glob("part-*"))}


def test_an_interrupted_labelling_goes_on_where_it_was(plan: LabelPlan, tmp_path: Path, ray_session: object) -> None:
    steps: list[tuple[int, int]] = []

    def stop_at_the_second_shard(done: int, total: int, figures: Mapping[str, float]) -> None:
        if figures and len(list((tmp_path / "stopped").glob("part-*"))) == 2:
            raise Interrupted

    lengths = by_length(plan, longest=60)
    total = len(plan.rows)
    whole = label_examples(lengths, tmp_path / "whole", shards=5, batch=10, workers=2)
    with pytest.raises(Interrupted):
        label_examples(lengths, tmp_path / "stopped", shards=5, batch=10, on_step=stop_at_the_second_shard)
    assert len(shards_of(tmp_path / "stopped")) == 2
    resumed = label_examples(
        lengths, tmp_path / "stopped", batch=10, resume=True, on_step=lambda done, all_, _: steps.append((done, all_))
    )
    assert shards_of(tmp_path / "stopped") == shards_of(tmp_path / "whole")
    assert resumed == whole
    assert steps[0] == (2 * total // 5, total)
    assert steps[-1] == (total, total)
    long = sum(len(example.evidence.exchange.reply) > 60 for _, _, example in plan.rows)
    assert 0 < long < total
    assert whole["counts"]["failed"] == {"too long": long}
    labels = read_labels(tmp_path / "whole").labels
    assert (~labels.known).all(1).sum() == long
    assert not any(problem for problem, known in zip(labels.problems, labels.known, strict=True) if known.any())
    with pytest.raises(RunError, match=r"judge: .*length.* -> .*rubric"):
        label_examples(plan, tmp_path / "whole", resume=True)


def test_a_worker_that_dies_loses_nothing(plan: LabelPlan, tmp_path: Path, ray_session: object) -> None:
    deadly = tmp_path / "deadly"
    deadly.touch()
    label_examples(by_length(plan, deadly=deadly), tmp_path / "labels", batch=20)
    assert not deadly.exists()
    table = read_labels(tmp_path / "labels")
    assert table.column("key") == [key for key, _, _ in plan.rows]
    wanted = [min(1.0, len(example.evidence.exchange.reply) / 100) for _, _, example in plan.rows]
    assert table.column("empathy") == pytest.approx(wanted)


def test_a_judge_that_cannot_work_says_why(plan: LabelPlan, tmp_path: Path, ray_session: object) -> None:
    with pytest.raises(ModelError, match=r"^the key is not known$"):
        label_examples(by_length(plan, refusal="the key is not known"), tmp_path / "labels")
    assert not shards_of(tmp_path / "labels")
