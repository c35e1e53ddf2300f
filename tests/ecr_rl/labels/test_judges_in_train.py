"""Judges that a config names: labels of a chat model, of an endpoint and of several, up to the critic."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ecr_rl.config import RunConfig, load_config
from ecr_rl.labels.storage.store import LabelTable, read_labels
from ecr_rl.pipeline import Pipeline
from ecr_rl.runs.folder import RunFolder
from ecr_rl.runs.settings_key import settings_key
from ecr_rl.runs.stage import Stage
from envs.errors import ConfigError, ModelError
from tests.algorithms.chat_servers import fault_server, transformers_serve
from tests.ecr_rl.small_run import SMALL
from tests.known_heads import HEADS, JUDGED

REPLIES = 300
KEY = "sk-very-secret-2718"
TAIL = 6
"""Characters of a prompt that the chat model reads: its fence's end, ``c ====``."""


@pytest.fixture(scope="module")
def chat_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chat model of two narrow layers that reads the end of a prompt and scores every head by the hash there."""
    import torch
    from tokenizers import Tokenizer, pre_tokenizers
    from tokenizers.decoders import ByteLevel
    from tokenizers.models import BPE
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, set_seed

    folder = tmp_path_factory.mktemp("chat")
    letters = ["<s>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    characters = Tokenizer(BPE({letter: index for index, letter in enumerate(letters)}, []))
    split = pre_tokenizers.ByteLevel(add_prefix_space=False)
    characters.pre_tokenizer = split  # pyright: ignore[reportAttributeAccessIssue]
    characters.decoder = ByteLevel()  # pyright: ignore[reportAttributeAccessIssue]
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=characters, eos_token="<s>", pad_token="<s>")
    tokenizer.chat_template = f"{{{{ messages[-1].content[-{TAIL}:] }}}}"
    tokenizer.save_pretrained(folder)
    answers = [
        f"{digit} ===={json.dumps(dict.fromkeys(JUDGED, 1 + index % 5))}<s>"
        for index, digit in enumerate("0123456789abcdef")
    ]
    ids = torch.tensor(tokenizer(answers)["input_ids"])
    set_seed(0)
    shape: dict[str, Any] = {"hidden_size": 48, "intermediate_size": 96, "num_hidden_layers": 2}
    ends: dict[str, Any] = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0}
    config = LlamaConfig(vocab_size=len(tokenizer), num_attention_heads=4, max_position_embeddings=512, **shape, **ends)
    model: Any = LlamaForCausalLM(config)
    optimiser = torch.optim.AdamW(model.parameters(), 3e-3)
    targets = torch.cat([torch.full_like(ids[:, :TAIL], -100), ids[:, TAIL:]], dim=1)
    for _ in range(220):
        model(input_ids=ids, labels=targets).loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    model.save_pretrained(folder)
    return folder


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def config_of(cache: Path, *changes: str) -> RunConfig:
    small = [
        *SMALL,
        "data.limit=120",
        f"labels.count={REPLIES + 20}",
        "labels.policy=false",
        "labels.context=plain",
        f"cache={cache}",
    ]
    return load_config("demo", [*small, *changes])


def made(config: RunConfig, run: Path, part: str = "labels") -> Path:
    with RunFolder.create(run, config, resume=run.exists()) as folder:
        return getattr(Pipeline(config, folder), part)()


def kept(cache: Path) -> dict[Path, int]:
    """The shards of each judge's labels in the cache, with their times."""
    return {file: file.stat().st_mtime_ns for file in cache.glob("judged-*/part-*.parquet")}


def test_a_killed_chat_model_goes_on_labelling_and_is_merged_with_the_rubric(
    chat_model: Path, cache: Path, tmp_path: Path, ray_session: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_of(cache, "labels.judge=transformers", f"labels.model={chat_model}")
    update = Stage.update

    def killed(self: Stage, done: int, total: int, figures: Mapping[str, float]) -> None:
        update(self, done, total, figures)
        if figures.get("failed") is not None and done < total:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Stage, "update", killed)
        made(config, tmp_path / "run", "critic")
    begun = kept(cache)
    assert begun and not list(cache.glob("labels-*"))
    critic = made(config, tmp_path / "run", "critic")
    after = kept(cache)
    assert len(after) > len(begun) and {file: after[file] for file in begun} == begun
    card = json.loads((critic / "critic.json").read_text())["labels"]
    assert card["judge"]["name"] == "transformers" and card["counts"]["n"] >= REPLIES
    assert len(card["judge"]["prompt"]) == 12 and len(card["judge"]["weights"]) == 64
    assert set(json.loads((critic / "critic.json").read_text())["without_labels"]) == {"bleu"}

    both = config_of(
        cache,
        *("labels.judge=transformers", f"labels.model={chat_model}", "labels.weight=1"),
        "labels.more_judges=[{judge: rubric, context: plain, weight: 3}]",
    )
    folder = made(both, tmp_path / "both")
    assert {file: kept(cache)[file] for file in after} == after, "the chat model is asked nothing twice"
    joined = read_labels(folder)
    assert set(joined.column("judge")) == {"transformers+rubric"}
    one, other = (read_labels(part) for part in sorted(cache.glob("judged-*"), key=lambda part: _judge(part)))
    rubric, model = _values(one), _values(other)
    both_know = [HEADS.index(head) for head in JUDGED]
    mean = (model[:, both_know] + 3 * rubric[:, both_know]) / 4
    np.testing.assert_allclose(_values(joined)[:, both_know], mean, atol=2e-4)
    np.testing.assert_allclose(_values(joined)[:, HEADS.index("bleu")], rubric[:, HEADS.index("bleu")], atol=2e-4)
    weights = json.loads((folder / "agreement.json").read_text())["weights"]
    assert weights == {"by": "settings", "shares": {"transformers": 0.25, "rubric": 0.75}}
    assert "## Weights of the judges" in (folder / "README.md").read_text()
    assert (folder / "judge" / "judge.json").is_file() and (folder / "films.json").is_file()


def _judge(folder: Path) -> str:
    return json.loads((folder / "labels.json").read_text())["judge"]["name"]


def _values(table: LabelTable) -> np.ndarray:
    return np.where(table.labels.known, table.labels.values, np.nan)


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with fault_server() as server:
        yield server


def test_an_endpoint_labels_and_is_refused_where_its_answers_do_not_differ(
    endpoint: Any, cache: Path, tmp_path: Path, ray_session: object
) -> None:
    asked = ["labels.judge=openai", f"labels.endpoint={endpoint.url}", "labels.model=m", "labels.count=40"]
    config = config_of(cache, *asked, "labels.requests_per_minute=60000")
    with pytest.raises(ModelError, match=r"the judge openai is refused: its scores do not differ on .* labels\.prompt"):
        made(config, tmp_path / "run")
    tried = endpoint.calls
    endpoint.faults = [json.dumps(dict.fromkeys(JUDGED, 1 + index % 5)) for index in range(30)]
    varied = config_of(cache, *asked, "labels.requests_per_minute=60000", "labels.max_new=90")
    folder = made(varied, tmp_path / "varied")
    table = read_labels(folder)
    assert set(table.column("judge")) == {"openai"}
    assert endpoint.calls == tried + len(table), "the answers of the trial are kept"
    assert made(varied, tmp_path / "again") == folder and endpoint.calls == tried + len(table)
    files = [file for place in (cache, tmp_path) for file in place.rglob("*") if file.is_file()]
    assert not [file for file in files if KEY.encode() in file.read_bytes()]


@pytest.mark.slow
def test_a_critic_learns_from_a_real_server(
    chat_model: Path, cache: Path, tmp_path: Path, ray_session: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with transformers_serve(chat_model) as url:
        asked = ["labels.judge=openai", f"labels.endpoint={url}", f"labels.model={chat_model}", "labels.max_new=120"]
        critic = made(config_of(cache, *asked, "labels.timeout=300", "labels.count=60"), tmp_path / "run", "critic")
    card = json.loads((critic / "critic.json").read_text())["labels"]
    assert card["judge"]["name"] == "openai" and not card["counts"]["failed"]
    assert card["counts"]["heads"]["overall"]["std"] > 0.1


def test_a_prompt_is_known_by_its_text(tmp_path: Path) -> None:
    def key(file: Path) -> dict[str, Any]:
        more = f"labels.more_judges=[{{judge: openai, model: m, endpoint: 'http://127.0.0.1:1/v1', prompt: {file}}}]"
        own = config_of(tmp_path, "labels.judge=transformers", f"labels.prompt={file}")
        return {"one": settings_key(own, "labels"), "more": settings_key(config_of(tmp_path, more), "labels")}

    here, there = tmp_path / "here.txt", tmp_path / "there.txt"
    for file in (here, there):
        file.write_text("Be strict. {questions}")
    before = key(here)
    assert key(there) == before
    here.write_text("Be kind. {questions}")
    assert key(here)["one"] != before["one"] and key(here)["more"] != before["more"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("labels.judge=rubrik", "labels.judge: no judge 'rubrik'. Did you mean rubric?"),
        ("labels.more_judges=[{judge: rubrik}]", "labels.more_judges.0.judge: no judge 'rubrik'."),
        ("labels.more_judges=[{modle: m}]", "unknown key labels.more_judges.0.modle. Did you mean"),
        ("labels.prompt=p.txt", "the rubric is told nothing"),
        ("labels.more_judges=[{judge: openai, weight: 1}]", "some judges have a weight and others none"),
    ],
)
def test_a_judge_that_cannot_be_is_told_by_its_key(change: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_config("demo", [change])
    assert said in str(refused.value) and "Traceback" not in str(refused.value)
