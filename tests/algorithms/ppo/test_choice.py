"""PPO with the recommender as a part of the policy: what is learnt, what travels, and where it stands in a row."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch

from algorithms.policy.film_choice import BIAS, VECTORS, Choice, choice_settings, learnt_recommender
from algorithms.ppo.batches import CHOICES, SAMPLED_LOGP, conversation_rows, with_choices
from algorithms.ppo.learner import GAP_BFLOAT16, GAP_FLOAT32
from algorithms.ppo.module import (
    ACTIONS,
    CHOICE_COLUMNS,
    CHOICE_PICKS,
    CHOICE_PLACES,
    CHOICE_SCORES,
    TOKENS,
    ConversationModule,
)
from algorithms.recommender.last_layer import Candidates
from ecr_rl.training.ppo import iteration_figures, trained_weights
from tests.algorithms.doubles import ROOMY, tiny_policy_folder
from tests.algorithms.ppo.test_batches import episode
from tests.algorithms.worlds import SmallWorld, small_algorithm, small_recommender, speaking_policy

MARKER = 7


def choice(count: int, picks: list[int], logp: float) -> Choice:
    films = np.arange(count)
    return Choice(
        Candidates(films + 100, films, -films.astype(np.float32), np.ones(2, np.float32)), np.array(picks), logp
    )


def test_a_draw_stands_at_its_turns_marker() -> None:
    first = episode([([1, MARKER, 2], [3, 4], 1.0), ([5, 5, MARKER, 2], [6], 0.5)], [9], truncated=False)
    second = episode([([1, 2, 2], [3], 1.0)], [9], truncated=True)
    first.custom_data[CHOICES] = [choice(3, [2, 0], -0.5), choice(2, [1], -0.25)]
    second.custom_data[CHOICES] = [choice(3, [0, 1], -1.0)]  # its marker was cut off
    rows = conversation_rows([first, second])
    found = with_choices(rows, [first, second], MARKER)
    assert found[CHOICE_PLACES].tolist() == [[1, 7], [-1, -1]]
    assert (found[TOKENS][0, [1, 7]] == MARKER).all() and not found[ACTIONS][0, [1, 7]].any()
    assert found[SAMPLED_LOGP][0, [1, 7]].tolist() == [-0.5, -0.25]
    assert (found[SAMPLED_LOGP] != rows[SAMPLED_LOGP]).sum() == 2
    assert found[CHOICE_PICKS][0].tolist() == [[2, 0], [1, -1]]
    assert found[CHOICE_COLUMNS][0, 1].tolist() == [0, 1, 0] and np.isneginf(found[CHOICE_SCORES][0, 1, 2])


def test_without_draws_rows_stay_as_they_were() -> None:
    talk = episode([([1, MARKER, 2], [3, 4], 1.0)], [9], truncated=False)
    rows = conversation_rows([talk])
    assert with_choices(rows, [talk], MARKER) is rows


@pytest.mark.usefixtures("ray_session")
@pytest.mark.parametrize(
    ("dtype", "rounding"),
    [
        pytest.param("float32", GAP_FLOAT32, id="float32"),
        pytest.param("bfloat16", GAP_BFLOAT16, id="bfloat16", marks=pytest.mark.slow),
    ],
)
def test_films_that_are_accepted_are_proposed_more_often(tmp_path: Path, dtype: str, rounding: float) -> None:
    """The policy always names the first film of its proposal, and acceptance alone pays."""
    algorithm = small_algorithm(
        speaking_policy(tmp_path / "policy", replies=("How about <movie>?",)),
        tmp_path / "dump",
        world=SmallWorld(recommends=True, acceptance=1.0, judged=0.0, max_turns=1),
        policy=ROOMY.model_copy(update={"dtype": dtype}),
        candidates=6,
        conversations_per_iteration=48,
        minibatch_conversations=48,
        learning_rate=1e-4,
        film_learning_rate=0.5,
        kl=0.0,
    )
    try:
        # An iteration stops where env runner and learner differ about a draw by more than rounding.
        figures = [iteration_figures(algorithm.train()) for _ in range(10)]
        state = {name: np.array(array) for name, array in trained_weights(algorithm).items()}
    finally:
        algorithm.stop()
    accepted = [each["accepted"] for each in figures]
    assert np.mean(accepted[-5:]) > np.mean(accepted[:3]) + 0.05
    assert max(each["sampler_gap_max"] for each in figures) < rounding
    learnt = learnt_recommender(small_recommender(), state)
    assert learnt.propose([()], 6) != small_recommender().propose([()], 6)


def test_env_runner_and_learner_agree_about_a_state(tmp_path: Path) -> None:
    config = {
        "folder": str(tiny_policy_folder(tmp_path)),
        "policy": ROOMY.model_dump(),
        "device": "cpu",
        "value_into_trunk": False,
        "choice": asdict(choice_settings(small_recommender(), 4, 2, 1.0)),
    }
    learner, runner = (ConversationModule(model_config=config, inference_only=inference) for inference in (False, True))
    with torch.no_grad():
        learner.choice.vectors.add_(0.5)  # pyright: ignore[reportOptionalMemberAccess]
    state = learner.get_state(inference_only=True)
    assert {VECTORS, BIAS} <= state.keys() and not any("value_head" in name for name in state)
    runner.set_state(state)
    assert torch.equal(runner.choice.vectors, learner.choice.vectors)  # pyright: ignore[reportOptionalMemberAccess]
