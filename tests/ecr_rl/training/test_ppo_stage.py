"""The PPO stage in one process: what it leaves, which policy it keeps, and that a stopped run ends the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from algorithms.critic.critic import Critic
from algorithms.evaluators.ridge import CharacterRidge
from ecr_rl.config import RunConfig, load_config
from ecr_rl.runs.artefacts import ArtefactFolders
from ecr_rl.runs.folder import RunFolder
from ecr_rl.training import ppo
from envs.rewards import HeadReference
from tests.algorithms.doubles import POLICY
from tests.algorithms.evaluators.test_ridge import exchanges
from tests.algorithms.worlds import REPLIES, SmallWorld, speaking_policy
from tests.known_heads import HEADS

pytestmark = pytest.mark.usefixtures("ray_session")

CHANGES = [
    "data.limit=20",
    "ppo.iterations=4",
    "ppo.conversations_per_iteration=8",
    "ppo.minibatch_conversations=4",
    "ppo.value_warmup=1",
    "ppo.learning_rate=1e-3",
    "ppo.learning_rate_schedule=cosine",
    "ppo.select_every=1",
    "ppo.select_success=null",
    "ppo.select_dialogues=4",
    "ppo.checkpoint_every=2",
    "resources.conversations_per_runner=8",
    "resources.driver_threads=1",
]


@dataclass(frozen=True)
class StageWorld(SmallWorld):
    """A small world of a given responder."""

    responder: Path = Path()


class FrozenCritic:
    """A critic that never changes."""

    def weights_hash(self) -> str:
        return "0" * 64


class Stopped(Exception):
    """Stands for whatever ends a run."""


@pytest.fixture(scope="module")
def artefacts(tmp_path_factory: pytest.TempPathFactory) -> ArtefactFolders:
    folder = tmp_path_factory.mktemp("artefacts")
    speaking_policy(folder / "responder")
    labels = [0.9 if "?" in reply else 0.2 for reply in REPLIES]
    overall = np.array(labels * 4)[:, None]
    evaluator = CharacterRidge.fit(exchanges([*REPLIES] * 4), overall, ["overall"])
    evaluator.save(folder / "selecting_evaluator")
    parts = [folder / name for name in ("critic", "evaluator", "recommender", "responder", "selecting_evaluator")]
    return ArtefactFolders(*parts)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch, artefacts: ArtefactFolders) -> None:
    """The stage's own way with a judge that is a rule; nothing is calibrated."""
    world = StageWorld(responder=artefacts.responder)
    monkeypatch.setattr(ppo, "env_spec_of", lambda *given, **more: world)
    monkeypatch.setattr(ppo, "calibrate", lambda config, parts, path: HeadReference.identity(HEADS).save(path))
    monkeypatch.setattr(Critic, "load", lambda folder: FrozenCritic())


def train(
    config: RunConfig, artefacts: ArtefactFolders, folder: Path, resume: bool = False, stop: int | None = None
) -> dict[str, Any]:
    def on_step(done: int, total: int, figures: Mapping[str, float]) -> None:
        stage.update(done, total, figures)
        if done == stop:
            raise Stopped

    with RunFolder.create(folder, config, resume=resume) as run, run.stage("ppo", 4) as stage:
        return ppo.train_ppo(config, artefacts, run, on_step)


def test_a_stopped_run_goes_on_to_the_same_choice_and_the_same_policy(
    artefacts: ArtefactFolders, tmp_path: Path
) -> None:
    config = load_config("demo", CHANGES).model_copy(update={"policy": POLICY})
    facts = train(config, artefacts, tmp_path / "whole")
    with pytest.raises(Stopped):
        train(config, artefacts, tmp_path / "stopped", stop=3)
    assert not (tmp_path / "stopped" / "model").exists()
    resumed = train(config, artefacts, tmp_path / "stopped", resume=True)

    assert [scored["iteration"] for scored in facts["selection"]] == [0, 2, 3, 4]
    assert resumed["selection"] == facts["selection"]
    assert resumed["final_weights_sha256"] == facts["final_weights_sha256"] != facts["start_weights_sha256"]
    assert json.loads((tmp_path / "whole" / "ppo.json").read_text()) == facts
    best = max(facts["selection"][1:], key=lambda scored: scored["score"])
    assert (facts["selected_iteration"], facts["selected_score"]) == (best["iteration"], best["score"])

    model = load_file(tmp_path / "whole" / "model" / "model.safetensors")
    kept = load_file(tmp_path / "whole" / "checkpoints" / "iteration-000004" / "selection" / "weights.safetensors")
    shared = [name for name in model if f"lm.{name}" in kept]
    assert len(shared) > 10 and all((model[name] == kept[f"lm.{name}"]).all() for name in shared)

    lines = {name: RunFolder.open(tmp_path / name).metrics("ppo") for name in ("whole", "stopped")}
    for name, found in lines.items():
        assert [line["step"] for line in found] == [0, 1, 2, 3, 4], name
    shown = ("select_score", "reward_mean", "learning_rate")
    assert [[line.get(name) for name in shown] for line in lines["whole"]] == [
        [line.get(name) for name in shown] for line in lines["stopped"]
    ]
    assert [line["learning_rate"] for line in lines["whole"][1:]] == pytest.approx(
        [1e-3, 1e-3, 0.75e-3, 0.25e-3]  # value warm-up, then (1 + cos) / 2 of 0, 60 and 120 degrees
    )


def test_without_a_selector_the_last_policy_is_kept(artefacts: ArtefactFolders, tmp_path: Path) -> None:
    config = load_config("demo", [*CHANGES, "ppo.iterations=2", "ppo.select_every=0"])
    config = config.model_copy(update={"policy": POLICY})
    last = ArtefactFolders(artefacts.critic, artefacts.reporting_evaluator, artefacts.recommender, artefacts.responder)
    facts = train(config, last, tmp_path / "run")
    assert facts["selected_iteration"] == 2 and "selection" not in facts
    assert facts["final_weights_sha256"] != facts["start_weights_sha256"]
