"""PPO on conversations as a whole: what it promises of learning, learners, env runners, resume and failure."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ray.rllib.core import COMPONENT_LEARNER, COMPONENT_OPTIMIZER, COMPONENT_RL_MODULE, DEFAULT_MODULE_ID
from safetensors.torch import load_file

from algorithms.ppo.algorithm import require_agreement
from algorithms.ppo.learner import GAP_BFLOAT16, GAP_FLOAT32, STATE
from algorithms.settings.policy import LoraSettings, PolicySettings
from algorithms.settings.resources import ResourceSettings
from ecr_rl.training.ppo import iteration_figures
from envs.errors import RunError
from tests.algorithms.doubles import POLICY, ROOMY
from tests.algorithms.worlds import SmallWorld, small_algorithm, speaking_policy

pytestmark = pytest.mark.usefixtures("ray_session")


BEYOND_FLOAT32 = 1e300
"""A setting that is finite, and makes what the learner computes of it infinite."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return speaking_policy(tmp_path_factory.mktemp("policy"))


@contextmanager
def running(folder: Path, dump: Path, **options: Any) -> Iterator[Any]:
    algorithm = small_algorithm(folder, dump, **options)
    try:
        yield algorithm
    finally:
        algorithm.stop()


FLOAT32, BFLOAT16 = (POLICY.model_copy(update={"dtype": dtype}) for dtype in ("float32", "bfloat16"))


def learner_state(algorithm: Any) -> dict[str, Any]:
    return algorithm.learner_group.get_state()[COMPONENT_LEARNER]


def weights(algorithm: Any) -> dict[str, np.ndarray]:
    return learner_state(algorithm)[COMPONENT_RL_MODULE][DEFAULT_MODULE_ID]


def largest_gap(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> float:
    assert one.keys() == other.keys()
    return max(float(np.abs(one[name] - other[name]).max()) for name in one)


def without_key_biases(found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Weights with the keys' biases at 0.

    Attention does not see a number that all keys share, so their gradient is 0 but for rounding, and Adam makes steps
    of the rounding.
    """
    kept = {name: array.copy() for name, array in found.items()}
    for name, array in kept.items():
        if name.endswith("attn.c_attn.bias"):  # queries, keys, values
            np.split(array, 3)[1][:] = 0.0
    return kept


@pytest.mark.parametrize(
    ("policy", "paid"),
    [(FLOAT32, 1.0), (FLOAT32, -1.0), (BFLOAT16, 1.0)],
    ids=["float32", "float32-turned-round", "bfloat16"],
)
def test_what_a_rule_pays_for_rises_and_falls_where_it_is_turned_round(
    folder: Path, tmp_path: Path, policy: PolicySettings, paid: float
) -> None:
    """The rule pays for a question mark, or for none; one reply in four has one at first."""
    options: dict[str, Any] = {"world": SmallWorld(judged=paid), "policy": policy}
    with running(folder, tmp_path, **options, learning_rate=1e-3, kl=0.0) as algorithm:
        asked = [iteration_figures(algorithm.train())["head_overall"] for _ in range(10)]
    grown = np.mean(asked[-3:]) / asked[0]
    assert grown > 2 if paid > 0 else grown < 0.5


def test_first_step_has_ratio_one_and_moves_policy_value_head_and_films_at_their_own_rates(
    folder: Path, tmp_path: Path
) -> None:
    """Adam's first step moves each weight by the learning rate, whatever the size of its gradient."""
    rates = {"lm.": 2e-4, "value_head.": 3e-3, "choice.": 0.05}
    ppo = dict(zip(("learning_rate", "value_learning_rate", "film_learning_rate"), rates.values(), strict=True))
    world = SmallWorld(recommends=True, acceptance=1.0)
    one_step = {"minibatch_conversations": 16, "candidates": 6}
    with running(folder, tmp_path, world=world, policy=ROOMY, **one_step, **ppo) as algorithm:
        before = weights(algorithm)
        figures = iteration_figures(algorithm.train())
        after = weights(algorithm)
    assert figures["batches"] == 1
    assert figures["policy_loss"] == pytest.approx(0, abs=1e-5)  # the mean of the whitened advantages
    assert figures["gradient_norm"] < 10, "the loss is a mean over tokens; of a sum it would be in the hundreds"
    for part, rate in rates.items():
        moved = max(np.abs(after[name] - before[name]).max() for name in before if name.startswith(part))
        assert moved == pytest.approx(rate, rel=1e-2), part


def test_gradient_steps_end_with_the_minibatch_that_passes_the_kl_bound(folder: Path, tmp_path: Path) -> None:
    """The first step is taken at KL 0; it moves the policy past the bound, so that the second is not taken."""
    with running(folder, tmp_path, learning_rate=1e-3, epochs=2, kl_stop=1e-6) as algorithm:
        before = weights(algorithm)
        figures = iteration_figures(algorithm.train())
        after = weights(algorithm)
    assert (figures["batches"], figures["kl_stopped"]) == (1, 1)
    moved = max(np.abs(after[name] - before[name]).max() for name in before if name.startswith("lm."))
    assert moved == pytest.approx(1e-3, rel=1e-2)


def test_auto_is_float32_whatever_the_cpu_has(folder: Path, tmp_path: Path, cpu_has_bf16: bool) -> None:
    figures = []
    for policy in (POLICY, FLOAT32):
        with running(folder, tmp_path, policy=policy, learning_rate=1e-3) as algorithm:
            figures.append(iteration_figures(algorithm.train()))
    assert POLICY.dtype == "auto"
    assert figures[0] == figures[1]


@pytest.mark.parametrize(
    ("policy", "rounding"), [(FLOAT32, GAP_FLOAT32), (BFLOAT16, GAP_BFLOAT16)], ids=["float32", "bfloat16"]
)
def test_nothing_moves_at_learning_rate_zero(
    folder: Path, tmp_path: Path, policy: PolicySettings, rounding: float
) -> None:
    rates = {"learning_rate": 1e-30, "value_learning_rate": 1e-30}
    with running(folder, tmp_path, policy=policy, **rates) as algorithm:
        before = weights(algorithm)
        figures = [iteration_figures(algorithm.train()) for _ in range(2)]
        assert largest_gap(before, weights(algorithm)) < 1e-12
    for figure in figures:
        assert figure["kl_reference"] == pytest.approx(0, abs=1e-6)
        assert figure["approximate_kl"] == pytest.approx(0, abs=1e-6)
        assert figure["sampler_gap"] < rounding
        assert figure["conversations"] == 16
    assert [figure["weights_version"] for figure in figures] == [0, 1]
    assert [figure["weights_lag"] for figure in figures] == [0, 0]


def test_parts_make_the_reward_and_with_the_kl_penalty_the_net_reward(folder: Path, tmp_path: Path) -> None:
    world = SmallWorld(penalties=0.5)
    with running(folder, tmp_path, world=world, learning_rate=3e-3, kl=0.5) as algorithm:
        figures = [iteration_figures(algorithm.train()) for _ in range(2)][1]
    parts = [value for name, value in figures.items() if name.startswith("reward_") and name != "reward_mean"]
    assert sum(parts) == pytest.approx(figures["reward_mean"])
    assert figures["kl_reference"] > 1e-4
    penalty = -0.5 * figures["kl_reference"] * figures["tokens"] / figures["turns"]
    assert figures["kl_penalty"] == pytest.approx(penalty, rel=1e-4)
    assert figures["net_reward"] == pytest.approx(figures["reward_mean"] + penalty, rel=1e-4)


def test_warm_up_trains_the_value_head_alone(folder: Path, tmp_path: Path) -> None:
    with running(folder, tmp_path, value_warmup=1, learning_rate=1e-3) as algorithm:
        before = weights(algorithm)
        algorithm.train()
        after = weights(algorithm)
        moved = {name for name in before if not np.array_equal(before[name], after[name])}
        assert moved and all(name.startswith("value_head") for name in moved)


@pytest.mark.parametrize(
    ("kl_stop", "steps"),
    [pytest.param(None, 4, id="all"), pytest.param(1e-6, 1, id="stopped", marks=pytest.mark.slow)],
)
def test_two_learners_take_one_learners_step_on_unequal_lengths(
    folder: Path, tmp_path: Path, kl_stop: float | None, steps: int
) -> None:
    after, figures = [], []
    options: dict[str, Any] = {"learning_rate": 1e-3, "epochs": 2, "kl_stop": kl_stop}
    for learners in (0, 2):
        resources = ResourceSettings(learners=learners, conversations_per_runner=16, driver_threads=1)
        with running(folder, tmp_path, resources=resources, **options) as algorithm:
            figures.append(iteration_figures(algorithm.train()))
            after.append(weights(algorithm))
    assert largest_gap(*map(without_key_biases, after)) < 1e-5
    # 2 epochs of 16 rows, 8 a step: rows, never turns. A step moves the policy, so that the second minibatch stops.
    assert [figure["batches"] for figure in figures] == [steps, steps]
    assert [figure["kl_stopped"] for figure in figures] == [float(kl_stop is not None)] * 2
    for name in ("policy_loss", "value_loss", "entropy", "kl_reference", "value_mean", "sampler_gap"):
        assert figures[0][name] == pytest.approx(figures[1][name], abs=1e-5), name


@pytest.mark.parametrize(
    ("policy", "rounding"),
    [
        pytest.param(FLOAT32, GAP_FLOAT32, id="float32"),
        pytest.param(BFLOAT16, GAP_BFLOAT16, id="bfloat16", marks=pytest.mark.slow),
    ],
)
def test_two_env_runners_share_the_conversations_and_a_lost_ones_are_resampled(
    folder: Path, tmp_path: Path, policy: PolicySettings, rounding: float
) -> None:
    import ray

    with running(folder, tmp_path, policy=policy, resources=TWO_RUNNERS, learning_rate=1e-2) as algorithm:
        assert shares(iteration_figures(algorithm.train())) == (8, 8)
        ray.kill(first_runner(algorithm), no_restart=False)
        figures = iteration_figures(algorithm.train())
    assert shares(figures) == (0, 16)
    assert (figures["conversations"], figures["resampled"]) == (16, 8)
    assert figures["sampler_gap"] < rounding
    assert np.isfinite(list(figures.values())).all()


@pytest.mark.slow
def test_killed_env_runner_comes_back_with_the_present_weights(folder: Path, tmp_path: Path) -> None:
    import ray

    with running(folder, tmp_path, resources=TWO_RUNNERS, learning_rate=1e-2) as algorithm:
        algorithm.train()
        runner = first_runner(algorithm)
        process = process_of(runner)
        ray.kill(runner, no_restart=False)
        wait_until_restarted(runner, process)  # Ray restarted it unnoticed; it holds the weights of the start
        first, second = (iteration_figures(algorithm.train()) for _ in range(2))
    for figures in (first, second):
        assert figures["sampler_gap"] < 1e-4
        assert figures["conversations"] == 16
    assert shares(second) == (8, 8)


TWO_RUNNERS = ResourceSettings(env_runners=2, conversations_per_runner=8, driver_threads=1)


def first_runner(algorithm: Any) -> Any:
    return algorithm.env_runner_group._worker_manager.actors()[1]


def shares(figures: dict[str, float]) -> tuple[float, ...]:
    """Conversations of runner 1 and runner 2."""
    return tuple(figures.get(f"conversations_runner_{index}", 0) for index in (1, 2))


def process_of(runner: Any) -> int:
    import ray

    return ray.get(runner.apply.remote(lambda _: os.getpid()))


def wait_until_restarted(runner: Any, old_process: int, seconds: float = 120) -> None:
    from ray.exceptions import RayActorError

    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(RayActorError):
            if process_of(runner) != old_process:
                return
        time.sleep(0.5)
    raise TimeoutError(f"the env runner did not come back within {seconds} s")


@pytest.mark.parametrize(
    ("lora", "dtype"),
    [(None, "float32"), (None, "bfloat16"), (LoraSettings(rank=2, alpha=4), "float32")],
    ids=["full", "full-bfloat16", "lora"],
)
def test_resumed_run_equals_one_that_was_never_stopped(
    folder: Path, tmp_path: Path, lora: LoraSettings | None, dtype: str
) -> None:
    options: dict[str, Any] = {
        "policy": POLICY.model_copy(update={"lora": lora, "dtype": dtype}),
        "learning_rate": 1e-3,
        "kl_target": 0.01,
        "iterations": 4,
        "learning_rate_schedule": "linear",
    }
    with running(folder, tmp_path, **options) as algorithm:
        algorithm.train()
        algorithm.save_to_path(str(tmp_path / "checkpoint"))
        figures = [iteration_figures(algorithm.train())]
        through = learner_state(algorithm)
        if lora is not None:
            assert all("lora_" in name or "value_head" in name for name in weights(algorithm))
        assert not any("lm_head" in name for name in weights(algorithm))  # tied: its weights travel once
    with running(folder, tmp_path, **options) as algorithm:
        algorithm.restore_from_path(str(tmp_path / "checkpoint"))
        assert algorithm.iteration == 1
        figures.append(iteration_figures(algorithm.train()))
        resumed = learner_state(algorithm)
    assert through[STATE] == resumed[STATE] != {"kl_weight": 0.05, "updates": 2}
    assert figures[0] == figures[1]
    assert figures[1]["learning_rate"] == pytest.approx(0.75e-3)
    assert leaves(through[COMPONENT_RL_MODULE]) == leaves(resumed[COMPONENT_RL_MODULE])
    assert leaves(through[COMPONENT_OPTIMIZER]) == leaves(resumed[COMPONENT_OPTIMIZER])


def leaves(state: Any) -> list[Any]:
    """Everything in a nested state, arrays as plain lists."""
    if isinstance(state, dict):
        return [leaf for name in sorted(state, key=str) for leaf in (name, *leaves(state[name]))]
    if isinstance(state, list | tuple):
        return [leaf for part in state for leaf in leaves(part)]
    return [np.asarray(state).tolist()] if isinstance(state, np.ndarray | torch.Tensor) else [state]


def test_scores_that_are_no_numbers_stop_the_run(folder: Path, tmp_path: Path) -> None:
    from envs.errors import EcrError

    with (
        running(folder, tmp_path, world=SmallWorld(judge="broken")) as algorithm,
        pytest.raises(EcrError, match=r"finite|number"),
    ):
        algorithm.train()


def test_loss_that_is_not_finite_dumps_the_batch_and_names_the_term(folder: Path, tmp_path: Path) -> None:
    with running(folder, tmp_path, kl=BEYOND_FLOAT32) as algorithm, pytest.raises(RunError, match="policy_loss"):
        for _ in range(3):
            algorithm.train()
    (dumped,) = tmp_path.glob("not-finite-*.safetensors")
    assert {"tokens", "actions", "old_logp", "advantages"} <= set(load_file(dumped))


def test_gradient_that_is_not_finite_stops_the_run_too(folder: Path, tmp_path: Path) -> None:
    with (
        running(folder, tmp_path, value_coefficient=BEYOND_FLOAT32) as algorithm,
        pytest.raises(RunError, match=r"the gradient of lm\..* is not finite"),
    ):
        algorithm.train()
    assert list(tmp_path.glob("not-finite-*.safetensors"))


def test_sampler_that_is_not_the_learners_policy_stops_the_run(folder: Path, tmp_path: Path) -> None:
    with (
        running(folder, tmp_path, sampler_gap=1e-12) as algorithm,
        pytest.raises(RunError, match=r"nats a token .* version 0, the oldest that sampled 0.*policy\.dtype"),
    ):
        algorithm.train()


def test_gap_within_its_bound_is_no_error() -> None:
    require_agreement(gap=1e-4, most=0.3, bound=1e-4, version=3, lag=0)
    with pytest.raises(RunError, match=r"0\.02 nats .* 0\.3 at most.*version 3, the oldest that sampled 1\."):
        require_agreement(gap=0.02, most=0.3, bound=1e-4, version=3, lag=2)
