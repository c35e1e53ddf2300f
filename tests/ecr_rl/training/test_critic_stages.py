"""The critic's stages on a small corpus: they learn, leave folders that load, and repeat themselves."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
from typer.testing import CliRunner

from algorithms.critic.critic import Critic
from algorithms.evaluators.ridge import WordRidge
from algorithms.recommender.recommender import Recommender
from algorithms.settings.critic import CriticSettings
from algorithms.settings.recommender import RecommenderSettings
from ecr_rl.cli import app
from ecr_rl.evaluation.critic.learnt_part import learnt_part
from ecr_rl.labels.judge_folder import context_of, judge_of, write_judge_folder
from ecr_rl.labels.judging.judges import rubric_maker
from ecr_rl.labels.judging.rubric import RubricJudge
from ecr_rl.labels.labelling import label_examples, plan_of
from ecr_rl.labels.replies.examples import human_examples
from ecr_rl.labels.storage.store import read_labels
from ecr_rl.settings import ContextForm
from ecr_rl.training.critic import build_critic, targets_of
from ecr_rl.training.parts import build_recommender, build_reporting_evaluator
from envs.corpora.corpus import Corpus
from envs.corpora.embedded.sample import sample_corpus
from envs.dialogue import Role, Utterance
from envs.errors import DataError
from envs.heads import Exchange
from tests.ecr_rl.label_rows import folder_of, row
from tests.known_heads import HEADS, JUDGED

SETTINGS = CriticSettings(steps=80, batch_size=16, max_tokens=48, evaluate_every=40, learning_rate=2e-3)


def silent(done: int, total: int, figures: Mapping[str, float]) -> None:
    pass


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    dialogues, catalog = sample_corpus(260)
    splits = tuple(dialogues[:200]), tuple(dialogues[200:230]), tuple(dialogues[230:])
    return Corpus("sample", *splits, catalog, {})


@pytest.fixture(scope="module")
def labels(corpus: Corpus, ray_session: object, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("labels")
    write_judge_folder(folder, corpus.catalog, None, ContextForm.RICH, HEADS)
    label_examples(
        plan_of(corpus, 1000, 0, rubric_maker(corpus.catalog, None, ContextForm.RICH, HEADS), ContextForm.RICH), folder
    )
    return folder


@pytest.fixture(scope="module")
def critic_folder(labels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("critic")
    build_critic(labels, SETTINGS, folder, silent)
    return folder


def test_a_critic_learns_and_says_how_well(corpus: Corpus, critic_folder: Path) -> None:
    figures = json.loads((critic_folder / "metrics.json").read_text())
    assert set(figures["heads"]) == set(HEADS)
    assert set(figures["heads"]["overall"]) == {"r2", "r2_length", "spearman", "mae"}
    for head in ("empathy", "informativeness", "engagement"):  # 80 steps do not teach which film suits whom
        row = figures["heads"][head]
        assert row["r2"] > row["r2_length"], head
    assert judge_of(critic_folder, corpus.catalog, context_of(critic_folder)).name == "rubric"
    assert not list(critic_folder.glob("training-*"))


def test_it_hears_the_difference_between_cold_and_warm(critic_folder: Path) -> None:
    context = (Utterance(Role.SEEKER, "I feel sad today. Can you recommend some action films?"),)
    warm = "I'm so sorry to hear that, I hope you feel better soon! What kind of films do you like?"
    cold = "Whatever, that is your problem. Just pick one."
    scores = Critic.load(critic_folder).score([Exchange(context, warm), Exchange(context, cold)]).mean
    for head in ("empathy", "engagement", "overall"):
        assert scores[0, HEADS.index(head)] > scores[1, HEADS.index(head)]


def test_overall_is_measured_and_not_learnt_again(corpus: Corpus, critic_folder: Path) -> None:
    evidence = [example.evidence for example in human_examples(corpus.splits["test"], corpus.catalog)]
    critic, judge = Critic.load(critic_folder), judge_of(critic_folder, corpus.catalog, context_of(critic_folder))
    scores = critic.score([piece.exchange for piece in evidence])
    labels = judge.judge(evidence)
    column = HEADS.index("overall")
    assert scores.mean[:, column] == pytest.approx(labels.values[:, column], abs=1e-5)
    assert (scores.spread[:, column] < 0.1).all()  # cut replies, of which the judge alone knows
    weights = judge.provenance["people"]["overall"]["weights"]  # pyright: ignore[reportIndexIssue]
    assert all(set(entry) == {"weight", "interval"} for entry in weights.values())


def test_a_critic_of_several_judges_leaves_overall_to_them_and_says_what_they_learnt_from(
    labels: Path, tmp_path: Path
) -> None:
    shutil.copytree(labels, tmp_path / "labels")
    facts = json.loads((labels / "labels.json").read_text(encoding="utf-8"))
    facts["judge"]["name"] = "rubric+transformers"
    (tmp_path / "labels" / "labels.json").write_text(json.dumps(facts), encoding="utf-8")
    build_critic(tmp_path / "labels", SETTINGS.model_copy(update={"steps": 2}), tmp_path / "critic", silent)
    assert not (tmp_path / "critic" / "people").exists()
    learnt = learnt_part(tmp_path / "critic")
    assert learnt is not None and learnt.sets == {"ab-redial", "ab-redial-dialogues"}


def test_a_critic_is_held_against_peoples_ratings(critic_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "ratings").mkdir()
    context = ["seeker: I feel sad today. Can you recommend some action films?"]
    replies = [f"I'm sorry to hear that, what do you like?{' Tell me.' * index}" for index in range(30)]
    lines = [
        {"dialogue": index // 3, "context": context, "response": reply, "ratings": {"relevance": [index, index + 1]}}
        for index, reply in enumerate(replies)
    ]
    (tmp_path / "ratings" / "own.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    given = ["critic", "evaluate", str(critic_folder), "--config", "demo", "--people", str(tmp_path / "ratings")]
    run = CliRunner().invoke(app, [*given, "--only-people", "--out", str(tmp_path / "report"), "--json"])
    assert run.exit_code == 0, run.output
    shown = json.loads(run.stdout)
    assert shown == json.loads((tmp_path / "report" / "people.json").read_text(encoding="utf-8"))
    (figures,) = shown["people_ratings"]["ratings"]
    assert (figures["data"], figures["n"], figures["groups"]) == ("own", 30, 10)
    assert set(figures["heads"]) == set(HEADS)
    assert figures["length"]["spearman"] == pytest.approx(1.0)
    assert figures["rubric"]["empathy"]["n"] == 30
    assert figures["rubric"]["bleu"]["spearman"] is None
    page = (tmp_path / "report" / "people.md").read_text(encoding="utf-8")
    assert "| own relevance | length | 30 | 1.00 [1.00, 1.00] |" in page
    refused = CliRunner().invoke(app, [*given[:5], "--only-people"])
    assert refused.exit_code == 2
    assert "needs --people" in refused.output


def test_the_same_seed_gives_the_same_weights(labels: Path, tmp_path: Path) -> None:
    short = SETTINGS.model_copy(update={"steps": 6, "evaluate_every": 3})
    hashes = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        build_critic(labels, short.model_copy(update={"seed": seed}), tmp_path / name, silent)
        hashes.append(Critic.load(tmp_path / name).weights_hash())
    assert hashes[0] == hashes[1] != hashes[2]


def test_progress_is_told_from_start_to_end(labels: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int, Mapping[str, float]]] = []
    short = SETTINGS.model_copy(update={"steps": 20, "evaluate_every": 10})
    build_critic(labels, short, tmp_path, lambda done, total, figures: told.append((done, total, figures)))
    assert [done for done, _, _ in told] == [0, 10, 20]
    assert {total for _, total, _ in told} == {20}
    assert "r2" in told[-1][2]


def test_the_reporting_evaluator_is_held_out(corpus: Corpus, tmp_path: Path) -> None:
    figures = build_reporting_evaluator(corpus, RubricJudge(corpus.catalog), "words", tmp_path, silent)
    assert set(figures["heads"]) == set(JUDGED)
    overall = figures["heads"]["overall"]
    assert overall["r2"] > max(0.1, overall["r2_length"])
    assert WordRidge.load(tmp_path).scores([Exchange((), "Hello!")]).shape == (1, 5)


def test_the_recommender_stage_leaves_a_folder(corpus: Corpus, tmp_path: Path) -> None:
    small = RecommenderSettings(members=1, width=16, batch_size=64)
    counts = [len(corpus.train) + len(corpus.valid), len(corpus.train)]
    for refit, count in zip((True, False), counts, strict=True):
        settings = small.model_copy(update={"refit": refit})
        assert build_recommender(corpus, settings, tmp_path / str(refit), silent)["dialogues"] == count
        assert Recommender.load(tmp_path / str(refit)).settings == settings
    assert len(Recommender.load(tmp_path / "True").propose([[]], 2)[0]) == 2


def test_a_corpus_without_recommender_turns_is_refused(corpus: Corpus) -> None:
    empty = Corpus("sample", (), (), (), corpus.catalog, {})
    with pytest.raises(DataError, match="no recommender turn"):
        plan_of(empty, 10, 0, rubric_maker(empty.catalog, None, ContextForm.RICH, HEADS), ContextForm.RICH)


def test_a_killed_training_goes_on_to_the_same_weights(labels: Path, tmp_path: Path) -> None:
    short = SETTINGS.model_copy(update={"steps": 12, "evaluate_every": 4})

    def kill(done: int, total: int, figures: Mapping[str, float]) -> None:
        if done == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_critic(labels, short, tmp_path / "killed", kill)
    told: list[int] = []
    build_critic(labels, short, tmp_path / "killed", lambda done, total, figures: told.append(done))
    build_critic(labels, short, tmp_path / "whole", silent)
    assert 4 not in told
    assert told[-1] == 12
    killed, whole = (Critic.load(tmp_path / name).weights_hash() for name in ("killed", "whole"))
    assert killed == whole


@pytest.mark.slow
def test_two_workers_train_one_critic(labels: Path, ray_session: object, tmp_path: Path) -> None:
    figures = build_critic(labels, SETTINGS.model_copy(update={"workers": 2, "steps": 40}), tmp_path, silent)
    assert figures["heads"]["empathy"]["r2"] > 0.2
    assert Critic.load(tmp_path).score([Exchange((), "Hello!")]).mean.shape == (1, len(HEADS))


def test_two_encoders_make_one_critic(labels: Path, tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"more_encoders": ("tiny",), "steps": 10, "evaluate_every": 10})
    figures = build_critic(labels, settings, tmp_path, silent)
    assert len(figures["step"]) == 2
    scores = Critic.load(tmp_path).score([Exchange((), "Hello!"), Exchange((), "Have you seen it?")])
    assert (scores.spread > 0).all()


def test_a_wrong_film_is_held_against_the_reply_it_was_made_from(tmp_path: Path) -> None:
    rows = [
        row("a", kind="wrong_film", dialogue="7", turn=3, reply="Try Saw (2004)."),
        row("b", kind="human", dialogue="7", turn=1),
        row("c", kind="human", dialogue="7", turn=3),
        row("d", kind="wrong_film", dialogue="8", turn=3),
        row("e", kind="cold", dialogue="7", turn=3),
        row("f", split="valid", kind="human", dialogue="7", turn=3),
    ]
    folder = folder_of(tmp_path / "labels", rows)
    targets = targets_of(read_labels(folder), folder, "train")
    assert targets.originals.tolist() == [2, -1, -1, -1, -1]


def test_labels_of_one_split_alone_are_refused(labels: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no labels"):
        build_critic(tmp_path, SETTINGS, tmp_path / "critic", silent)
