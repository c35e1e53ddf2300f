"""Which policy a run keeps: scored alike, the best and never the start, the same after a restart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from transformers import AutoModelForCausalLM

from algorithms.evaluators.ridge import CharacterRidge
from algorithms.ppo.env_spec import EnvSpec
from ecr_rl.config import RunConfig, load_config
from ecr_rl.labels.judging.rubric import RubricJudge
from ecr_rl.training.selecting_evaluator import build_selecting_evaluator
from ecr_rl.training.selection import Scored, Selection
from envs.conversation import ConversationVectorEnv
from envs.corpora.corpus import Corpus
from envs.corpora.embedded.sample import sample_corpus
from tests.algorithms.doubles import POLICY, tiny_policy_folder
from tests.algorithms.evaluators.test_ridge import exchanges
from tests.algorithms.worlds import SmallWorld
from tests.known_heads import HEADS

CONFIG = load_config(
    "demo", ["data.limit=20", "ppo.iterations=9", "ppo.select_every=3", "ppo.select_dialogues=5", "ppo.value_warmup=3"]
).model_copy(update={"policy": POLICY})


@dataclass(frozen=True)
class KnownWorld:
    """As much of a ``EnvSpec`` as a selection asks for."""

    responder: Path

    def build(self, conversations: int) -> ConversationVectorEnv:
        return SmallWorld(copies=7).build(conversations)


@pytest.fixture(scope="module")
def responder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_policy_folder(tmp_path_factory.mktemp("responder"))


@pytest.fixture(scope="module")
def evaluator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("selecting_evaluator")
    overall = np.array([[0.9], [0.1]] * 4)
    CharacterRidge.fit(exchanges(["good one", "aaa bbb"] * 4), overall, ["overall"]).save(folder)
    return folder


@pytest.fixture
def selection(responder: Path, evaluator: Path) -> Selection:
    return make(CONFIG, responder, evaluator)


def make(config: RunConfig, responder: Path, evaluator: Path) -> Selection:
    return Selection(config, cast(EnvSpec, KnownWorld(responder)), evaluator)


def weights(responder: Path, seed: int | None = None) -> dict[str, np.ndarray]:
    """The supervised policy's weights; other ones with a seed."""
    rng = np.random.default_rng(seed)
    named = AutoModelForCausalLM.from_pretrained(responder).named_parameters()
    found = {f"lm.{name}": tensor.detach().numpy() for name, tensor in named}
    found = {name: w if seed is None else w + rng.normal(0, 0.1, w.shape).astype(w.dtype) for name, w in found.items()}
    return found | {"value_head.weight": np.zeros((1, 32), np.float32)}


def test_scores_fall_due_at_the_start_every_so_often_after_the_warm_up_and_at_the_end(selection: Selection) -> None:
    assert [iteration for iteration in range(10) if selection.due(iteration)] == [0, 6, 9]


def test_the_best_is_kept_and_the_start_is_only_compared(selection: Selection, responder: Path) -> None:
    tried = {0: weights(responder), 6: weights(responder, 1), 9: weights(responder, 2)}
    figures = {iteration: selection.score(iteration, tried[iteration], 0.0) for iteration in tried}
    assert "selected_iteration" not in figures[0]
    scores = {iteration: figure["select_score"] for iteration, figure in figures.items()}
    assert scores[6] != scores[9]
    best = max((6, 9), key=scores.__getitem__)
    assert figures[9]["selected_iteration"] == best
    assert {name: array.tolist() for name, array in selection.weights.items()} == {
        name: array.tolist() for name, array in tried[best].items() if name.startswith("lm.")
    }
    facts = selection.facts()
    assert (facts["selected_iteration"], facts["selected_score"]) == (best, scores[best])
    assert facts["start_score"] == scores[0]
    assert {scored["iteration"]: scored["score"] for scored in facts["selection"]} == scores


def test_equal_policies_score_alike_and_the_earlier_is_kept(selection: Selection, responder: Path) -> None:
    same = weights(responder, 1)
    one, other = selection.score(6, same, 0.1), selection.score(9, same, 0.2)
    for name in ("select_score", "select_reward", "select_length"):
        assert one[name] == other[name]
    assert other["selected_iteration"] == 6


def test_a_policy_that_lost_variety_gives_way_to_one_that_kept_it(responder: Path, evaluator: Path) -> None:
    ppo = CONFIG.ppo.model_copy(update={"select_variety": 0.9})
    selection = make(CONFIG.model_copy(update={"ppo": ppo}), responder, evaluator)
    start, narrow = Scored(0, 0.3, 0.0, 8.0, dist2=0.6, kl=0.0), Scored(3, 0.6, 0.1, 8.0, dist2=0.5, kl=0.1)
    selection.scores = [start, narrow]
    assert selection.best is narrow, "none kept its variety"
    varied = Scored(6, 0.4, 0.1, 8.0, dist2=0.55, kl=0.1)
    selection.scores += [varied, Scored(9, 0.35, 0.1, 8.0, dist2=0.6, kl=0.1), Scored(12, 0.7, 0.1, 8.0, 0.53, 0.1)]
    assert selection.best is varied


def test_a_page_shows_conversations_and_how_scores_spread(selection: Selection, responder: Path) -> None:
    figures = selection.score(6, weights(responder, 1), 0.0)
    page = selection.page
    assert page.texts["conversation_0"].count("**recommender: ") >= 1
    assert "\n\nseeker: " in page.texts["conversation_0"]
    assert np.mean(page.histograms["select_score"]) == pytest.approx(figures["select_score"])
    assert {f"head_{head}" for head in HEADS} < set(page.histograms)


def test_weights_that_training_goes_on_changing_are_copied(selection: Selection, responder: Path) -> None:
    live = weights(responder, 1)
    selection.score(6, live, 0.0)
    kept = {name: array.copy() for name, array in selection.weights.items()}
    for array in live.values():
        array += 1
    assert all((selection.weights[name] == kept[name]).all() for name in kept)


def test_a_run_that_goes_on_chooses_as_if_it_had_never_stopped(
    selection: Selection, responder: Path, evaluator: Path, tmp_path: Path
) -> None:
    selection.score(0, weights(responder), 0.0)
    selection.score(6, weights(responder, 1), 0.0)
    selection.save(tmp_path)
    resumed = make(CONFIG, responder, evaluator)
    resumed.load(tmp_path)
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".safetensors"}
    for goes_on in (selection, resumed):
        goes_on.score(9, weights(responder, 2), 0.0)
    assert selection.facts() == resumed.facts()
    assert selection.weights.keys() == resumed.weights.keys()
    assert all((selection.weights[name] == resumed.weights[name]).all() for name in resumed.weights)


def test_nothing_is_chosen_before_a_trained_policy_was_scored(
    selection: Selection, responder: Path, evaluator: Path, tmp_path: Path
) -> None:
    selection.score(0, weights(responder), 0.0)
    assert selection.best is None and not selection.weights
    selection.save(tmp_path)
    resumed = make(CONFIG, responder, evaluator)
    resumed.load(tmp_path)
    assert resumed.scores == selection.scores


def test_the_selecting_evaluator_is_held_out(tmp_path: Path) -> None:
    dialogues, catalog = sample_corpus(260)
    splits = tuple(dialogues[:200]), tuple(dialogues[200:230]), tuple(dialogues[230:])
    told: list[Mapping[str, Any]] = []
    figures = build_selecting_evaluator(
        Corpus("sample", *splits, catalog, {}),
        RubricJudge(catalog),
        "characters",
        tmp_path,
        lambda done, total, found: told.append(found),
    )
    assert figures["overall"]["r2"] > max(0.1, figures["overall"]["r2_length"])
    assert told[-1] == {"r2_overall": figures["overall"]["r2"]}
    assert CharacterRidge.load(tmp_path).scores(exchanges(["Hello!"])).shape == (1, 1)
