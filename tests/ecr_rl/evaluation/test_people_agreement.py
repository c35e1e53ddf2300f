"""A critic beside people's ratings: figures by hand, what is left out, and the tables."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from ecr_rl.evaluation.critic.learnt_part import LearntPart, learnt_part
from ecr_rl.evaluation.critic.people_agreement import rate_against_people
from ecr_rl.evaluation.critic.people_results import PeopleRatings
from ecr_rl.evaluation.critic.people_tables import people_details, people_overview
from ecr_rl.evaluation.critic.results import CriticResults
from ecr_rl.evaluation.sensitivity.results import Sensitivity
from ecr_rl.labels.judging.rubric import RubricJudge
from ecr_rl.labels.judging.text_evidence import TextEvidence
from ecr_rl.report.critic_report import critic_tables, write_people_report
from envs.catalog import Catalog, Film
from envs.dialogue import Role, Utterance
from envs.errors import ModelError
from envs.heads import Exchange, HeadScores
from envs.ratings.parts import part_of
from envs.ratings.record import RatedDialogue, RatedReply, RatingSet

CATALOG = Catalog([Film(1, "Some Long Film", 1959), Film(2, "Another Long Film", 1999)])
ASKED = (Utterance(Role.SEEKER, "I liked Some Long Film (1959)."),)


class WordCritic:
    """Scores by words: ``overall`` rises with them, ``empathy`` is always the same."""

    def score(self, exchanges: Sequence[Exchange]) -> HeadScores:
        words = np.array([[len(exchange.reply.split()) / 100, 0.5] for exchange in exchanges])
        return HeadScores(words, np.zeros_like(words), ("overall", "empathy"))


def reply(words: int, numbers: Sequence[float], group: str, name: str = "relevance") -> RatedReply:
    return RatedReply(ASKED, " ".join(["word"] * words), {name: tuple(numbers)}, group, f"file:{words}")


def rated(*sets: RatingSet, learnt: LearntPart | None = None) -> PeopleRatings:
    return rate_against_people(WordCritic(), None, TextEvidence(CATALOG), sets, learnt)


def test_a_score_that_orders_replies_as_people_do() -> None:
    replies = tuple(reply(index + 1, (index, index), f"d{index % 10}") for index in range(40))
    (figures,) = rated(RatingSet("own", replies, ())).ratings
    assert (figures.data, figures.over, figures.rating, figures.n, figures.groups) == (
        *("own", "replies", "relevance"),
        *(40, 10),
    )
    overall, empathy = figures.heads["overall"], figures.heads["empathy"]
    assert overall.spearman == overall.auc == pytest.approx(1.0)
    assert overall.spearman_interval == pytest.approx((1.0, 1.0))
    assert (empathy.spearman, empathy.spearman_interval, empathy.auc) == (None, None, 0.5)
    assert figures.length == overall
    assert figures.raters.spearman == pytest.approx(1.0)
    assert figures.rubric == {}


def test_one_rater_against_the_others_by_hand() -> None:
    """The first rater agrees with the second and is the reverse of the third; 20 records each."""
    replies = tuple(reply(index + 1, (index, index, -index), f"d{index}") for index in range(20))
    (figures,) = rated(RatingSet("own", replies, ())).ratings
    # the mean of the others is 0 for the first two raters, which defines no correlation; the third's is the index
    assert (figures.raters.places, figures.raters.spearman) == (1, pytest.approx(-1.0))
    replies = tuple(reply(index + 1, (index, index, -3 * index), f"d{index}") for index in range(20))
    (figures,) = rated(RatingSet("own", replies, ())).ratings
    # against the means -index, -index and +index all three are the reverse
    assert figures.raters.places == 3
    assert figures.raters.spearman == pytest.approx(-1.0)


def test_raters_count_by_the_records_that_they_rated() -> None:
    """40 records of two raters who agree, 20 of which have a third who disagrees."""
    numbers = [(index, index) if index % 2 else (index, index, -index) for index in range(40)]
    replies = tuple(reply(index + 1, given, f"d{index}") for index, given in enumerate(numbers))
    (figures,) = rated(RatingSet("own", replies, ())).ratings
    assert figures.raters.places == 3
    whole = (40 * first_place(numbers) * 2 + 20 * -1.0) / 100
    assert figures.raters.spearman == pytest.approx(whole)


def first_place(numbers: Sequence[tuple[float, ...]]) -> float:
    from scipy.stats import spearmanr

    return float(spearmanr([given[0] for given in numbers], [np.mean(given[1:]) for given in numbers])[0])  # pyright: ignore


def test_too_few_records_give_no_number() -> None:
    few = RatingSet("few", tuple(reply(index + 1, (index,), f"d{index}") for index in range(19)), ())
    one = RatingSet("one", tuple(reply(index + 1, (index,), "d") for index in range(30)), ())
    for figures in rated(few, one).ratings:
        assert figures.n > 0
        assert (figures.heads["overall"].spearman, figures.length.auc, figures.raters.spearman) == (None, None, None)


def test_any_level_of_epitome_is_high() -> None:
    """Most replies explore, so that the median is 1: levels 1 and 2 are high all the same."""
    levels = [0] * 10 + [1] * 20 + [2] * 10
    replies = tuple(reply(level + 1, (level,), f"d{i}", "explorations") for i, level in enumerate(levels))
    (figures,) = rated(RatingSet("epitome", replies, ())).ratings
    assert figures.heads["overall"].auc == 1.0
    (figures,) = rated(RatingSet("own", replies, ())).ratings
    assert figures.heads["overall"].auc == 1.0  # above the median: level 2 alone
    swapped = tuple(reply((1, 3, 2)[level], (level,), f"d{i}", "explorations") for i, level in enumerate(levels))
    assert rated(RatingSet("epitome", swapped, ())).ratings[0].heads["overall"].auc == 1.0
    assert rated(RatingSet("own", swapped, ())).ratings[0].heads["overall"].auc == pytest.approx(1 / 3)


def test_a_whole_dialogue_is_scored_by_the_mean_of_its_turns_and_the_words_of_all() -> None:
    def dialogue(index: int) -> RatedDialogue:
        said = ["word " * (index + 1), "word"] if index % 2 else ["word " * (index + 1)]
        turns = [turn for text in said for turn in (ASKED[0], Utterance(Role.RECOMMENDER, text.strip()))]
        return RatedDialogue(tuple(turns), {"overall": (index + 1 + index % 2,)}, f"d{index}", "file")

    (figures,) = rated(RatingSet("own", (), tuple(map(dialogue, range(30))))).ratings
    assert figures.over == "dialogues"
    assert figures.length.spearman == pytest.approx(1.0)
    overall = figures.heads["overall"].spearman
    assert overall is not None and 0.5 < overall < 1.0


def test_what_a_critic_learnt_from_is_not_judged_on() -> None:
    replies = tuple(reply(index + 1, (index,), f"d{index}") for index in range(400))
    learnt = LearntPart(3, frozenset({"ab-redial"}))
    found = rated(RatingSet("ab-redial", replies, ()), RatingSet("own", replies, ()), learnt=learnt)
    reporting = sum(part_of(f"d{index}", "ab-redial", 3) == "reporting" for index in range(400))
    assert [figures.n for figures in found.ratings] == [reporting, 400]
    assert found.reporting == ["ab-redial"]
    assert "learnt from ab-redial" in people_overview(found).note


def test_the_rubric_stands_beside_the_heads_and_finds_films_in_the_text() -> None:
    replies = tuple(
        RatedReply(ASKED, "Try Another Long Film (1999)! " + "word " * index, {"relevance": (index,)}, f"d{index}", "f")
        for index in range(25)
    )
    piece = TextEvidence(CATALOG).of(replies[0].exchange)
    assert (piece.films, piece.named, piece.told, piece.asked) == ((2,), (1,), (1,), (1,))
    found = rate_against_people(
        WordCritic(), RubricJudge(CATALOG), TextEvidence(CATALOG), [RatingSet("own", replies, ())]
    )
    assert set(found.ratings[0].rubric) == {"overall", "empathy"}
    assert found.ratings[0].rubric["overall"].n == 25


def test_tables_name_what_was_left_out_and_the_record_is_read_again(tmp_path: Path) -> None:
    replies = tuple(reply(index + 1, (index, index), f"d{index}") for index in range(30))
    found = rated(RatingSet("own", replies, ()), RatingSet("crs-que", (), (), skipped=7))
    overview, details = people_overview(found), people_details(found)
    assert list(overview.columns) == ["rating", "n", "length", "VADER", "overall", "empathy", "one rater"]
    assert overview.rows[0][:3] == ["own relevance", "30", "1.00"]
    assert "crs-que: 7 dialogues left out" in overview.note
    assert [row[1] for row in details.rows] == ["overall", "empathy", "length", "VADER", "one rater"]
    assert details.rows[0][3] == "1.00 [1.00, 1.00]"
    page = write_people_report(found, "mine", tmp_path)
    assert "### Ratings of people, with intervals" in page.read_text(encoding="utf-8")
    kept = json.loads((tmp_path / "people.json").read_text(encoding="utf-8"))
    assert kept == json.loads(json.dumps({"people_ratings": found.to_json()}))
    results = CriticResults({}, {}, {}, Sensitivity({}, [], 0, 0, 0), {}, 0, 0, "test", "rubric", 0, found)
    assert critic_tables(results)[-2:] == [overview, details]
    written = json.dumps(results.to_json())
    assert CriticResults.from_json(written, file=tmp_path, remedy="") == results


def test_a_card_says_what_was_learnt(tmp_path: Path) -> None:
    card = tmp_path / "critic.json"
    card.write_text("{}", encoding="utf-8")
    assert learnt_part(tmp_path) is None
    card.write_text('{"people": {"seed": 4, "sets": {"ccpe": 1}, "part": "critic"}}', encoding="utf-8")
    assert learnt_part(tmp_path) == LearntPart(4, frozenset({"ccpe"}))
    card.write_text('{"people": {"sets": ["ccpe"]}}', encoding="utf-8")
    with pytest.raises(ModelError, match="must hold a seed and sets"):
        learnt_part(tmp_path)
