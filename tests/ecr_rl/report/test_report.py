from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ecr_rl.evaluation.bootstrap import Interval
from ecr_rl.evaluation.conversations import figures
from ecr_rl.evaluation.conversations.comparison import Comparison
from ecr_rl.evaluation.conversations.definitions import main_figures
from ecr_rl.evaluation.conversations.records import ConversationRecord, GoldRecord, Line, read_records, write_records
from ecr_rl.report.curves import read_curves, smoothed
from ecr_rl.report.facts import LABELS
from ecr_rl.report.record import Report
from ecr_rl.report.report import sample_pairs, write_report
from ecr_rl.report.summary import markdown_table
from ecr_rl.report.verdicts import reading, relative_change, verdict
from envs.dialogue import Role
from envs.errors import ConfigError, DataError, RunError
from envs.files import write_json
from tests.ecr_rl.example_run import START_HASH, conversation, example_records, turn, write_example_run
from tests.known_heads import DEFINITIONS, HEADS

compare = partial(figures.compare, heads=DEFINITIONS)

PLOTS = [
    "heads_compared.png",
    "heads_over_training.png",
    "learning_curves.png",
    "optimisation.png",
    "reward_over_kl.png",
]
ATTACK = "<script>alert('x')</script> & <img src=x onerror=alert(1)>"


class PageReader(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_example_run(tmp_path_factory.mktemp("run"))
    write_report(folder)
    return folder


@pytest.fixture(scope="module")
def report(run: Path) -> Report:
    return Report.read(run / "report" / "report.json", remedy="Write it anew")


@pytest.fixture(scope="module")
def page(run: Path) -> PageReader:
    reader = PageReader((run / "report" / "index.html").read_text(encoding="utf-8"))
    assert reader.open == []
    return reader


def strict_numbers(value: Any) -> Iterator[float]:
    if isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from strict_numbers(part)
    elif isinstance(value, float):
        yield value


def shifted(gain: float, noise: float = 0.0) -> Comparison:
    """A comparison whose reward differs by ``gain`` with some noise."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=60)
    baseline = [conversation(index, turn(reward=float(value))) for index, value in enumerate(values)]
    rl = [
        conversation(index, turn(reward=float(value + gain + noise * rng.normal())))
        for index, value in enumerate(values)
    ]
    return compare(baseline, rl, resamples=300)


def test_the_report_folder_holds_page_figures_and_plots(run: Path) -> None:
    assert sorted(file.name for file in (run / "report").iterdir()) == [
        *PLOTS[:2],
        "index.html",
        *PLOTS[2:4],
        "report.json",
        *PLOTS[4:],
    ]
    for name in PLOTS:
        assert (run / "report" / name).read_bytes().startswith(b"\x89PNG")


def test_report_json_has_the_agreed_form(run: Path) -> None:
    names = [figure.name for figure in main_figures(DEFINITIONS)]
    written = json.loads((run / "report" / "report.json").read_text(encoding="utf-8"))
    assert list(written["systems"]) == ["baseline", "rl"]
    assert list(written["systems"]["baseline"]) == list(written["systems"]["rl"]) == names
    assert list(written["difference"]) == names
    assert written["difference"]["reward"].keys() == {"mean", "low", "high"}
    assert written["n"] == 80
    assert written["missing"] == []
    assert np.isfinite(list(strict_numbers(written))).all()


def test_report_states_the_facts_of_the_run(report: Report, page: PageReader) -> None:
    assert set(LABELS) <= set(report.facts)
    assert report.facts["iterations"] == 40
    assert report.facts["start_weights_sha256"] == START_HASH
    assert {"2,431,617", "6 min 53 s", START_HASH} <= set(page.text)
    assert report.command == "ecr-rl demo --out runs/demo"
    assert report.command in page.text


def test_the_same_run_gives_the_same_report(run: Path) -> None:
    before = {file.name: file.read_bytes() for file in (run / "report").iterdir()}
    write_report(run)
    assert {file.name: file.read_bytes() for file in (run / "report").iterdir()} == before


def test_the_page_needs_nothing_outside_itself(run: Path, page: PageReader) -> None:
    assert "script" not in page.tags and "link" not in page.tags
    sources = [value for name, value in page.attributes if name in ("src", "href")]
    assert len(sources) == len(PLOTS)
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    text = (run / "report" / "index.html").read_text(encoding="utf-8")
    assert "http://" not in text and "https://" not in text and "@import" not in text and "url(" not in text


def test_the_page_shows_verdict_figures_formulas_and_limits(report: Report, page: PageReader) -> None:
    text = " ".join(" ".join(page.text).split())
    assert report.verdict[0] in text
    for definition in main_figures(DEFINITIONS):
        assert definition.label in text
        assert definition.formula in text
    assert "interval excludes 0" in text and "interval includes 0" in text
    shown = sum(value is not None for value in report.difference.values())
    assert (
        f"{shown} intervals at 95 %" in text and f"about {0.05 * shown:.1f} of them would exclude 0 by chance" in text
    )
    assert "Rubric's own overall" in text and "speak of this run's policy alone" in text
    assert "80 held-out dialogues of source sample" in text
    assert "say nothing about ReDial" in text
    assert report.more.sacrebleu is not None and report.more.sacrebleu.signature in text


def test_twenty_conversations_stand_side_by_side(run: Path, page: PageReader) -> None:
    assert page.tags.count("article") == 20
    heads = [text for text in page.text if text in HEADS]
    baseline, rl = (read_records(run / "evaluation" / f"{system}.jsonl") for system in ("baseline", "rl"))
    shown = sample_pairs(list(zip(baseline, rl, strict=True)), 20)
    assert len(heads) == len(HEADS) * sum(len(record.turns) for pair in shown for record in pair)
    for first, second in shown:
        assert first.index == second.index
        assert {*first.replies, *second.replies} <= set(page.text)


def test_samples_are_spread_evenly_whatever_their_reward() -> None:
    pairs = list(zip(example_records(0.0, 30), example_records(0.1, 30), strict=True))
    poor = [(first, replace(second, turns=[turn(reward=-9.0)])) for first, second in pairs]
    for each in (pairs, poor):
        assert [first.index for first, _ in sample_pairs(each, 10)] == list(range(0, 30, 3))
    assert len(sample_pairs(pairs[:3], 10)) == 3


def test_the_report_shows_its_bars(report: Report, page: PageReader) -> None:
    text = " ".join(" ".join(page.text).split())
    assert report.verdict[-1].startswith(f"{sum(bar.met is True for bar in report.bars)} of ")
    assert report.verdict[-1] in text
    assert {"met", "not met"} & {text.strip() for text in page.text}


def test_the_page_says_which_constraint_ruled_a_policy_out(run: Path) -> None:
    html = (run / "report" / "index.html").read_text()
    choice = html[html.index("Which policy is kept") : html.index("The run in numbers")]
    assert "Success: the supervised policy" in choice and "0.400, less 0.050 at most" in choice
    rows = PageReader(choice[choice.index("<table>") : choice.index("</section>")]).text
    readings = [text.strip() for text in rows if text.strip() in ("supervised", "kept", "violates Success")]
    assert readings == ["supervised", "kept", "violates Success"]


def test_every_text_is_escaped(tmp_path: Path) -> None:
    folder = write_example_run(tmp_path, dialogues=3, iterations=0)
    hostile = [
        ConversationRecord(index, 0, index, [Line(role=Role.SEEKER, text=ATTACK)], [turn(ATTACK, ATTACK)], [])
        for index in range(3)
    ]
    for system in ("baseline", "rl"):
        write_records(folder / "evaluation" / f"{system}.jsonl", hostile)
    write_json(folder / "evaluation" / "summary.json", {"command": ATTACK, "note": ATTACK})
    write_report(folder)
    reader = PageReader((folder / "report" / "index.html").read_text(encoding="utf-8"))
    assert "script" not in reader.tags
    assert not [name for name, _ in reader.attributes if name.startswith("on")]
    # Three dialogues with an opening, and a reply and an answer of each system; the command, a fact, and each system's
    # most frequent reply.
    assert sum(text.strip() == ATTACK for text in reader.text) == 3 * 5 + 2 + 2


def test_verdict_on_a_rise() -> None:
    sentence = verdict(shifted(0.5, noise=0.1))[0]
    assert sentence.startswith("RL raised held-out reward by 0.5")
    assert "95 % paired bootstrap interval over 60 held-out dialogues" in sentence


def test_verdict_on_a_fall_gives_its_size() -> None:
    sentence = verdict(shifted(-0.5))[0]
    assert sentence.startswith("RL lowered held-out reward by 0.500 [0.500, 0.500] a turn")


def test_verdict_is_honest_when_the_interval_includes_0() -> None:
    sentence = verdict(shifted(0.0, noise=1.0))[0]
    assert sentence.startswith("RL did not measurably change held-out reward")
    assert sentence.endswith("includes 0.")
    same = example_records(0.0, 20)
    assert verdict(compare(same, same, resamples=50))[0].startswith("RL did not measurably change")


def test_verdict_without_a_reward_says_so() -> None:
    assert verdict(compare([conversation(0)], [conversation(0)], resamples=5)) == [
        "Held-out reward cannot be compared: a system has no turns with a reward."
    ]


def test_verdict_names_the_second_evaluator_and_the_texts() -> None:
    baseline = [conversation(index, turn("a b c d", held_out={"overall": 0.5 + index / 100})) for index in range(9)]
    rl = [conversation(index, turn("a b a b a", held_out={"overall": 0.4 + index / 100})) for index in range(9)]
    _, second, texts = verdict(compare(baseline, rl, resamples=50))
    # the baseline's deviation of 0, ..., 8 hundredths is sqrt(60 / 9) hundredths: 10 of them are 3.873 of it
    lower = "The reporting evaluator, which PPO never saw, scores RL lower: -3.873 ["
    assert second.startswith(lower), second
    assert "standard deviations of the baseline's conversations; at equal length -3.873 [" in second
    assert "The rubric" not in second, "it scores both alike, and so has no unit"
    assert texts.startswith("Relative to the baseline: DIST-2 -50.0 %")
    assert texts.endswith("mean reply length +25.0 %.")


def test_verdict_tells_the_rubrics_own_score_and_its_origin() -> None:
    turns = [turn(held_out={"overall": i / 10}, rubric={"overall": i / 20}) for i in range(12)]
    baseline = [conversation(i, turns[i]) for i in range(9)]
    rl = [conversation(i, turns[i + 3]) for i in range(9)]
    said = verdict(compare(baseline, rl, resamples=50))[1]
    assert "The rubric's own score, which that evaluator predicts and which shares its origin with the reward" in said
    assert "moves by +1.162 [" in said


def test_relative_change_of_nothing_is_unknown() -> None:
    silent = [conversation(0, turn(""))]
    assert relative_change(compare(silent, silent, resamples=5), "length") is None


@pytest.mark.parametrize(
    ("name", "difference", "expected"),
    [
        ("reward", Interval(1.0, 0.5, 1.5), "better"),
        ("reward", Interval(-1.0, -1.5, -0.5), "worse"),
        ("reward", Interval(1.0, 0.0, 2.0), "unclear"),
        ("repetition", Interval(-1.0, -1.5, -0.5), "better"),
        ("kl", Interval(1.0, 0.5, 1.5), "changed"),
        ("length", None, "no data"),
    ],
)
def test_a_difference_is_read_by_its_interval_and_direction(
    name: str, difference: Interval | None, expected: str
) -> None:
    definition = next(figure for figure in main_figures(DEFINITIONS) if figure.name == name)
    assert reading(definition, difference) == expected


def test_markdown_table_has_one_row_a_figure(report: Report) -> None:
    rows = [line for line in markdown_table(report, DEFINITIONS).splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == list(report.difference)
    assert {row.count("|") for row in rows} == {6}
    assert "80 held-out dialogues" in markdown_table(report, DEFINITIONS)


def test_a_run_without_metrics_has_no_learning_curves(tmp_path: Path) -> None:
    folder = write_example_run(tmp_path, dialogues=4)
    (folder / "metrics.jsonl").unlink()
    report = write_report(folder)
    plots = sorted(file.name for file in (folder / "report").glob("*.png"))
    assert plots == ["heads_compared.png", "reward_over_kl.png"]
    assert report.missing == ["facts.iterations"]


def test_what_was_not_measured_is_null_and_named_everywhere(tmp_path: Path) -> None:
    folder = write_example_run(tmp_path, dialogues=4, iterations=0)
    for system in ("baseline", "rl"):
        bare = [conversation(index, turn(kl=None, held_out={}, heads={})) for index in range(4)]
        write_records(folder / "evaluation" / f"{system}.jsonl", bare)
    (folder / "evaluation" / "summary.json").write_text('{"epochs": 2, "policy_loss": NaN}')
    report = write_report(folder)
    assert report.difference["kl"] is None
    assert {"kl", "held_out_overall", *HEADS, "bleu1", "facts.policy_loss", "facts.tokens"} <= set(report.missing)
    assert Report.read(folder / "report" / "report.json", remedy="Write it anew") == report
    page = (folder / "report" / "index.html").read_text(encoding="utf-8")
    assert "no data" in page and "not recorded" in page and "nan" not in page.lower().split()
    assert "no data" in markdown_table(report, DEFINITIONS)


def test_curves_keep_the_last_line_of_an_iteration(tmp_path: Path) -> None:
    lines = [
        {"time": 1, "stage": "sft", "step": 1, "total": 2, "loss": 3.0},
        {"time": 2, "stage": "ppo", "step": 2, "total": 2, "reward_mean": 0.1, "policy_loss": None},
        {"time": 3, "stage": "ppo", "step": 1, "total": 2, "reward_mean": 0.4, "policy_loss": None},
        {"time": 4, "stage": "ppo", "step": 2, "total": 2, "reward_mean": 0.2, "policy_loss": None, "entropy": 2},
    ]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    curves = read_curves(tmp_path)
    assert curves.steps.tolist() == [1, 2]
    assert curves.values["reward_mean"].tolist() == [0.4, 0.2]
    assert np.isnan(curves.values["entropy"][0])
    assert "policy_loss" not in curves.values and "loss" not in curves.values


def test_smoothing_leaves_gaps_out() -> None:
    values = np.array([1.0, np.nan, 3.0, 5.0])
    assert smoothed(values, 3).tolist() == [1.0, 2.0, 4.0, 4.0]
    assert np.isnan(smoothed(np.array([np.nan, np.nan]), 3)).all()


def test_a_folder_that_is_no_finished_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no run there"):
        write_report(tmp_path)
    folder = write_example_run(tmp_path / "run", dialogues=2)
    (folder / "evaluation" / "rl.jsonl").unlink()
    with pytest.raises(DataError, match="Run the evaluation first"):
        write_report(folder)
    (folder / "evaluation" / "summary.json").write_text("[]")
    with pytest.raises(RunError, match="an object of facts"):
        write_report(folder)
    (folder / "evaluation" / "summary.json").unlink()
    with pytest.raises(RunError, match="Evaluate the run first"):
        write_report(folder)
    (folder / "config.yaml").write_text("wrong: 1\n")
    with pytest.raises(ConfigError, match="wrong"):
        write_report(folder)
    assert not (folder / "report").exists()


def test_dialogues_that_end_early_are_shown(tmp_path: Path) -> None:
    folder = write_example_run(tmp_path, dialogues=2, iterations=0)
    gold = [GoldRecord("a b", "a b", 0.5)]
    short = [conversation(index, turn(), gold=gold) for index in range(2)]
    long = [conversation(index, turn(), turn(), turn(cut=True, accepted=True), gold=gold) for index in range(2)]
    write_records(folder / "evaluation" / "baseline.jsonl", short)
    write_records(folder / "evaluation" / "rl.jsonl", long)
    write_report(folder)
    page = (folder / "report" / "index.html").read_text(encoding="utf-8")
    assert page.count("The conversation has ended.") == 2, "once for each dialogue"
    assert "accepted · cut at the token limit" in page
