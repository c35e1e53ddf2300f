"""``people weights``: weights from ratings of one's own, the sets left out, and slips."""

from __future__ import annotations

import json
from importlib.resources import files
from itertools import product
from pathlib import Path

import pytest
from typer.testing import CliRunner

from algorithms.people.measured_parts import PARTS
from algorithms.people.model import SHIPPED
from algorithms.people.overall_fit import OverallFit
from ecr_rl.cli import app

SEEKER = "seeker: I would like a scary film tonight."


def ratings(folder: Path) -> Path:
    """Two made sets in which replies that name a film and sound glad are rated up."""
    folder.mkdir()
    for name in ("first", "second"):
        lines = []
        for index in range(40):
            good = index % 2 == 0
            reply = f"I love The Conjuring (2013), a great horror film, number {index}!" if good else f"No, {index}."
            rating = [5, 4] if good else [1, 2]
            lines.append(
                {"dialogue": index, "context": [SEEKER], "response": reply, "ratings": {"satisfaction": rating}}
            )
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    (folder / "README.md").write_text("What people said.", encoding="utf-8")
    return folder


@pytest.fixture
def given(tmp_path: Path) -> list[str]:
    return ["people", "weights", str(ratings(tmp_path / "ratings")), "--source", "sample"]


def test_weights_are_fitted_and_held_against_each_set_left_out(given: list[str], tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Judges\n\n<!-- people weights -->\n<!-- /people -->\n", encoding="utf-8")
    run = CliRunner().invoke(app, [*given, "--out", str(tmp_path / "weights.json"), "--into", str(page), "--json"])
    assert run.exit_code == 0, run.output
    shown = json.loads(run.stdout)
    assert set(shown["weights"]["parts"]) == set(PARTS)
    assert {each["name"] for each in shown["left_out"]} == {"first", "second"}
    assert all(each["n"] == 40 and each["by_pull"]["10.0"] > 0.8 for each in shown["left_out"])
    fits = json.loads((tmp_path / "weights.json").read_text(encoding="utf-8"))
    assert OverallFit.from_json(fits["lexicon"]).to_json() == shown["weights"]
    assert "| first satisfaction | 40 |" in page.read_text(encoding="utf-8")


def test_of_one_set_nothing_is_left_out(given: list[str]) -> None:
    run = CliRunner().invoke(app, [*given, "--sets", "first", "--json"])
    assert run.exit_code == 0, run.output
    shown = json.loads(run.stdout)
    assert shown["left_out"] == [] and 20 <= shown["weights"]["facts"]["sets"]["first"] < 40  # the critic's part


def test_a_set_that_is_not_there_is_named(given: list[str]) -> None:
    run = CliRunner().invoke(app, [*given, "--sets", "third"])
    assert run.exit_code == 2
    assert "no ratings of third" in run.output and "first, second" in run.output


@pytest.mark.slow
def test_the_shipped_weights_are_those_that_the_command_fits(shared_data: Path, tmp_path: Path) -> None:
    given = [str(shared_data / "people"), "--sets", "ab-redial", "--sets", "ab-redial-dialogues"]
    given += ["--source", str(shared_data / "redial" / "redial_dataset.zip"), "--metadata", str(shared_data / "movies")]
    given += ["--goemotions", str(shared_data / "goemotions"), "--out", str(tmp_path / "weights.json")]
    run = CliRunner().invoke(app, ["people", "weights", *given])
    assert run.exit_code == 0, run.output
    fitted = json.loads((tmp_path / "weights.json").read_text(encoding="utf-8"))
    shipped = json.loads((files("algorithms.people") / "shipped" / SHIPPED).read_text(encoding="utf-8"))
    assert set(fitted) == set(shipped) == {"lexicon", "goemotions"}
    for reader, part in product(shipped, PARTS):
        assert fitted[reader]["parts"][part] == pytest.approx(shipped[reader]["parts"][part], abs=2e-3), (reader, part)


@pytest.mark.slow
def test_overall_goes_with_people_on_a_data_set_left_out(shared_data: Path, tmp_path: Path) -> None:
    given = [str(shared_data / "people"), "--source", str(shared_data / "redial" / "redial_dataset.zip")]
    given += ["--metadata", str(shared_data / "movies"), "--goemotions", str(shared_data / "goemotions"), "--json"]
    run = CliRunner().invoke(app, ["people", "weights", *given])
    assert run.exit_code == 0, run.output
    rho = {(each["name"], each["rating"]): each["by_pull"]["10.0"] for each in json.loads(run.stdout)["left_out"]}
    assert rho["ab-redial", "overall"] >= 0.35 and rho["ab-redial", "relevance"] >= 0.42
    assert rho["ccpe", "satisfaction"] >= 0.20
