from __future__ import annotations

from ecr_rl.config import load_config
from ecr_rl.estimate import estimate, memory_warning


def test_a_run_that_may_not_fit_is_told_of_with_a_remedy() -> None:
    config = load_config("redial-cpu", ["resources.env_runners=0"])
    needed = sum(worker.bytes for worker in estimate(config).workers)
    assert memory_warning(config, needed) == ""
    warning = memory_warning(config, needed // 2)
    assert f"may need {needed / 2**30:.1f} GiB" in warning and "ppo.minibatch_conversations" in warning
    smaller = load_config("redial-cpu", ["resources.env_runners=0", "ppo.minibatch_conversations=2"])
    assert memory_warning(smaller, needed // 2) == ""
