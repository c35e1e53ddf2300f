"""What judges weigh: by the settings, by agreement with people, or equally; and the mean that comes of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from ecr_rl.labels.judge_weights import SAMPLE, RatedSample, rated_sample, weigh
from ecr_rl.labels.judging.registry import JudgeInputs
from ecr_rl.labels.judging.weighing import Weighing, weighted_mean
from ecr_rl.labels.kept_labels import KeptLabels, names_of
from ecr_rl.labels.labelling import LabelPlan
from ecr_rl.labels.prepared_judge import PlannedLabels, PreparedJudge
from ecr_rl.settings import JudgeSettings
from envs.dialogue import Role, Utterance
from envs.errors import ConfigError, ModelError
from envs.ratings.parts import part_of
from envs.ratings.record import RatedReply, RatingSet
from tests.ecr_rl.label_judges import CATALOG, LengthJudge
from tests.ecr_rl.label_rows import folder_of, row
from tests.known_heads import DEFINITIONS

CONTEXT = (Utterance(Role.SEEKER, "Something scary"),)
LONGER = {"better": lambda length: length / 100, "worse": lambda length: 1 - length / 100, "same": lambda length: 0.5}


def reply(length: int, **ratings: tuple[float, ...]) -> RatedReply:
    return RatedReply(CONTEXT, "x" * length, ratings, f"group-{length}", "here:1")


def ratings_of(count: int, name: str = "ab-redial", rating: str = "overall") -> RatingSet:
    """Replies that people like the better the longer they are."""
    return RatingSet(name, tuple(reply(n + 1, **{rating: (n, n + 1.0)}) for n in range(count)), ())


def planned(judge: str = "rubric", **settings: Any) -> PlannedLabels:
    judge_type: Any = LengthJudge
    inputs = JudgeInputs(JudgeSettings(judge=judge, **settings), CATALOG, (), judge_type, Path())
    return PlannedLabels(PreparedJudge(inputs), LabelPlan({}, judge_type, judge, DEFINITIONS))


class Kept:
    """Labels that are there already: each judge's score of a reply by its length."""

    def __init__(self, folder: Path, scores: list[str]) -> None:
        self._folder, self._scores, self.asked = folder, iter(scores), 0

    def label(self, one: PlannedLabels, on_step: Callable[..., None]) -> Path:
        self.asked += len(one.plan.rows)
        score = LONGER[next(self._scores)]
        rows = [
            row(key, dialogue=str(example.dialogue), overall=score(len(example.evidence.exchange.reply)))
            for key, _, example in one.plan.rows
        ]
        return folder_of(self._folder / str(self.asked), rows)


def weighed(kept: Kept, sample: RatedSample | None, *judges: PlannedLabels) -> Weighing:
    return weigh(judges, cast(KeptLabels, kept), sample, CATALOG, lambda done, total, figures: None)


def sample_of(count: int) -> RatedSample:
    sample = rated_sample([JudgeSettings(), JudgeSettings()], [ratings_of(count)], seed=0)
    assert sample is not None
    return sample


def test_a_judge_weighs_what_it_agrees_with_people(tmp_path: Path) -> None:
    sample = sample_of(60)
    kept = Kept(tmp_path, ["better", "worse", "same"])
    found = weighed(kept, sample, planned(), planned("openai", model="m"), planned("transformers"))
    assert found.weights == (1.0, 0.0, 0.0) and found.by == "agreement with people"
    assert [people.rho for people in found.people] == [pytest.approx(1.0), pytest.approx(-1.0), None]
    assert [people.n for people in found.people] == [len(sample.replies)] * 3
    with pytest.raises(ModelError, match=r"rubric rho -1\.000 \(n \d+\), openai rho - .*labels\.weight"):
        weighed(Kept(tmp_path / "bad", ["worse", "same"]), sample, planned(), planned("openai"))


def test_settings_decide_before_people_and_without_either_judges_are_equal(tmp_path: Path) -> None:
    kept = Kept(tmp_path, [])
    assert weighed(kept, sample_of(30), planned(weight=1), planned("openai", weight=3)).weights == (0.25, 0.75)
    assert weighed(kept, None, planned(), planned("openai")) == Weighing((0.5, 0.5), "equal")
    assert weighed(kept, sample_of(30), planned()).weights == (1.0,) and kept.asked == 0


def test_the_rated_replies_are_some_of_the_critics_part() -> None:
    two = [JudgeSettings(), JudgeSettings()]
    sets = [ratings_of(2000), ratings_of(400, "other", "relevance"), ratings_of(50, "epitome", "reactions")]
    sample = rated_sample(two, sets, seed=3)
    assert sample is not None and len(sample.replies) == SAMPLE
    assert set(sample.sets) == {"ab-redial", "other"}
    for rated, mean, name in zip(sample.replies, sample.means, sample.sets, strict=True):
        assert part_of(rated.group, name, 3) == "critic"
        assert mean == len(rated.response) - 0.5
    again = rated_sample(two, sets, seed=3)
    other = rated_sample(two, sets, seed=4)
    assert again is not None and other is not None and sample.digest == again.digest != other.digest
    assert rated_sample(two[:1], sets, 3) is None and rated_sample(two, [], 3) is None
    assert rated_sample([JudgeSettings(weight=1), JudgeSettings(weight=1)], sets, 3) is None
    with pytest.raises(ConfigError, match=r"no reply rated in overall or relevance.*labels\.weight"):
        rated_sample(two, sets[2:], seed=3)


def test_a_mean_by_hand() -> None:
    nan = np.nan
    one, other = [[0.2, nan, 0.6], [0.4, nan, nan]], [[0.8, 0.1, nan], [nan, 0.3, nan]]
    mean, known = weighted_mean(np.array([one, other]), (0.75, 0.25))
    np.testing.assert_allclose(mean, [[0.35, 0.1, 0.6], [0.4, 0.3, 0.0]])
    assert known.tolist() == [[True, True, True], [True, True, False]]


def test_a_judge_without_weight_counts_only_where_no_other_scores_a_head() -> None:
    nan = np.nan
    mean, known = weighted_mean(np.array([[[0.2, nan], [nan, nan]], [[0.8, 0.1], [0.9, 0.3]]]), (1.0, 0.0))
    np.testing.assert_allclose(mean, [[0.2, 0.1], [0.0, 0.3]])
    assert known.tolist() == [[True, True], [False, True]]


def test_judges_are_told_apart() -> None:
    small, large = planned("openai", model="org/small"), planned("openai", model="org/large/")
    assert names_of([planned(), small]) == ["rubric", "openai"]
    assert names_of([small, large]) == ["openai small", "openai large"]
    assert names_of([small, small]) == ["openai small 1", "openai small 2"]
