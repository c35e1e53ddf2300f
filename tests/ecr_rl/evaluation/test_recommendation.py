"""Judging a recommender: what it is given, what may be ranked, and that the test split moves nothing trained."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from algorithms.recommender.baselines import LastFilms
from algorithms.recommender.cooccurrence import Cooccurrence
from algorithms.settings.recommender import RecommenderSettings
from ecr_rl.evaluation.recommender.recommendation import (
    evaluate_scorers,
    predict,
    recommendation_figures,
    split_cases,
    write_predictions,
)
from ecr_rl.training.parts import build_recommender
from envs.catalog import Catalog, Film
from envs.corpora.cases import Protocol, RecommendationCase
from envs.corpora.corpus import load_corpus
from envs.corpora.embedded.sample import sample_corpus
from envs.dialogue import Dialogue, Utterance, named_films
from envs.errors import DataError, ModelError
from envs.settings import DataSettings
from tests.envs.redial_files import RECOMMENDER, SEEKER, answers, record, write_folder

DIALOGUES, CATALOG = sample_corpus(300)
TRAIN, HELD_OUT = DIALOGUES[:250], DIALOGUES[250:]


@pytest.fixture(scope="module")
def recommender() -> Cooccurrence:
    return Cooccurrence.fit(TRAIN, CATALOG)


@pytest.mark.parametrize("protocol", ["full", "dedup"])
def test_dialogues_cut_behind_their_contexts_give_the_same_films(recommender: Cooccurrence, protocol: Protocol) -> None:
    """Neither later messages nor questionnaires reach the recommender."""
    by_index = {dialogue.index: dialogue for dialogue in HELD_OUT}
    judged = split_cases(HELD_OUT, protocol)

    def cut(case: RecommendationCase) -> RecommendationCase:
        whole = by_index[case.dialogue]
        left = Dialogue(whole.conversation_id, whole.index, whole.messages[: case.message], {})
        return RecommendationCase(case.dialogue, case.message, left.utterances, case.targets)

    whole, alone = predict(recommender, judged, protocol), predict(recommender, [*map(cut, judged)], protocol)
    assert whole.top == alone.top
    assert len(whole.top) == len(judged) > 50


def test_protocols_differ_in_what_may_be_ranked(recommender: Cooccurrence) -> None:
    for protocol in ("full", "dedup", "masked"):
        judged = split_cases(HELD_OUT, protocol)
        rankings = predict(recommender, judged, protocol).top
        repeated = [set(top) & named_films(case.context) for case, top in zip(judged, rankings, strict=True)]
        assert any(repeated) is (protocol == "full")
        assert all(len(top) == len(set(top)) == 50 for top in rankings)


def test_masked_targets_are_never_in_the_input() -> None:
    for case in split_cases(HELD_OUT, "masked"):
        assert not set(case.targets) & named_films(case.context)
        for target in case.targets:
            assert CATALOG.title(target) not in " ".join(turn.text for turn in case.context)


def test_figures_can_be_recomputed_from_the_predictions(recommender: Cooccurrence, tmp_path: Path) -> None:
    figures, predictions = evaluate_scorers({"counts": recommender}, HELD_OUT, "dedup")
    write_predictions(predictions["counts"], tmp_path / "p.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "p.jsonl").read_text().splitlines()]
    assert list(rows[0]) == ["conversation", "message", "targets", "top"]
    for cut in (1, 10, 50):
        hits = [film in row["top"][:cut] for row in rows for film in row["targets"]]
        found = figures["counts"][f"r@{cut}"]
        assert found is not None and found.mean == pytest.approx(np.mean(hits))
        assert found.low <= found.mean <= found.high
    for row in rows:
        message = DIALOGUES[row["conversation"]].messages[row["message"]]
        assert all(f"@{film}" in message.text for film in row["targets"])


def test_rows_differ_by_the_recommender_alone(recommender: Cooccurrence) -> None:
    steps: list[tuple[int, int]] = []
    scorers = {"counts": recommender, "copy": LastFilms.fit(TRAIN, CATALOG), "again": recommender}
    figures, predictions = evaluate_scorers(
        scorers, HELD_OUT, "full", lambda done, total, _: steps.append((done, total))
    )
    assert figures["counts"] == figures["again"] != figures["copy"]
    assert steps[-1][0] == steps[-1][1] == 3 * len(predictions["copy"].cases)
    assert list(figures["counts"])[:3] == ["r@1", "r@10", "r@50"]
    assert {"auc", "auc_batches_of_32", "sr", "rdl", "rt@50", "mrr", "ndcg@10"} <= set(figures["counts"])


class Pessimist(Cooccurrence):
    """Likes films the less, the more they are named."""

    def liking(self, contexts: Sequence[Sequence[Utterance]]) -> np.ndarray:
        odds = [-float(film.mentions) for film in self.catalog]
        return np.tile(np.array(odds, dtype=np.float32), (len(contexts), 1))


def test_auc_goes_by_the_liking_of_a_recommender_that_has_one() -> None:
    judged = split_cases(HELD_OUT, "full")
    plain, pessimist = (predict(kind.fit(TRAIN, CATALOG), judged, "full") for kind in (Cooccurrence, Pessimist))
    assert plain.liking.tolist() == plain.scores.tolist() == pessimist.scores.tolist()
    assert pessimist.liking.tolist() == [-CATALOG[film].mentions for case in judged for film in case.targets]
    one, other = (recommendation_figures(found, HELD_OUT, "full") for found in (plain, pessimist))
    assert one["auc"] == one["auc_ranking"] == other["auc_ranking"] != other["auc"]


def test_masked_films_have_no_success_rate(recommender: Cooccurrence) -> None:
    some = HELD_OUT[:10]
    predictions = predict(recommender, split_cases(some, "masked"), "masked")
    assert not {"sr", "rdl"} & set(recommendation_figures(predictions, some, "masked"))


class Broken:
    catalog = CATALOG

    def scores(self, contexts: Sequence[Sequence[Utterance]]) -> np.ndarray:
        return np.full((len(contexts), len(self.catalog)), np.nan, dtype=np.float32)


def test_what_cannot_be_judged_is_refused(recommender: Cooccurrence) -> None:
    judged = split_cases(HELD_OUT[:5], "full")
    with pytest.raises(ModelError, match="not finite"):
        predict(Broken(), judged, "full")
    stranger = Cooccurrence.fit([], Catalog([Film(1, "Alien", 1979)]))
    with pytest.raises(DataError, match="lacks film"):
        predict(stranger, judged, "full")
    with pytest.raises(DataError, match="no case"):
        split_cases([], "full")


SMALL = RecommenderSettings(members=1, width=16, batch_size=64, rare=2)


def test_the_test_split_moves_nothing_that_is_trained(tmp_path: Path) -> None:
    """Other labels, other questionnaires, other dialogues: the same weights, byte for byte."""
    train = [
        record(
            str(i), texts=((SEEKER, f"I liked @{1 + i % 2}"), (RECOMMENDER, f"Try @{3 + i % 2}")), films=(1, 2, 3, 4)
        )
        for i in range(30)
    ]
    other_form = {"1": answers(0, 1, 0), "2": answers(1, 1, 0)}
    tests = {
        "one": [record("90001"), record("90002")],
        "other": [
            record("90001", texts=((SEEKER, "No films"), (RECOMMENDER, "Try @1 or @2")), initiatorQuestions=other_form),
            *(record(str(90010 + i), texts=((RECOMMENDER, "@4 is great"), (SEEKER, "liked @4"))) for i in range(9)),
        ],
    }
    weights = {}
    for name, test in tests.items():
        source = write_folder(tmp_path / name, train=train, test=[row | {"movieMentions": NAMED} for row in test])
        corpus = load_corpus(DataSettings(source=str(source), validation_dialogues=5))
        build_recommender(corpus, SMALL, tmp_path / f"{name}-out", lambda done, total, figures: None)
        weights[name] = {file.name: file.read_bytes() for file in (tmp_path / f"{name}-out").iterdir()}
    assert weights["one"] == weights["other"]
    assert any(name.endswith(".safetensors") for name in weights["one"])


NAMED = {"1": "Alien (1979)", "2": "The Conjuring (2013)", "4": "Okja"}
