"""``recommend`` and ``bench recommend`` as people run them."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from typer.testing import CliRunner

from algorithms.recommender.cross_fitted import FITS, TRAIN
from algorithms.settings.recommender import Part
from ecr_rl.cli import app
from ecr_rl.evaluation.bootstrap import Interval
from ecr_rl.evaluation.recommender.recommendation import Figures, RecommenderEvaluation
from ecr_rl.recommender_answer import read_dialogue
from ecr_rl.report.recommendation_tables import recommendation_tables
from envs.catalog import Catalog, Film
from envs.dialogue import Role, Utterance
from envs.errors import DataError

CATALOG = Catalog([Film(1, "Alien", 1979), Film(2, "The Conjuring", 2013)])


def invoke(*arguments: str, text: str | None = None) -> Any:
    return CliRunner().invoke(app, [*map(str, arguments)], input=text)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("config") / "small.yaml"
    file.write_text("data: {source: sample, limit: 120}\nrecommender: {members: 1, width: 16, batch_size: 64}\n")
    return str(file)


@pytest.fixture(scope="module")
def folder(config: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    place = tmp_path_factory.mktemp("recommenders") / "small"
    result = invoke("recommend", "train", config, "--out", str(place), "--json")
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)["figures"]
    assert figures == {"films": 448, "films_with_genres": 448, "dialogues": 240, "emotions": "lexicon"}
    return str(place)


def test_training_never_writes_over_a_folder(folder: str, config: str) -> None:
    before = sorted(Path(folder).iterdir())
    result = invoke("recommend", "train", config, "--out", folder)
    assert result.exit_code == 2
    assert "exists already" in result.stderr
    assert sorted(Path(folder).iterdir()) == before


def test_a_failed_training_leaves_nothing(config: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise DataError("no luck")

    monkeypatch.setattr("ecr_rl.training.parts.build_recommender", fail)
    assert invoke("recommend", "train", config, "--out", str(tmp_path / "new")).exit_code == 1
    assert not list(tmp_path.iterdir())


def test_evaluation_gives_figures_rows_and_predictions(folder: str, config: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- recommend full -->\n<!-- /recommend -->\n")
    line = ["recommend", "evaluate", folder, "--config", config, "--protocol", "full", "--rows"]
    result = invoke(*line, "--json", "--predictions", str(tmp_path / "p.jsonl"), "--into", str(page))
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (found["protocol"], found["split"]) == ("full", "test")
    assert set(found["figures"]["r@10"]) == {"mean", "low", "high"}
    assert list(found["rows"]) == ["popularity", "copy the last films", "co-occurrence", "BM25"]
    lines = (tmp_path / "p.jsonl").read_text().splitlines()
    assert len(lines) == found["cases"]
    assert sum(len(json.loads(line)["targets"]) for line in lines) == found["mentions"]
    assert "| BM25 |" in page.read_text()
    assert "published" not in page.read_text(), "those are figures of ReDial"


def test_validation_dialogues_judge_no_recommender_that_learnt_from_them(
    folder: str, config: str, tmp_path: Path
) -> None:
    line = ["recommend", "evaluate", "--config", config, "--split", "valid", "--json"]
    refused = invoke(*line, folder)
    assert refused.exit_code == 1 and "recommender.refit=false" in refused.stderr
    held_out = str(tmp_path / "choose")
    result = invoke("recommend", "train", config, "--out", held_out, "-s", "recommender.refit=false", "--json")
    assert json.loads(result.stdout)["figures"]["dialogues"] == 120
    assert json.loads((tmp_path / "choose" / "recommender.json").read_text())["settings"]["refit"] is False
    assert json.loads(invoke(*line, held_out).stdout)["split"] == "valid"
    shutil.copytree(folder, tmp_path / "run")
    shutil.copytree(held_out, tmp_path / "run" / FITS / TRAIN)
    figures = [json.loads(invoke(*line, given).stdout)["figures"] for given in (held_out, str(tmp_path / "run"))]
    assert figures[0] == figures[1], "of a run the recommender of the train dialogues is judged"


@pytest.mark.slow
def test_an_ablation_leaves_out_each_part_and_keeps_what_it_has(config: str, tmp_path: Path) -> None:
    file, page = tmp_path / "ablation.json", tmp_path / "page.md"
    page.write_text("<!-- recommend ablation -->\n<!-- /recommend -->\n")
    line = ["recommend", "ablate", config, "-s", "data.limit=25", "--out", str(file), "--into", str(page), "--json"]
    result = invoke(*line)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert list(found["rows"]) == ["whole", *get_args(Part)]
    assert found["rows"]["ridge"]["dedup"] != found["rows"]["whole"]["dedup"]
    assert "| without ridge |" in page.read_text()
    found["rows"]["whole"]["dedup"]["r@1"]["mean"] = 9.0
    del found["rows"]["ridge"]
    file.write_text(json.dumps(found))
    again = json.loads(invoke(*line).stdout)["rows"]
    assert again["whole"]["dedup"]["r@1"]["mean"] == 9.0 and "ridge" in again
    other = json.loads(invoke(*line, "-s", "recommender.width=8").stdout)["rows"]
    assert other["whole"]["dedup"]["r@1"]["mean"] < 9.0, "other settings keep no row"
    file.write_text("{}")
    assert "holds no ablation" in invoke(*line).stderr


def test_published_rows_stand_beside_the_official_test_split_only() -> None:
    interval = Interval(0.25, 0.2, 0.3)
    figures: Figures = {"r@1": interval, "r@10": interval, "r@50": None, "auc": interval}
    found = RecommenderEvaluation("x", "redial", "dedup", "test", 1, 1, figures, {})
    recall, others = recommendation_tables(found)
    assert recall.rows[0] == ["x", "0.250 [0.200, 0.300]", "0.250 [0.200, 0.300]", "-"]
    assert ["ECR, published", "0.026", "0.181", "0.337"] in recall.rows
    assert others.rows == [["AUC", "0.250 [0.200, 0.300]"]]
    for other in (replace(found, split="valid"), replace(found, corpus="sample")):
        assert len(recommendation_tables(other)[0].rows) == 1


def test_a_dialogue_is_read_from_lines_and_titles() -> None:
    text = "Hello: hi\nrecommender: Alien (1979)?\nor The Conjuring\n\nSeeker: seen @1"
    assert read_dialogue(text, CATALOG) == (
        Utterance(Role.SEEKER, "Hello: hi"),
        Utterance(Role.RECOMMENDER, "@1? or @2"),
        Utterance(Role.SEEKER, "seen @1"),
    )
    with pytest.raises(DataError, match="@77"):
        read_dialogue("seeker: @77", CATALOG)


def test_asking_gives_films_with_their_reasons(folder: str) -> None:
    text = "seeker: I loved The Conjuring (2013), something scary\nrecommender: ok"
    result = invoke("recommend", "ask", folder, "-", "--count", "4", "--json", text=text)
    assert result.exit_code == 0, result.output
    films = json.loads(result.stdout)["films"]
    assert len(films) == 4
    assert all(film["title"] != "The Conjuring" for film in films)
    assert films[0]["genres"]
    named = [row["title"] for film in films for row in film["mentions"]]
    assert set(named) == {"The Conjuring (2013)"}
    shown = invoke("recommend", "ask", folder, text, "--count", "2")
    assert films[0]["title"] in shown.stdout and "The Conjuring (2013)" in shown.stdout


def test_bench_says_how_long_one_dialogue_takes(folder: str) -> None:
    result = invoke("bench", "recommend", folder, "--count", "30", "--json")
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    assert 0 < figures["p50_ms"] <= figures["p99_ms"]
    assert (figures["n"], figures["threads"], figures["encoder_share"]) == (30, 1, 0.0)


def test_a_dialogue_that_is_no_unicode_is_read_with_the_replacement_character(folder: str) -> None:
    result = invoke("recommend", "ask", folder, "In a cafe\u0301 \udcff", "--count", "1", "--json")
    assert json.loads(result.stdout_bytes.decode("utf-8"))["dialogue"] == ["seeker: In a café \ufffd"]


def test_a_dialogue_on_stdin_that_is_no_text_is_refused(folder: str) -> None:
    result = CliRunner().invoke(app, ["recommend", "ask", folder, "-"], input=b"I loved \xff")
    assert result.exit_code == 1
    assert "stdin, line 1: not UTF-8 text" in result.stderr


def test_a_mention_of_thousands_of_digits_names_no_film(folder: str) -> None:
    result = invoke("recommend", "ask", folder, "@" + "1" * 5_000)
    assert result.exit_code == 1
    assert "knows no film @11111111111111111111." in result.stderr


def test_a_folder_without_a_recommender_is_named(tmp_path: Path) -> None:
    result = invoke("recommend", "ask", str(tmp_path), "hi")
    assert result.exit_code == 2
    assert "holds no recommender" in result.stderr
