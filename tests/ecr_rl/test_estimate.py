from __future__ import annotations

from pathlib import Path

import pytest
from transformers import GPT2Config

from ecr_rl.config import load_config
from ecr_rl.estimate import estimate, memory_warning
from ecr_rl.training.preconditions import check_preconditions
from envs.errors import ConfigError


def test_a_run_that_may_not_fit_is_told_of_with_a_remedy() -> None:
    config = load_config("redial-cpu", ["resources.env_runners=0"])
    needed = sum(worker.bytes for worker in estimate(config).workers)
    assert memory_warning(config, needed) == ""
    warning = memory_warning(config, needed // 2)
    assert f"may need {needed / 2**30:.1f} GiB" in warning and "ppo.minibatch_conversations" in warning
    smaller = load_config("redial-cpu", ["resources.env_runners=0", "ppo.minibatch_conversations=2"])
    assert memory_warning(smaller, needed // 2) == ""


def test_env_runners_hold_two_recommenders_and_the_driver_one_for_the_choice_of_the_policy() -> None:
    def needed(*changes: str) -> dict[str, int]:
        config = load_config("redial-cpu", ["ppo.select_pmi=null", *changes])
        return {worker.kind: worker.bytes for worker in estimate(config).workers}

    runners = "resources.env_runners=1"
    narrow, wide = needed(runners, "recommender.width=64"), needed(runners)
    one = wide["driver"] - narrow["driver"]
    assert one > 200 * 2**20
    assert wide["env_runner"] - narrow["env_runner"] == 2 * one
    assert needed(runners)["env_runner"] - needed(runners, "ppo.film_candidates=5")["env_runner"] == 2 * one
    assert needed(runners, "ppo.select_every=0")["driver"] == wide["driver"] - 2 * one
    measured = needed(runners, "ppo.select_pmi=0.1")["driver"] - wide["driver"]
    assert measured == pytest.approx(4 * 134.5e6, rel=0.01), "the PMI's language model, in float32"


def test_positions_above_the_models_own_are_refused_before_anything_is_trained(tmp_path: Path) -> None:
    GPT2Config(vocab_size=400, n_positions=100, n_embd=32, n_layer=1, n_head=2).save_pretrained(tmp_path)
    config = load_config("demo", [f"policy.model={tmp_path}", "policy.positions=512"])
    for check in (estimate, check_preconditions):
        with pytest.raises(ConfigError, match=r"512 is above the 100 positions .* lower max_history \+ max_new"):
            check(config)
