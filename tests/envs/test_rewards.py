"""Rewards: worked by hand, in parts that add up, from references that survive a file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from envs.errors import ConfigError, DataError, ModelError
from envs.heads import Exchange, HeadScores
from envs.reward_sources import JudgedReply, RewardInputs
from envs.rewards import RULES, HeadReference, RewardShaper
from envs.settings import RewardSettings
from envs.vector_conversation import ConversationVectorEnv
from tests.envs.doubles import six_films, three_dialogues
from tests.known_heads import HEADS

_ALL_ONE: dict[str, float] = dict.fromkeys(HEADS, 1.0)
NOTHING: dict[str, float] = dict.fromkeys(HEADS, 0.0)


def _scores(*rows: float, spread: float = 0.0) -> HeadScores:
    mean = np.repeat(np.array(rows)[:, None], len(HEADS), axis=1)
    return HeadScores(mean, np.full_like(mean, spread), HEADS)


def test_heads_are_normalised_capped_and_weighted() -> None:
    reference = HeadReference(HEADS, np.full(6, 0.4), np.full(6, 0.2))
    shaper = RewardShaper(RewardSettings(weights={"empathy": 2.0, "overall": 0.5}, cap=1.5), reference)
    paid = shaper.heads(_scores(0.6, 0.0, 1.0))
    assert paid.shape == (3, 6)
    assert paid[:, HEADS.index("empathy")] == pytest.approx([2.0, -4.0, 3.0])  # (.6-.4)/.2 = 1; -2; 3 capped to 1.5
    assert paid[:, HEADS.index("overall")] == pytest.approx([0.5, -1.0, 0.75])
    assert not paid[:, HEADS.index("bleu")].any()


def test_an_ensembles_disagreement_is_taken_off() -> None:
    shaper = RewardShaper(RewardSettings(weights=_ALL_ONE, spread_penalty=2.0))
    assert shaper.heads(_scores(0.75, spread=0.125))[0] == pytest.approx(np.zeros(6))  # (.75 - .25 - .5) / .25


def test_parts_are_named_and_penalties_come_off() -> None:
    shaper = RewardShaper(RewardSettings(missing_end=0.5, repetition=0.25, markup=2.0, acceptance=3.0, turns=0.125))
    parts = shaper.parts(dict(zip(HEADS, range(6), strict=True)), "a b a b", [], cut=True, stripped=4, accepted=True)
    assert tuple(parts) == (*HEADS, *RULES)
    assert [parts[head] for head in HEADS] == [0, 1, 2, 3, 4, 5]
    assert (parts["missing_end"], parts["markup"], parts["acceptance"]) == (-0.5, -2.0, 3.0)
    assert parts["repetition"] == pytest.approx(-0.25 / 3)  # bigrams ab ba ab: one of three was there
    assert parts["turns"] == -0.125
    quiet = RewardShaper(RewardSettings()).parts(NOTHING, "fine", [], cut=False, stripped=0, accepted=False)
    assert sum(quiet.values()) == 0
    assert "-0.0" not in json.dumps(quiet)


def test_only_more_words_than_the_reference_says_cost_something() -> None:
    reference = HeadReference(HEADS, np.full(6, 0.5), np.full(6, 0.25), (4.0, 2.0))
    shaper = RewardShaper(RewardSettings(verbosity=0.5), reference)
    paid = [
        shaper.parts(NOTHING, reply, [], cut=False, stripped=0, accepted=False)["verbosity"]
        for reply in ("two words", "these are four words", "this one has seven words in all")
    ]
    assert paid == [0, 0, -0.75]  # 0.5 x (7 - 4) / 2


def _control(source: str, reply: str, place: tuple[int, ...] = (0, 1, 2, 1), **settings: Any) -> dict[str, float]:
    reference = HeadReference(HEADS, np.full(6, 0.5), np.full(6, 0.25), (4.0, 2.0))
    shaper = RewardShaper(RewardSettings.model_validate({"source": source, "cap": 1.5, **settings}), reference)
    (paid,) = shaper.pay([JudgedReply(Exchange((), reply), dict.fromkeys(HEADS, 9.0), place)])
    return shaper.parts(paid, reply, [], cut=True, stripped=0, accepted=False)


def test_length_pays_as_a_head_would_and_the_rules_stay() -> None:
    parts = _control("length", "three words here", weights={"empathy": 0.5, "overall": 0.25})
    assert tuple(parts) == ("length", *RULES)
    assert parts["length"] == pytest.approx(0.75 * (3 - 4) / 2)
    assert parts["missing_end"] == -0.5
    assert _control("length", "ten words " * 5)["length"] == pytest.approx(1.5)  # capped as a head is


def test_random_pay_has_mean_0_deviation_1_and_does_not_hear_the_reply() -> None:
    places = [(0, stream, index, turn) for stream in range(10) for index in range(100) for turn in (1, 2, 3)]
    paid = np.array([_control("random", "hm", place)["random"] for place in places])
    assert abs(paid.mean()) < 4 / np.sqrt(len(paid))
    assert paid.std() == pytest.approx(1, abs=0.05)
    assert paid[:-1] @ paid[1:] / len(paid) == pytest.approx(0, abs=0.08)
    for place in places[:5]:
        assert _control("random", "I am sorry, how about Heat (1995)?", place) == _control("random", "a b", place)


class Questions:
    """An own source: a question is worth what all heads weigh together."""

    def __init__(self, inputs: RewardInputs) -> None:
        """Keep the weight."""
        self._weight = inputs.weight

    def pay(self, replies: Sequence[JudgedReply]) -> list[dict[str, float]]:
        """1 for a reply that asks something."""
        return [{"question": self._weight * ("?" in reply.exchange.reply)} for reply in replies]


class Markup(Questions):
    """A source whose part is a rule's, for replies that ask; what is no number for those that shout."""

    def pay(self, replies: Sequence[JudgedReply]) -> list[dict[str, float]]:
        """Only what is refused."""
        shouts = "!" in replies[0].exchange.reply
        return [{"question": float("nan")} if shouts else {"markup": 1.0}] * (1 + ("." in replies[0].exchange.reply))


def test_an_own_source_pays_beside_the_rules() -> None:
    parts = _control(f"{__name__}:Questions", "Really?", weights={"empathy": 0.5})
    assert tuple(parts) == ("question", *RULES)
    assert parts["question"] == 0.5
    assert _control(f"{__name__}:Questions", "Yes")["question"] == 0


class Places(Questions):
    """A source that pays the numbers a reply is known by."""

    def pay(self, replies: Sequence[JudgedReply]) -> list[dict[str, float]]:
        """Seed, stream, index and turn."""
        names = ("seed", "stream", "index", "turn")
        return [dict(zip(names, map(float, reply.seed_key), strict=True)) for reply in replies]


def test_a_source_is_told_conversation_and_turn_from_1() -> None:
    reward = RewardSettings(source=f"{__name__}:Places")
    world = ConversationVectorEnv(three_dialogues(), six_films(), num_envs=2, reward=reward, seed=7)
    world.reset(options={"episodes": [(3, 5), (3, 1)]})
    told = []
    for _ in range(2):
        *_, infos = world.step(["Have you seen it?", "What do you like?"])
        told.append([[turn.parts[name] for name in ("seed", "stream", "index", "turn")] for turn in infos["turn"]])
    assert told == [[[7, 3, 5, 1], [7, 3, 1, 1]], [[7, 3, 5, 2], [7, 3, 1, 2]]]


@pytest.mark.parametrize(
    ("reply", "message"),
    [("Hm", "pays markup, which"), ("Hm!", "no finite number for question"), ("Hm.", "paid for 2 of 1 replies")],
)
def test_what_an_own_source_pays_is_checked(reply: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        _control(f"{__name__}:Markup", reply)


def test_an_unknown_source_is_refused_before_anything_is_paid() -> None:
    with pytest.raises(ConfigError, match=r"no reward source 'lenght'\. Did you mean length"):
        RewardShaper(RewardSettings(source="lenght"))
    with pytest.raises(ConfigError, match="JSONDecoder takes"):
        RewardShaper(RewardSettings(source="json:JSONDecoder"))


def test_a_reply_pays_for_what_was_said_before_in_the_conversation() -> None:
    shaper = RewardShaper(RewardSettings(repetition=0.5))
    said: list[str] = ["How about it?"]
    prices = []
    for reply in ("How about that film?", "Have you seen that film?", "Yes", "yes!"):
        prices.append(shaper.parts({}, reply, said, cut=False, stripped=0, accepted=False)["repetition"])
        said.append(reply)
    # how about | - - (1 of 3); - - - that film (1 of 4); a reply of one word is one gram
    assert prices == pytest.approx([-0.5 / 3, -0.5 / 4, 0.0, -0.5])


@pytest.mark.parametrize("mean", [np.full((2, 5), 0.5), np.full(6, 0.5), np.full((1, 6), np.nan)])
def test_a_judge_that_fails_gives_no_reward(mean: np.ndarray) -> None:
    with pytest.raises(ModelError):
        RewardShaper(RewardSettings()).heads(HeadScores(mean, np.zeros_like(mean), HEADS))


def test_the_default_reference_maps_scores_to_two_deviations() -> None:
    paid = RewardShaper(RewardSettings(weights=_ALL_ONE, cap=5.0)).heads(_scores(0.0, 0.5, 1.0))
    assert paid[:, 0].tolist() == [-2.0, 0.0, 2.0]


def test_a_measured_reference_gives_mean_0_and_deviation_1() -> None:
    scores = np.random.default_rng(0).random((200, 6))
    shaper = RewardShaper(
        RewardSettings(weights=_ALL_ONE, cap=99.0), HeadReference.measure(HEADS, scores, np.arange(200))
    )
    paid = shaper.heads(HeadScores(scores, np.zeros_like(scores), HEADS))
    assert paid.mean(0) == pytest.approx(np.zeros(6), abs=1e-12)
    assert paid.std(0) == pytest.approx(np.ones(6))
    assert (HeadReference.measure(HEADS, np.full((5, 6), 0.3), np.full(5, 7)).std > 0).all()


def test_a_constant_on_a_heads_raw_scores_changes_no_pay() -> None:
    """The critic's zero is a matter of its labels: after calibration it pays as before."""
    scores = np.random.default_rng(2).random((50, 6)) / 2
    paid = []
    for raised in (scores, scores + 0.375):
        shaper = RewardShaper(RewardSettings(), HeadReference.measure(HEADS, raised, np.arange(50)))
        paid.append(shaper.heads(HeadScores(raised, np.zeros_like(raised), HEADS)))
    assert paid[0] == pytest.approx(paid[1])


def test_a_reference_survives_its_file(tmp_path: Path) -> None:
    reference = HeadReference(HEADS, np.linspace(0.1, 0.6, 6), np.linspace(0.2, 0.7, 6), (11.5, 3.25))
    reference.save(tmp_path / "reference.json")
    loaded = HeadReference.load(tmp_path / "reference.json")
    assert (loaded.mean == reference.mean).all()
    assert (loaded.std == reference.std).all()
    assert loaded.length == reference.length
    assert [path.name for path in tmp_path.iterdir()] == ["reference.json"]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"empathy": {"mean": 1}}'])
def test_a_broken_reference_names_its_file(tmp_path: Path, content: str) -> None:
    path = tmp_path / "reference.json"
    path.write_text(content)
    with pytest.raises(DataError, match=r"reference\.json"):
        HeadReference.load(path)
    record = {name: {"mean": 0.5, "std": 0.0} for name in (*HEADS, "length")}
    path.write_text(json.dumps(record))
    with pytest.raises(DataError, match="positive"):
        HeadReference.load(path)


def test_less_of_a_head_pays_where_less_is_better() -> None:
    """A score .2 below the mean of .4 is a deviation of .2 above it; disagreement costs here, too."""
    mean, heads = np.array([[0.2, 0.2], [0.8, 0.8]]), ("overall", "pushy")
    reference = HeadReference(("pushy", "overall"), np.array([0.4, 0.5]), np.array([0.2, 0.1]))
    settings = RewardSettings(weights={"pushy": 2.0}, cap=1.5, spread_penalty=1.0)
    shaper = RewardShaper(settings, reference)
    paid = shaper.heads(HeadScores(mean, np.full_like(mean, 0.1), heads, frozenset({"pushy"})))
    assert not paid[:, 0].any()
    assert paid[:, 1] == pytest.approx([2 * (1 - 0.5), 2 * (-2 - 0.5)])
    certain = shaper.heads(HeadScores(mean - 0.2, np.zeros_like(mean), heads, frozenset({"pushy"})))
    assert certain[0, 1] == pytest.approx(2 * 1.5)  # two deviations, capped


def test_heads_are_found_by_name_in_whatever_order() -> None:
    rng = np.random.default_rng(1)
    mean, spread, order = rng.random((5, 6)), rng.random((5, 6)), rng.permutation(6)
    reference = HeadReference(HEADS, rng.random(6), rng.random(6) + 0.1)
    shaper = RewardShaper(RewardSettings(spread_penalty=0.5), reference)
    paid = shaper.heads(HeadScores(mean, spread, HEADS))
    moved = HeadScores(mean[:, order], spread[:, order], tuple(HEADS[place] for place in order))
    assert (shaper.heads(moved) == paid[:, order]).all()


def test_a_weight_that_nobody_scores_is_refused() -> None:
    scores = HeadScores(np.zeros((1, 1)), np.zeros((1, 1)), ("overall",))
    with pytest.raises(ModelError, match=r"reward\.weights names pushy; the reward model scores overall"):
        RewardShaper(RewardSettings(weights={"overall": 1.0, "pushy": 0.5})).heads(scores)
    assert RewardShaper(RewardSettings(weights={"overall": 1.0, "pushy": 0.0})).heads(scores).shape == (1, 1)
    with pytest.raises(ModelError, match="the head reference knows no overall"):
        RewardShaper(RewardSettings(weights={}), HeadReference.identity(["pushy"])).heads(scores)
