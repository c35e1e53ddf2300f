from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ecr_rl.evaluation.conversations import figures
from ecr_rl.evaluation.conversations.comparison import Comparison, FrequentReply
from ecr_rl.evaluation.conversations.definitions import main_figures, more_figures, own_figures
from ecr_rl.evaluation.conversations.figure_definition import Definition, turn_mean
from ecr_rl.evaluation.conversations.held_out import first_film_found
from ecr_rl.evaluation.conversations.records import ConversationRecord, GoldRecord, Line
from envs.dialogue import Role, SeekerProfile
from envs.errors import ConfigError, DataError
from envs.rewards import RewardShaper
from envs.settings import RewardSettings
from tests.ecr_rl.example_run import conversation, example_records, known, turn
from tests.known_heads import DEFINITIONS, HEADS, JUDGED

compare = partial(figures.compare, heads=DEFINITIONS)

NAMES = [
    "reward",
    "held_out_overall",
    "rubric_overall_deviations",
    "held_out_empathy",
    "held_out_informativeness",
    "held_out_recommendation",
    "held_out_engagement",
    "held_out_people",
    "held_out_people_empathy",
    "held_out_pmi",
    "held_out_emotion_match",
    "held_out_overall_length_matched",
    "held_out_overall_like_length",
    *HEADS,
    "bleu1",
    "dist2",
    "length",
    "repetition",
    "kl",
]


@pytest.fixture(scope="module")
def report() -> Comparison:
    return compare(example_records(0.0), example_records(0.1), resamples=500)


def mean(records: list[ConversationRecord], figure: str) -> float:
    return known(compare(records, records, resamples=20).systems.rl[figure]).mean


def test_the_figures_are_the_agreed_ones_in_order() -> None:
    assert [figure.name for figure in main_figures(DEFINITIONS)] == NAMES


SEEN = Definition("seen", "Seen", "share", "Mine", "neither", statistic=turn_mean(lambda turn: "seen" in turn.reply))
REWARD_AGAIN = replace(SEEN, name="reward")
NO_STATISTIC = replace(SEEN, statistic=None)


def test_an_own_figure_stands_behind_the_others_with_its_interval() -> None:
    own = own_figures([f"{__name__}:SEEN"], DEFINITIONS)
    compared = compare(example_records(0.0), example_records(0.1), own=own, resamples=50)
    said = [turn.reply for record in example_records(0.0) for turn in record.turns]
    share = known(compared.more.systems.baseline["seen"])
    assert share.mean == pytest.approx(sum("seen" in reply for reply in said) / len(said))
    assert share.low < share.mean < share.high
    assert compared.formulas["seen"] == "share"
    assert [figure.name for figure in more_figures(DEFINITIONS, own)][-1] == "seen"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("REWARD_AGAIN", "there is a figure 'reward' already"),
        ("NO_STATISTIC", "no Definition with a statistic"),
        ("NAMES", "a list stands there"),
        ("NONE", "has no NONE"),
    ],
)
def test_what_is_no_figure_is_refused(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        own_figures([f"{__name__}:{name}"], DEFINITIONS)
    with pytest.raises(ConfigError, match="there is a figure 'seen' already"):
        own_figures([f"{__name__}:SEEN"] * 2, DEFINITIONS)


def test_the_report_has_the_agreed_form(report: Comparison) -> None:
    written = report.to_json()
    assert list(written["systems"]) == ["baseline", "rl"]
    assert written["n"] == 80
    for section in (*written["systems"].values(), written["difference"]):
        assert list(section) == NAMES
        for figure in section.values():
            assert list(figure) == ["mean", "low", "high"]
            assert figure["low"] <= figure["mean"] <= figure["high"]


def test_difference_is_rl_minus_baseline(report: Comparison) -> None:
    for name in NAMES:
        baseline, rl = (known(section[name]).mean for _, section in report.systems.items())
        assert known(report.difference[name]).mean == pytest.approx(rl - baseline)


def test_a_better_system_is_seen_to_be_better(report: Comparison) -> None:
    assert known(report.difference["reward"]).low > 0
    assert known(report.difference["held_out_overall"]).low > 0
    assert known(report.difference["bleu1"]).low < 0 < known(report.difference["bleu1"]).high


def test_the_order_of_the_records_does_not_matter(report: Comparison) -> None:
    assert compare(example_records(0.0)[::-1], example_records(0.1), resamples=500) == report


def test_a_constant_rise_has_an_interval_without_width() -> None:
    baseline = [conversation(index, turn(reward=float(index % 5))) for index in range(30)]
    rl = [conversation(index, turn(reward=index % 5 + 0.5)) for index in range(30)]
    rise = known(compare(baseline, rl, resamples=200).difference["reward"])
    assert (rise.mean, rise.low, rise.high) == pytest.approx((0.5, 0.5, 0.5))


def test_reward_is_averaged_over_turns_then_over_dialogues() -> None:
    records = [conversation(0, turn(reward=1.0), turn(reward=3.0)), conversation(1, turn(reward=8.0))]
    assert mean(records, "reward") == 5.0


def test_kl_is_a_mean_over_tokens() -> None:
    records = [conversation(0, turn(kl=1.0, tokens=10)), conversation(1, turn(kl=8.0, tokens=20), turn(kl=None))]
    assert mean(records, "kl") == pytest.approx(0.3)


def test_length_is_a_mean_over_replies() -> None:
    records = [conversation(0, turn("one two"), turn("one")), conversation(1, turn("a b c d e f"))]
    assert mean(records, "length") == 3.0


def test_dist_pools_all_replies_of_a_system() -> None:
    # Bigrams: a b, b c | a b, c d: three different of four.
    records = [conversation(0, turn("a b c")), conversation(1, turn("a b"), turn("c d"))]
    assert mean(records, "dist2") == 0.75
    assert known(compare(records, records, resamples=20).more.systems.rl["dist2_sentences"]).mean == 1.0


def test_repetition_is_counted_inside_a_dialogue() -> None:
    records = [conversation(0, turn("a b"), turn("a b")), conversation(1, turn("a b"))]
    assert mean(records, "repetition") == 0.25


def test_repetition_is_what_the_reward_prices() -> None:
    replies = ["how about that one", "a film for you then", "how about that film"]
    history: list[Line] = [
        {"role": Role.RECOMMENDER, "text": "That one is mine"},
        {"role": Role.SEEKER, "text": "A film for you"},
    ]
    record = replace(conversation(0, *map(turn, replies)), history=history)
    said = ["That one is mine"]
    shaper, prices = RewardShaper(RewardSettings(repetition=1.0)), []
    for reply in replies:
        prices.append(-shaper.parts({}, reply, said, cut=False, stripped=0, accepted=False)["repetition"])
        said.append(reply)
    # that one (1 of 3); nothing (0 of 4), since the seeker said it; how about, about that (2 of 3)
    assert prices == pytest.approx([1 / 3, 0, 2 / 3])
    assert mean([record], "repetition") == pytest.approx((1 + 0 + 2) / (3 + 4 + 3))


def test_bleu_is_a_mean_over_gold_contexts() -> None:
    gold = [GoldRecord("a b", "a b", 0.5), GoldRecord("a b", "a c", 0.5), GoldRecord("", "a c", 0.5)]
    records = [conversation(0, turn(), gold=gold), conversation(1, turn())]
    assert mean(records, "bleu1") == 0.5


def test_a_turn_that_a_head_did_not_score_is_left_out() -> None:
    records = [conversation(0, turn(heads={"empathy": 0.25}), turn(heads={})), conversation(1, turn(heads={}))]
    assert mean(records, "empathy") == 0.25


def test_a_figure_without_data_is_null_and_named() -> None:
    judged = [{"pmi": index, "held_out": dict.fromkeys(JUDGED, index / 3)} for index in range(3)]
    baseline = [conversation(index, turn(kl=None, **judged[index])) for index in range(3)]
    rl = [conversation(index, turn(kl=0.5, **judged[index])) for index in range(3)]
    report = compare(baseline, rl, resamples=20)
    assert report.systems.baseline["kl"] is None
    assert known(report.systems.rl["kl"]).mean == pytest.approx(0.1)
    assert report.difference["kl"] is None
    people = ["held_out_people", "held_out_people_empathy"]
    once = ["rubric_overall_deviations", *people, "held_out_emotion_match", "bleu1", "kl"]
    assert report.missing == once, "one rubric score, and no people's"
    assert report.more.sacrebleu is None


def test_dialogues_without_a_turn_count_nowhere_but_in_n() -> None:
    records = [conversation(0), conversation(1, turn(reward=2.0))]
    report = compare(records, records, resamples=20)
    assert report.n == 2
    assert known(report.systems.rl["reward"]).mean == 2.0


def test_the_report_is_json_without_nan(report: Comparison) -> None:
    empty = compare([conversation(0)], [conversation(0)], resamples=5)
    for found in (report, empty):
        text = json.dumps(found.to_json(), allow_nan=False)
        assert Comparison.from_json(text, file=Path("report.json"), remedy="") == found


def test_every_figure_states_its_formula(report: Comparison) -> None:
    assert set(report.formulas) == set(report.difference) | set(report.more.difference)
    assert all(report.formulas.values())


def test_reward_parts_add_up_to_the_reward(report: Comparison) -> None:
    for further, main in (
        (report.more.systems.baseline, report.systems.baseline),
        (report.more.systems.rl, report.systems.rl),
    ):
        parts = sum(known(figure).mean for name, figure in further.items() if name.startswith("part_"))
        assert parts == pytest.approx(known(main["reward"]).mean)


def test_records_that_cannot_be_paired_are_refused() -> None:
    one, other = [conversation(0, turn())], [conversation(1, turn())]
    with pytest.raises(DataError, match="different dialogues"):
        compare(one, other)
    with pytest.raises(DataError, match="twice"):
        compare(one, one + one)
    with pytest.raises(DataError, match="no records"):
        compare(one, [])


def held_out(score: float, words: int = 3) -> dict[str, Any]:
    return {"reply": " ".join(["word"] * words), "held_out": {"overall": score}}


def test_held_out_heads_are_in_deviations_of_the_baselines_conversations() -> None:
    """Baseline .1 and .3: mean .2; its conversations 0, .2, .3 and .3 have the deviation sqrt(.015)."""
    baseline = [
        conversation(0, turn(**held_out(0.0))),
        conversation(0, turn(**held_out(0.2)), repeat=1),
        conversation(1, turn(**held_out(0.3)), turn(**held_out(0.3))),
        conversation(1, turn(**held_out(0.3)), repeat=1),
    ]
    rl = [
        conversation(index, turn(**held_out(0.25 + index / 5)), repeat=repeat)
        for index in range(2)
        for repeat in range(2)
    ]
    found = compare(baseline, rl, resamples=20)
    assert (found.n, found.conversations) == (2, 2)
    assert known(found.systems.baseline["held_out_overall"]).mean == pytest.approx(0.0)
    assert known(found.difference["held_out_overall"]).mean == pytest.approx(0.15 / 0.015**0.5)
    assert found.systems.rl["held_out_empathy"] is None, "no score of that head"


def test_more_conversations_on_a_dialogue_leave_the_unit_as_it_is() -> None:
    """Conversations differ within a dialogue as much as between dialogues; a gain of .5 stays one of .5 of their SD."""
    rng = np.random.default_rng(0)

    def gain(repeats: int) -> float:
        scores = rng.normal(size=(300, 1)) + rng.normal(size=(300, repeats))
        baseline, rl = (
            [
                conversation(index, turn(**held_out(score + more)), repeat=repeat)
                for index, row in enumerate(scores.tolist())
                for repeat, score in enumerate(row)
            ]
            for more in (0.0, 0.5 * 2**0.5)
        )
        return known(compare(baseline, rl, resamples=20).difference["held_out_overall"]).mean

    assert gain(1) == pytest.approx(0.5, abs=0.04)
    assert gain(6) == pytest.approx(0.5, abs=0.04)


def test_the_rubrics_own_score_stands_beside_the_evaluator_that_predicts_it() -> None:
    """The evaluator sees a gain of two deviations, the rubric none."""
    baseline = [conversation(i, turn(rubric={"overall": i % 2}, **held_out(i % 2 / 10))) for i in range(20)]
    rl = [conversation(i, turn(rubric={"overall": i % 2}, **held_out(i % 2 / 10 + 0.1))) for i in range(20)]
    found = compare(baseline, rl, resamples=50).difference
    assert known(found["held_out_overall"]).mean == pytest.approx(2.0)
    assert known(found["rubric_overall_deviations"]).mean == pytest.approx(0.0)
    assert (
        "shares its origin with the reward" in compare(baseline, rl, resamples=5).formulas["rubric_overall_deviations"]
    )


def test_a_gain_that_is_length_alone_is_gone_at_equal_length() -> None:
    """The judge pays .05 a word: rl writes 0 to 8 words more and gains nothing else."""
    baseline = [conversation(i, turn(**held_out(0.1 + 0.05 * (5 + i % 2), 5 + i % 2))) for i in range(18)]
    rl = [conversation(i, turn(**held_out(0.1 + 0.05 * (5 + i % 2 + i % 9), 5 + i % 2 + i % 9))) for i in range(18)]
    found = compare(baseline, rl, resamples=200)
    assert known(found.difference["held_out_overall"]).low > 1
    assert known(found.difference["held_out_overall_length_matched"]).mean == pytest.approx(0.0, abs=1e-9)
    # like lengths: 5 or 6 words against at most 25 % more: 0 more always, 1 more always
    assert found.n_like_length == 4
    assert 0 < known(found.difference["held_out_overall_like_length"]).mean < 2


def test_pmi_and_emotion_match_stand_in_deviations_too() -> None:
    def records(gain: float) -> list[ConversationRecord]:
        return [
            conversation(i, turn(pmi=gain + i), turn(pmi=None), gold=[GoldRecord("a", "b", 0.2 * i + gain / 10)])
            for i in range(3)
        ]

    deviation = (2 / 3) ** 0.5
    found = compare(records(0.0), records(1.0), resamples=20).difference
    assert known(found["held_out_pmi"]).mean == pytest.approx(1 / deviation)
    assert known(found["held_out_emotion_match"]).mean == pytest.approx(0.1 / (0.2 * deviation))


def test_the_peoples_score_stands_in_deviations_and_is_missing_where_nobody_gave_it() -> None:
    def records(gain: float) -> list[ConversationRecord]:
        return [conversation(i, turn(people={"overall": 0.1 * i + gain}), turn()) for i in range(3)]

    found = compare(records(0.0), records(0.1), resamples=20)
    assert known(found.difference["held_out_people"]).mean == pytest.approx((3 / 2) ** 0.5)
    assert found.difference["held_out_people_empathy"] is None
    assert "no rubric is in its ancestry" in found.formulas["held_out_people"]


def test_distinct_replies_and_the_most_frequent_ones() -> None:
    baseline = [conversation(0, turn("a"), turn("b")), conversation(1, turn("a"), turn("c"))]
    rl = [conversation(0, turn("a"), turn("a")), conversation(1, turn("a"), turn("d"))]
    found = compare(baseline, rl, resamples=20)
    shares = [known(figures["distinct_replies"]).mean for _, figures in found.more.systems.items()]
    assert shares == pytest.approx([3 / 4, 2 / 4])
    assert found.frequent.rl == [FrequentReply("a", 3, 0.75), FrequentReply("d", 1, 0.25)]


def test_a_first_film_is_found_by_what_the_questionnaire_says() -> None:
    profile = SeekerProfile(liked=frozenset({1, 2}), seen=frozenset({2, 3}))
    films = [(1,), (2,), (3,), (4, 1), ()]
    assert [first_film_found(named, profile) for named in films] == [1.0, 1.5, 0.5, 0.0, 0.0]


def test_sr_and_rdl_by_hand() -> None:
    """Of two conversations one finds a liked film in its second of two turns, the other one seen in its only turn."""
    records = [
        conversation(0, turn(found=0.0), turn(found=1.0)),
        conversation(1, turn(found=0.5)),
        conversation(2, turn(found=0.0)),
        conversation(3, turn(found=None)),
    ]
    found = compare(records, records, resamples=20).more.systems.rl
    assert known(found["sr"]).mean == pytest.approx(2 / 3)
    assert known(found["rdl"]).mean == pytest.approx((1 / 2 + 0.5 / 1 + 0) / 3)


def test_pmi_by_kind_of_reply_leaves_out_what_has_no_context() -> None:
    """The opening (its PMI is 0 whatever it says) does not count; three replies remain, two of them with a film."""
    talk = conversation(
        0,
        turn(pmi=0.0, films=[]),
        turn(pmi=1.0, films=[1]),
        turn(pmi=3.0, films=[2, 3]),
        turn(pmi=5.0, films=[]),
    )
    found = compare([talk], [talk], resamples=20).more.systems.rl
    assert known(found["pmi_film_replies"]).mean == 2.0
    assert known(found["pmi_other_replies"]).mean == 5.0
    assert known(found["film_replies"]).mean == 0.5
    answered = replace(talk, history=[Line(role=Role.SEEKER, text="Hi")])
    found = compare([answered], [answered], resamples=20).more.systems.rl
    assert known(found["pmi_other_replies"]).mean == 2.5


def test_a_baseline_without_spread_has_no_unit() -> None:
    baseline = [conversation(index, turn(**held_out(0.5))) for index in range(3)]
    rl = [conversation(index, turn(**held_out(0.6))) for index in range(3)]
    found = compare(baseline, rl, resamples=20)
    assert found.difference["held_out_overall"] is None
    assert "held_out_overall" in found.missing
