"""Which policy a run keeps: scored alike, the best and never the start, the same after a restart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from transformers import AutoModelForCausalLM

from algorithms.evaluators.pmi import ContextInformation
from algorithms.evaluators.registry import HeadScorer
from algorithms.evaluators.ridge import CharacterRidge
from algorithms.policy.rollout import Conversation
from algorithms.ppo.env_spec import EnvSpec
from ecr_rl.config import RunConfig, load_config
from ecr_rl.labels.judging.rubric import RubricJudge
from ecr_rl.training.constraints import Scored
from ecr_rl.training.selecting_evaluator import build_selecting_evaluator
from ecr_rl.training.selection import Selection
from ecr_rl.training.selection_judges import SelectionJudges
from envs.conversation import ConversationVectorEnv, TurnOutcome
from envs.corpora.corpus import Corpus
from envs.corpora.embedded.sample import sample_corpus
from envs.errors import ModelError
from envs.heads import Exchange
from tests.algorithms.doubles import POLICY, tiny_policy_folder
from tests.algorithms.evaluators.test_ridge import exchanges
from tests.algorithms.worlds import SmallWorld
from tests.envs.doubles import six_films
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


class ByLength:
    """Scores a reply by its length, as an evaluator of people's ratings."""

    heads = ("engagement", "overall")

    def scores(self, exchanges: Sequence[Exchange]) -> np.ndarray:
        """Shape (N, 2)."""
        lengths = np.array([len(exchange.reply) / 100 for exchange in exchanges])
        return np.stack([np.zeros(len(lengths)), lengths], 1)


def policy(iteration: int, score: float, **figures: float) -> Scored:
    """A policy with these figures, and else those of the supervised policy."""
    kept = {"success": 0.5, "dist2": 0.6, "pmi": 0.8, "people": 0.4, "people_deviation": 0.2}
    return Scored(iteration, score, reward=0.0, length=8.0, kl=0.1, failures=0, **{**kept, **figures})


START = policy(0, 0.3)


def choosing(responder: Path, evaluator: Path, scores: list[Scored], **margins: float | None) -> Selection:
    """A selection under these margins that has scored these policies."""
    ppo = CONFIG.ppo.model_copy(update={"select_success": None, "select_people": None, **margins})
    selection = make(CONFIG.model_copy(update={"ppo": ppo}), responder, evaluator)
    selection.scores = scores
    return selection


@pytest.mark.parametrize(
    ("margins", "lost", "kept"),
    [
        ({"select_success": 0.05}, {"success": 0.44}, {"success": 0.45}),
        ({"select_people": 0.1}, {"people": 0.37}, {"people": 0.38}),
        ({"select_variety": 0.9}, {"dist2": 0.5}, {"dist2": 0.55}),
    ],
)
def test_a_better_score_that_cost_too_much_is_not_chosen(
    responder: Path, evaluator: Path, margins: dict[str, float], lost: dict[str, float], kept: dict[str, float]
) -> None:
    scores = [START, policy(3, 0.9, **lost), policy(6, 0.4, **kept), policy(9, 0.35)]
    selection = choosing(responder, evaluator, scores, **margins)
    assert selection.best is scores[2]
    facts = selection.facts()
    (name,) = lost
    assert [scored["violates"] for scored in facts["selection"]] == [[], [name], [], []]
    assert (facts["selected_iteration"], facts["selected_violates"]) == (6, [])
    assert [constraint["name"] for constraint in facts["constraints"]] == [name]
    free = choosing(responder, evaluator, scores)
    assert free.best is scores[1] and free.facts()["constraints"] == []


def test_if_no_policy_satisfies_all_the_least_violation_is_kept_and_told(responder: Path, evaluator: Path) -> None:
    margins = {"select_success": 0.05, "select_people": 0.1}
    both = policy(3, 0.9, success=0.4, people=0.3)
    far, near = policy(6, 0.8, success=0.3), policy(9, 0.4, people=0.37)
    selection = choosing(responder, evaluator, [START, both], **margins)
    assert selection.best is both and selection.facts()["selected_violates"] == ["success", "people"]
    selection.scores.append(far)
    assert selection.best is far, "one constraint and not two, however far"
    selection.scores.append(near)
    assert selection.best is near, "1.5 margins and not 4, whatever they score"
    assert selection.facts()["selected_violates"] == ["people"]


def test_what_was_not_measured_constrains_nothing(responder: Path, evaluator: Path) -> None:
    unrated = {"people": None, "people_deviation": None}
    scores = [replace(START, **unrated), replace(policy(3, 0.9), **unrated)]
    selection = choosing(responder, evaluator, scores, select_people=0.1)
    assert selection.best is scores[1] and selection.facts()["constraints"] == []


def test_success_and_peoples_score_are_measured_on_the_conversations(responder: Path, evaluator: Path) -> None:
    world = cast(EnvSpec, KnownWorld(responder))
    selection = Selection(CONFIG, world, evaluator, cast(HeadScorer, ByLength()))
    start = selection.score(0, weights(responder), 0.0)
    assert 0 <= start["select_success"] <= 1 and start["select_failures"] == 0
    assert selection.page.histograms.keys() >= {"select_success", "select_people"}
    assert start["select_people"] == pytest.approx(np.mean(selection.page.histograms["select_people"]))
    assert start["select_people_deviation"] > 0
    assert not any(name.startswith("select_slack") for name in start)
    trained = selection.score(6, weights(responder, 1), 0.0)
    fall = start["select_people"] - trained["select_people"]
    assert trained["select_slack_people"] == pytest.approx(1 - fall / (0.1 * start["select_people_deviation"]))
    assert "select_pmi" not in trained, "the demo does not pay for it"


def test_pmi_is_measured_on_some_of_the_dialogues(
    responder: Path, evaluator: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Exchange] = []

    class Information:
        def of(self, exchanges: Sequence[Exchange]) -> np.ndarray:
            asked.extend(exchanges)
            return np.full(len(exchanges), np.nan)

    monkeypatch.setattr(ContextInformation, "load", lambda source, cache: Information())
    ppo = CONFIG.ppo.model_copy(update={"select_pmi": 0.1, "select_pmi_dialogues": 2})
    selection = make(CONFIG.model_copy(update={"ppo": ppo}), responder, evaluator)
    figures = selection.score(0, weights(responder), 0.0)
    assert figures["select_pmi"] == 0.0, "a reply without words tells nothing of its context"
    assert len(selection.page.histograms["select_pmi"]) == 2 <= len(asked)
    assert not any("Alien" in turn.text for exchange in asked for turn in exchange.context)


def test_a_seeker_that_fails_is_left_out_and_one_that_always_fails_ends_the_choice(responder: Path) -> None:
    heads = {"overall": 0.5}
    ridge = CharacterRidge.fit(exchanges(["good one", "aaa bbb"] * 4), np.array([[0.9], [0.1]] * 4), ["overall"])
    judges = SelectionJudges(ridge)

    def talk(accepted: int | None, failure: str = "") -> Conversation:
        outcome = SimpleNamespace(context=(), reply="hello there", accepted=accepted, failure=failure, heads=heads)
        return Conversation((0, 0), rewards=[0.0], outcomes=[cast(TurnOutcome, outcome)])

    scored, _ = judges.score([talk(1), talk(None), talk(None, "no answer")], six_films(), 5, 0.0)
    assert (scored.success, scored.failures) == (0.5, 1)
    with pytest.raises(ModelError, match="failed in every one of 1 validation conversations after iteration 5"):
        judges.score([talk(None, "no answer")], six_films(), 5, 0.0)


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
    responder: Path, evaluator: Path, tmp_path: Path
) -> None:
    world, people = cast(EnvSpec, KnownWorld(responder)), cast(HeadScorer, ByLength())
    selection, resumed = (Selection(CONFIG, world, evaluator, people) for _ in range(2))
    selection.score(0, weights(responder), 0.0)
    selection.score(6, weights(responder, 1), 0.0)
    selection.save(tmp_path)
    resumed.load(tmp_path)
    assert resumed.scores == selection.scores and resumed.scores[0].people_deviation
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
