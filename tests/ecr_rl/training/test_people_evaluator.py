"""The evaluator of people: what it learns, what its folder holds, and the one that comes with the project."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from algorithms.evaluators.regression_figures import spearman
from algorithms.packaged_models import has_minilm
from algorithms.people import evaluator as module
from algorithms.people.evaluator import CARD, WEIGHTS, PeopleEvaluator, origin_of, shipped_folder, usable_evaluator
from algorithms.people.reply_features import ReplyFeatures
from algorithms.readers.sentences import WordSentences
from ecr_rl.training.people_evaluator import build_people_evaluator, fit_people_evaluator
from envs.dialogue import Role, Utterance
from envs.errors import DataError, ModelError
from envs.heads import Exchange
from envs.ratings.parts import EVALUATORS_PARTS, Part, part_of
from envs.ratings.reading import read_ratings
from envs.ratings.record import RatedDialogue, RatedReply, RatingSet

PEOPLE = Path(__file__).resolve().parents[4] / "shared" / "data" / "people"
AB_REDIAL = [PEOPLE / "turns-redial.jsonl", PEOPLE / "dialogues-redial.jsonl"]
ASKED = (Utterance(Role.SEEKER, "Any good comedy?"),)
GOOD, BAD = "A splendid comedy is Clue, number {}.", "A tedious comedy is Clue, number {}."
needs_minilm = pytest.mark.skipif(not has_minilm(), reason="the packaged MiniLM is not installed: make venv")


def rated(name: str = "mine", rating: str = "overall", count: int = 400) -> RatingSet:
    """Replies of which one word decides the rating; one dialogue in ten is rated as a whole as well."""
    replies, dialogues = [], []
    for index in range(count):
        reply = (GOOD if index % 2 else BAD).format(index)
        numbers = (5.0, 4.0) if index % 2 else (1.0, 2.0)
        replies.append(RatedReply(ASKED, reply, {rating: numbers}, str(index), f"made:{index}"))
        if index % 10 < 2:
            turns = (*ASKED, Utterance(Role.RECOMMENDER, reply))
            dialogues.append(RatedDialogue(turns, {rating: numbers}, str(index), f"made:{index}"))
    return RatingSet(name, tuple(replies), tuple(dialogues))


def exchanges(text: str, count: int = 20) -> list[Exchange]:
    return [Exchange(ASKED, text.format(900 + index)) for index in range(count)]


def silent(done: int, total: int, figures: object) -> None:
    return None


def test_a_word_that_people_like_decides() -> None:
    evaluator = fit_people_evaluator([rated()], "selecting", 0, WordSentences())
    good, bad = evaluator.scores(exchanges(GOOD)), evaluator.scores(exchanges(BAD))
    assert evaluator.heads == ("overall",)
    assert good.shape == (20, 1)
    assert bad.min() >= 0 and good.max() <= 1
    assert good.min() > bad.max() + 0.2


def test_empathy_is_a_head_where_reactions_are_rated() -> None:
    sets = [rated(), rated("epitome", "reactions")]
    evaluator = fit_people_evaluator(sets, "reporting", 0, WordSentences())
    assert evaluator.heads == ("overall", "empathy")
    assert evaluator.scores(exchanges(GOOD)).shape == (20, 2)
    assert set(evaluator.facts["sets"]["epitome"]) == {"source", "empathy"}


def test_a_rated_pool_has_its_mean_at_a_half() -> None:
    ratings = rated()
    evaluator = fit_people_evaluator([ratings], "selecting", 0, WordSentences())
    scores = evaluator.scores([reply.exchange for reply in ratings.replies])
    assert abs(scores.mean() - 0.5) < 0.03
    assert 0.1 < scores.std() < 0.4


def test_the_card_tells_what_was_learnt_from_and_how_well_it_carries_over(tmp_path: Path) -> None:
    sets = [rated("one"), rated("two", "satisfaction")]
    fit_people_evaluator(sets, "selecting", 3, WordSentences()).save(tmp_path)
    facts = PeopleEvaluator.load(tmp_path).facts
    learnt = sum(part_of(group, "one", 3) == "selecting" for group in sets[0].groups)
    assert (facts["part"], facts["seed"]) == ("selecting", 3)
    assert facts["sets"]["one"]["overall"]["groups"] == learnt < 150
    assert set(facts["leave_one_out"]["overall"]) == {"one", "two"}
    left_out = facts["leave_one_out"]["overall"]["two"]["satisfaction"]
    assert left_out["low"] <= left_out["rho"] <= left_out["high"]
    assert left_out["rho"] > 0.5
    assert facts["cross_validated"]["overall"]["one"]["overall"]["rho"] > 0.5
    assert origin_of(tmp_path) == "part selecting of one, two; seed 3"


def test_no_dialogue_is_learnt_from_by_two_evaluators() -> None:
    ratings = rated()
    parts = [{group for group in ratings.groups if part_of(group, "mine", 0) == part} for part in EVALUATORS_PARTS]
    assert not parts[0] & parts[1]
    # What one part says backwards does not reach the evaluator of the other.
    turned = [
        RatedReply(
            each.context, each.response, {"overall": tuple(6 - n for n in each.ratings["overall"])}, each.group, ""
        )
        if each.group in parts[0]
        else each
        for each in ratings.replies
    ]
    straight, backwards = (
        fit_people_evaluator([RatingSet("mine", tuple(replies), ())], "reporting", 0, WordSentences())
        for replies in (ratings.replies, turned)
    )
    assert (straight.scores(exchanges(GOOD)) == backwards.scores(exchanges(GOOD))).all()


def test_an_evaluator_survives_its_folder(tmp_path: Path) -> None:
    fitted = fit_people_evaluator([rated()], "selecting", 0, WordSentences())
    fitted.save(tmp_path)
    loaded = PeopleEvaluator.load(tmp_path)
    assert loaded.heads == fitted.heads
    assert (loaded.scores(exchanges(GOOD)) == fitted.scores(exchanges(GOOD))).all()
    (tmp_path / WEIGHTS).write_bytes(b"no weights")
    with pytest.raises(ModelError, match="Fit it again"):
        PeopleEvaluator.load(tmp_path)


def test_too_few_ratings_are_told_with_the_remedy() -> None:
    with pytest.raises(DataError, match=r"the part selecting .* people\.ratings"):
        fit_people_evaluator([rated(count=20)], "selecting", 0, WordSentences())


def test_features_of_odd_exchanges_are_finite() -> None:
    reader = ReplyFeatures(WordSentences())
    odd = [Exchange((), ""), Exchange((), "?"), Exchange(ASKED, "\ud800 \U0001f600 " * 4000)]
    assert reader.of(odd).shape == (3, reader.width)
    assert np.isfinite(reader.of(odd)).all()
    assert reader.of([]).shape == (0, reader.width)


@pytest.mark.parametrize("part", EVALUATORS_PARTS)
def test_the_shipped_evaluator_is_small_licensed_and_learnt_from_one_part_of_ab_redial(
    part: Part, tmp_path: Path
) -> None:
    figures = build_people_evaluator((), part, 7, tmp_path, silent)
    assert figures == {"shipped": part}
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 100_000
    assert "MIT License" in (tmp_path / "LICENSE-AB-ReDial").read_text(encoding="utf-8")
    assert origin_of(tmp_path).startswith(f"part {part} of ab-redial")
    assert {file.name for file in tmp_path.iterdir()} == {CARD, WEIGHTS, "LICENSE-AB-ReDial"}


def test_the_shipped_evaluators_are_packed() -> None:
    assert (files("algorithms.people") / "shipped" / "reporting" / CARD).is_file()
    root = Path(__file__).resolve().parents[3]
    assert '"people/shipped/*/*"' in (root / "setup.py").read_text(encoding="utf-8")


@needs_minilm
def test_the_shipped_evaluator_prefers_an_answer_to_none() -> None:
    evaluator = usable_evaluator(shipped_folder("reporting"))
    assert evaluator is not None
    context = (Utterance(Role.SEEKER, "Hi! I love scary films. Can you recommend one?"),)
    replies = ["Sure! Have you seen The Conjuring (2013)? It is a great scary film.", "bye"]
    answer, none = evaluator.scores([Exchange(context, reply) for reply in replies])[:, 0]
    assert 0 < none < answer < 1


@needs_minilm
@pytest.mark.skipif(not all(file.is_file() for file in AB_REDIAL), reason=f"AB-ReDial is not in {PEOPLE}")
@pytest.mark.slow
def test_the_shipped_evaluator_is_what_its_command_makes() -> None:
    from algorithms.readers.frozen_sentences import FrozenSentences

    sets = read_ratings(AB_REDIAL)
    fitted = fit_people_evaluator(sets, "reporting", 0, FrozenSentences())
    shipped = PeopleEvaluator.load(shipped_folder("reporting"))
    judged = [reply for each in sets for reply in each.replies if part_of(reply.group, each.name, 0) == "critic"][:150]
    mine, theirs = (each.scores([reply.exchange for reply in judged])[:, 0] for each in (fitted, shipped))
    assert np.abs(mine - theirs).max() < 0.02
    people = np.array([np.mean(reply.ratings["relevance"]) for reply in judged])
    assert spearman(people, theirs) > 0.3


def test_without_the_encoder_there_is_no_score_and_a_reason(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "has_minilm", lambda: False)
    assert usable_evaluator(shipped_folder("reporting")) is None
    assert "MiniLM is not installed" in caplog.text
    assert "MiniLM is not installed" in origin_of(shipped_folder("reporting"))
    assert usable_evaluator(None) is None
