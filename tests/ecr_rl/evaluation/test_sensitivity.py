"""What fools judges: made ones whose faults are known, what the edits do to replies, and the tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from algorithms.evaluators.ridge import WordRidge
from algorithms.packaged_models import has_minilm
from ecr_rl.config import load_config
from ecr_rl.evaluation.sensitivity.edits import EDITS, FilmEditor
from ecr_rl.evaluation.sensitivity.judges import by_critic, by_evaluator, by_judge, evaluators_of
from ecr_rl.evaluation.sensitivity.measuring import edit_replies
from ecr_rl.evaluation.sensitivity.results import Sensitivity
from ecr_rl.evaluation.sensitivity.tables import sensitivity_tables
from ecr_rl.labels.judging.read_text import FilmFacts, wishes
from ecr_rl.labels.judging.rubric import RubricJudge
from ecr_rl.labels.replies.examples import human_examples
from ecr_rl.runs.parts import RunParts
from envs.builtin_heads import HEADS
from envs.corpora.corpus import Corpus
from envs.corpora.embedded.sample import sample_corpus
from envs.dialogue import Role
from envs.errors import DataError
from envs.heads import Exchange, HeadScores
from tests.known_heads import DEFINITIONS


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    dialogues, catalog = sample_corpus(60)
    return Corpus("sample", tuple(dialogues[:20]), (), tuple(dialogues[20:]), catalog, {})


class Counter:
    """An evaluator whose scores are a count of each reply, in a unit of its own."""

    def __init__(self, count: Callable[[str], float], unit: float = 0.001) -> None:
        self.heads: tuple[str, ...] = ("overall",)
        self._count, self._unit = count, unit

    def scores(self, exchanges: Sequence[Exchange]) -> np.ndarray:
        return self._unit * np.array([[self._count(exchange.reply)] for exchange in exchanges])


def exclamations(reply: str) -> float:
    return 3.0 * reply.count("!") + len(reply.split()) / 100


def distinct_share(reply: str) -> float:
    words = reply.lower().split()
    return len(set(words)) / max(1, len(words))


def moved(corpus: Corpus, **judges: Counter) -> Sensitivity:
    scorers = {name: by_evaluator(judge) for name, judge in judges.items()}
    return edit_replies(scorers, DEFINITIONS, corpus, replies=80)


def test_a_judge_that_counts_exclamation_marks_is_fooled_by_them(corpus: Corpus) -> None:
    results = moved(corpus, loud=Counter(exclamations), varied=Counter(distinct_share))
    shouted = results.edits["exclamations"].judges
    loud = shouted["loud"]["overall"]
    assert loud.change is not None
    assert loud.fooled and loud.change.low > 0.1
    assert not shouted["varied"]["overall"].fooled
    assert not results.edits["upper_case"].judges["loud"]["overall"].fooled
    repeated = results.edits["repeated"].judges
    assert repeated["loud"]["overall"].fooled
    assert repeated["varied"]["overall"].change is not None and repeated["varied"]["overall"].change.high < 0

    fooled, moves, edits = sensitivity_tables(results)
    rows = {row[0]: row for row in fooled.rows}
    assert "exclamations (overall +" in rows["loud"][3]
    assert "exclamations" not in rows["varied"][3]
    cells = {row[0]: row for row in moves.rows}["exclamations, overall"]
    assert cells[2] == "not up"
    assert cells[3].endswith(" !") and not cells[4].endswith("!")
    assert [row[0] for row in edits.rows] == [edit.name for edit in EDITS]


def test_changes_are_in_deviations_of_the_judges_own_scores(corpus: Corpus) -> None:
    """By hand: three marks more, over the deviation of all scores; the unit of the scores does not matter."""
    results = moved(corpus, small=Counter(exclamations), large=Counter(exclamations, unit=5.0))
    cases = human_examples(corpus.splits["test"], corpus.catalog)
    assert results.n == 80 < len(cases)
    every = edit_replies(
        {"all": by_evaluator(Counter(exclamations))},
        DEFINITIONS,
        corpus,
        replies=len(cases),
    )
    scores = np.array([exclamations(case.evidence.exchange.reply) for case in cases])
    change = every.edits["exclamations"].judges["all"]["overall"].change
    assert change is not None
    assert change.mean == pytest.approx(9 / scores.std())
    small, large = (results.edits["exclamations"].judges[name]["overall"].change for name in ("small", "large"))
    assert small is not None and large is not None
    assert (small.mean, small.low, small.high) == pytest.approx((large.mean, large.low, large.high))


def test_a_judge_whose_scores_do_not_vary_has_no_change_and_is_not_fooled(corpus: Corpus) -> None:
    results = moved(corpus, same=Counter(lambda reply: 1.0))
    move = results.edits["flattery"].judges["same"]["overall"]
    assert (move.change, move.fooled) == (None, False)
    assert {row[0]: row for row in sensitivity_tables(results)[1].rows}["flattery, overall"][3] == "-"


def test_critic_and_rubric_stand_beside_evaluators_each_with_its_own_heads(corpus: Corpus) -> None:
    class Polite:
        def score(self, exchanges: Sequence[Exchange]) -> HeadScores:
            mean = np.array([["sorry" in each.reply, len(each.reply) % 7 / 10] for each in exchanges], dtype=np.float64)
            return HeadScores(mean, np.zeros(mean.shape), ("empathy", "my_own"))

    rubric = RubricJudge(corpus.catalog)
    judges = {"critic": by_critic(Polite()), "rubric": by_judge(rubric)}
    judges["selecting_evaluator"] = by_evaluator(Counter(exclamations))
    results = edit_replies(judges, rubric.heads, corpus, replies=60)
    assert results.judges == ["critic", "rubric", "selecting_evaluator"]
    sympathy = results.edits["sympathy"].judges
    assert sympathy["critic"]["my_own"].expected is None
    assert set(sympathy["selecting_evaluator"]) == {"overall"}
    other = results.edits["other_film"].judges["rubric"]["recommendation"]
    assert other.expected == "down"
    assert other.change is not None and other.change.high < 0
    assert results.edits["filler"].judges["rubric"]["bleu"].change is None  # a human reply has no reference
    rows = [row[0] for row in sensitivity_tables(results)[1].rows]
    assert "sympathy, empathy" in rows and not [row for row in rows if "my_own" in row or "bleu" in row]
    assert results == edit_replies(judges, rubric.heads, corpus, replies=60)


def test_a_run_brings_the_evaluators_that_it_has_made(corpus: Corpus, tmp_path: Path) -> None:
    config = load_config("demo", [f"cache={tmp_path / 'cache'}"])
    shipped = ["people_selecting", "people_reporting"] if has_minilm() else []
    assert list(evaluators_of(None, config)) == list(evaluators_of(tmp_path, config)) == shipped
    cases = human_examples(corpus.train, corpus.catalog)
    exchanges = [case.evidence.exchange for case in cases]
    labels = np.array([[min(1.0, len(each.reply) / 200)] for each in exchanges])
    made = tmp_path / "made"
    made.mkdir()
    WordRidge.fit(exchanges, labels, ("overall",)).save(made)
    RunParts(tmp_path, config.cache_folder).give("reporting_evaluator", made)
    judges = evaluators_of(tmp_path, config)
    assert list(judges) == ["reporting_evaluator", *shipped]
    results = edit_replies({"reporting_evaluator": judges["reporting_evaluator"]}, DEFINITIONS, corpus, replies=40)
    assert results.edits["repeated"].judges["reporting_evaluator"]["overall"].fooled  # it has learnt length


def test_a_popular_film_shares_no_genre_with_wishes_and_reply(corpus: Corpus) -> None:
    evidence = [case.evidence for case in human_examples(corpus.splits["test"], corpus.catalog)]
    films, facts = FilmEditor(corpus.catalog, evidence), FilmFacts(corpus.catalog)
    rng = np.random.default_rng(0)
    made = [(source, reply) for source in evidence if (reply := films.popular(source, rng)) is not None]
    assert len(made) > 20
    for source, (text, named) in made:
        added = named[-1]
        assert text.startswith(source.exchange.reply) and corpus.catalog.title(added) in text
        assert added not in (*source.films, *source.named)
        assert not facts.genres((added,)) & (wishes(source, facts)[0] | facts.genres(source.films))


def test_edits_leave_out_replies_that_they_do_not_fit(corpus: Corpus) -> None:
    evidence = [case.evidence for case in human_examples(corpus.splits["test"], corpus.catalog)]
    films, rng = FilmEditor(corpus.catalog, evidence), np.random.default_rng(0)
    changes = {edit.name: edit.change for edit in EDITS}
    source = next(piece for piece in evidence if piece.exchange.context and piece.asked)
    last = source.exchange.context[-1]
    assert last.role is Role.SEEKER
    echoed = changes["echoed"](source, films, rng)
    assert echoed is not None
    assert echoed[0] == f"{last.text} {source.exchange.reply}" and set(source.asked) <= set(echoed[1])
    sad = replace(last, text="My dog died. I am so sad and lonely.")
    grieving = replace(source, exchange=Exchange((sad,), source.exchange.reply))
    assert changes["sympathy"](grieving, films, rng) is None
    opening = replace(source, exchange=Exchange((), "Hello!"), films=(), named=(), told=(), asked=())
    assert changes["echoed"](opening, films, rng) is changes["sympathy"](opening, films, rng) is None
    assert changes["other_film"](opening, films, rng) is None


def test_heads_speak_of_edits_that_exist_and_every_edit_is_tried_on_overall() -> None:
    names = {edit.name for edit in EDITS}
    assert not {edit for head in DEFINITIONS for edit in head.edits} - names
    assert set(HEADS.get("overall").edits) == names


def test_a_split_without_recommender_turns_is_refused(corpus: Corpus) -> None:
    with pytest.raises(DataError, match="no recommender turn in the split 'valid'"):
        edit_replies({}, DEFINITIONS, corpus, split="valid")
