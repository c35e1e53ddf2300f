"""The responder's stage and its evaluation: weights, figures by hand, and the two commands in small."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import load_file
from typer.testing import CliRunner

from algorithms.readers.emotions import LexiconEmotions
from algorithms.settings.recommender import RecommenderSettings
from ecr_rl.cli import app
from ecr_rl.config import load_config
from ecr_rl.evaluation.bootstrap import Ratio, draw, interval
from ecr_rl.evaluation.responder.independent_emotions import independent_emotions
from ecr_rl.evaluation.responder.response_cases import GoldCases, Likelihood, Responder, human_likelihoods
from ecr_rl.evaluation.responder.response_figures import Measure, Perplexity, ResponseEvaluation, Said, template
from ecr_rl.report.response_report import response_tables
from ecr_rl.training.parts import build_cross_fitted
from ecr_rl.training.responder import build_responder, empathy_weights
from envs.corpora.corpus import Corpus
from envs.corpora.embedded.sample import sample_corpus
from envs.errors import EcrError, ModelError
from envs.settings import EnvSettings
from tests.algorithms.doubles import POLICY, tiny_policy_folder
from tests.envs.doubles import CONJURING, HEAT, ScriptedRecommender, dialogue, six_films, three_dialogues

TALK = [
    dialogue("S: I feel sad\nR: I am so sorry, I hope you feel better!\nS: ok\nR: @12", 0),
    dialogue("S: A film?\nR: whatever, stop asking", 1),
]


def test_warm_replies_are_learnt_more_and_the_mean_weight_is_one() -> None:
    weights = empathy_weights(TALK, six_films(), LexiconEmotions(), 1.0)
    assert weights.keys() == {(0, 1), (0, 3), (1, 1)}
    assert weights[0, 1] > weights[0, 3] > weights[1, 1] > 0
    assert np.mean(list(weights.values())) == pytest.approx(1.0)
    stronger = empathy_weights(TALK, six_films(), LexiconEmotions(), 3.0)
    assert stronger[0, 1] > weights[0, 1] and stronger[1, 1] < weights[1, 1]
    assert empathy_weights(TALK, six_films(), LexiconEmotions(), 0.0) == {}


def test_films_are_templates_on_both_sides() -> None:
    assert template("Try @11 , or @12 !") == "Try <movie>, or <movie>!"
    assert template("Good evening") == "Good evening"


def measured(replies: list[str], asked: list[tuple[str, ...]], **likelihoods: Likelihood) -> dict[str, float | None]:
    """The figures of replies to the four turns of two dialogues."""
    gold = GoldCases(three_dialogues(), six_films(), [(0, 1), (0, 3), (1, 0), (1, 2)])
    assert gold.human == ["Try @11 then", "It has ghosts", "Hello!", "@14 is lovely"]
    carried = [("grateful",)] * 3 + [("neutral",)]
    as_asked = ["thanks", "no", "I love it", "thanks"]
    statistics = Measure(gold, asked, carried, LexiconEmotions()).statistics(Said(replies, likelihoods, as_asked))
    found = {name: interval(statistic, draw(2, 50, 0)) for name, statistic in statistics.items()}
    return {name: None if value is None else value.mean for name, value in found.items()}


def test_figures_by_hand() -> None:
    likelihood = Likelihood(np.array([4.0, 0.0, 2.0, 2.0]), np.array([3.0, 0.0, 1.0, 2.0]))
    figures = measured(
        ["Try @12 then", "It has thanks", "Hello!", ""],
        [("neutral",), ("grateful", "neutral"), ("happy",), ("like",)],
        perplexity=likelihood,
    )
    assert figures["bleu1"] == pytest.approx((1 + 2 / 3 + 1 + 0) / 4)
    assert figures["bleu2"] == pytest.approx((1 + 1 / 2 + 0 + 0) / 4)
    assert figures["dist1_sentences"] == pytest.approx(7 / 3)  # three replies say something
    assert figures["dist1_all"] == pytest.approx(1.0)
    assert figures["film_share"] == pytest.approx(1 / 4)
    assert figures["words"] == pytest.approx(7 / 4)
    assert figures["perplexity"] == pytest.approx(np.exp(8 / 6))
    assert figures["emotion_asked"] == pytest.approx(1 / 3)  # thanks where grateful was asked; nothing elsewhere
    assert figures["emotion_followed"] == pytest.approx(1 / 3)
    lexicon = LexiconEmotions().read(["It has thanks", "It has ghosts", "is lovely"]).nine
    cosines = [
        1.0,
        lexicon[0] @ lexicon[1] / np.linalg.norm(lexicon[0]),
        1.0,
        lexicon[2, 5] / np.linalg.norm(lexicon[2]),
    ]
    assert figures["emotion_cosine"] == pytest.approx(np.mean(cosines), rel=1e-5)


def test_emotions_have_no_figure_where_nothing_but_neutral_is_asked() -> None:
    assert measured(["Hi"] * 4, [("neutral",)] * 4)["emotion_asked"] is None


def test_perplexity_of_a_resample_is_of_its_own_dialogues() -> None:
    figure = Perplexity(Ratio(np.array([2.0, 0.0, 9.0]), np.array([1.0, 0.0, 3.0])))
    np.testing.assert_allclose(figure.over(np.array([[2.0, 1.0, 0.0], [1.0, 0.0, 1.0]])), np.exp([2.0, 11 / 4]))
    assert figure.present.tolist() == [True, False, True]
    assert figure.restricted(np.array([True, True, False])).over(np.ones((1, 3))) == pytest.approx(np.exp(2.0))


def test_cases_are_spread_over_the_dialogues() -> None:
    dialogues = [dialogue("S: Hi\nR: Hello\nS: Well\nR: Bye", index) for index in range(10)]
    assert GoldCases.spread(dialogues, six_films(), 5).cases == [(index, 1) for index in (0, 2, 4, 6, 8)]
    assert len(GoldCases.spread(dialogues, six_films(), None).cases) == 20


def test_likelihood_is_of_one_text_whatever_is_shown(tmp_path: Path) -> None:
    folder = tiny_policy_folder(tmp_path)
    responder = Responder("tiny", folder, POLICY, EnvSettings(max_history=2))
    gold = GoldCases.spread([*three_dialogues(), dialogue("S: Hi\nR: @11 @12 @13", 3)], six_films(), None)
    found = human_likelihoods(responder, gold, ScriptedRecommender(CONJURING, HEAT))
    assert found.keys() == {"perplexity", "perplexity_human"}
    assert found["perplexity"].words.tolist() == found["perplexity_human"].words.tolist()
    assert found["perplexity"].words[-1] == found["perplexity"].nats[-1] == 0, "three films do not fit a proposal"
    words = dict(zip(gold.cases, found["perplexity"].words, strict=True))
    assert words[0, 1] == 3 and words[2, 3] == 1
    assert (found["perplexity"].nats != found["perplexity_human"].nats).any()
    (folder / "responder.json").write_text('{"conditioning": "none"}')
    blind = human_likelihoods(Responder("blind", folder, POLICY, EnvSettings()), gold, ScriptedRecommender(HEAT))
    assert blind["perplexity"] is blind["perplexity_human"]


def test_who_measures_is_said(tmp_path: Path) -> None:
    assert not independent_emotions(None, "lexicon", tmp_path).independent
    assert independent_emotions(None, "goemotions", tmp_path).independent
    with pytest.raises(EcrError):
        independent_emotions(tmp_path / "nowhere", "lexicon", tmp_path)


SMALL = ["policy.layers=1", "policy.width=32", "policy.heads=2", "policy.vocabulary=500", "policy.max_new=40"]
SMALL += ["supervised.steps=4", "supervised.batch_size=4", "supervised.evaluate_every=4", "data.limit=40"]
SMALL += ["supervised.validation_rows=8", "supervised.warmup=1", "resources.driver_threads=1"]


def test_test_dialogues_change_nothing_that_is_trained(tmp_path: Path) -> None:
    dialogues, catalog = sample_corpus(dialogues=40)
    corpus = Corpus("sample", tuple(dialogues[:20]), tuple(dialogues[20:30]), tuple(dialogues[30:]), catalog, {})
    config = load_config("demo", SMALL)
    small = RecommenderSettings(members=1, width=16)
    build_cross_fitted(corpus, small, tmp_path / "recommender", lambda done, total, shown: None)
    for name, test in (("one", corpus.test), ("two", tuple(three_dialogues()))):
        build_responder(
            replace(corpus, test=test),
            tmp_path / "recommender",
            config,
            tmp_path / name,
            lambda done, total, shown: None,
        )
    for file in ("model.safetensors", "planner/planner.safetensors"):
        one, two = (load_file(tmp_path / name / file) for name in ("one", "two"))
        assert one.keys() == two.keys() and all(bool((one[name] == two[name]).all()) for name in one)


@pytest.fixture(scope="module")
def responders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``full`` and ``none``, trained by the command."""
    folder = tmp_path_factory.mktemp("responders")
    changes = [word for change in [*SMALL, f"cache={folder / 'cache'}"] for word in ("-s", change)]
    for name in ("full", "none"):
        line = ["respond", "train", "demo", "--out", str(folder / name), *changes, "--json"]
        done = CliRunner().invoke(app, [*line, "-s", f"supervised.conditioning={name}"])
        assert done.exit_code == 0, done.output
        figures = json.loads(done.stdout)["figures"]
        assert {"validation_loss", "perplexity_word", "planner"} <= figures.keys()
    return folder


def evaluated(*words: str) -> Any:
    return CliRunner().invoke(app, ["respond", "evaluate", "--replies", "12", *words])


def test_two_responders_are_compared_on_the_same_cases(responders: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- respond full -->\n<!-- /respond -->\n")
    pair = [str(responders / "full"), "--against", str(responders / "none")]
    done = evaluated(*pair, "--into", str(page), "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["n"] == 12 and found["split"] == "test"
    assert found["conditioned"] == {"responder": True, "against": False}
    assert found["difference"].keys() == found["formulas"].keys() == found["systems"]["responder"].keys()
    for name, difference in found["difference"].items():
        mine, other = (found["systems"][system][name]["mean"] for system in ("responder", "against"))
        if not name.startswith("emotion_asked"):
            assert difference["mean"] == pytest.approx(mine - other, abs=1e-9)
    human = found["systems"]["human"]
    assert "film_share" in human and "bleu1" not in human and "perplexity" not in human
    written = ResponseEvaluation.from_json(done.stdout, file=page, remedy="")
    assert page.read_text() == f"<!-- respond full -->\n{response_tables(written)}<!-- /respond -->\n"
    assert "no independent measurement" in page.read_text() and "reviews of films" in page.read_text()
    again = evaluated(*pair, "--json")
    assert json.loads(again.stdout) == found, "sampled replies are kept, and all else repeats itself"


def test_a_responder_that_was_shown_nothing_is_not_played(responders: Path) -> None:
    from algorithms.ppo.env_spec import EnvSpec
    from envs.settings import DataSettings, RewardSettings

    blind = responders / "none"
    world = EnvSpec(DataSettings(), EnvSettings(), RewardSettings(), blind, blind / "recommender", blind, None, 0)
    with pytest.raises(ModelError, match="conditioning=full"):
        world.build(1)


def test_a_folder_without_a_responder_is_refused(tmp_path: Path) -> None:
    refused = evaluated(str(tmp_path))
    assert refused.exit_code == 1
    assert "no run there" in refused.stderr and "Traceback" not in refused.stderr
