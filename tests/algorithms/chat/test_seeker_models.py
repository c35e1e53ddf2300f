"""Language models behind a seeker: lines by (seed, prompt), faults that are no lines, whole conversations."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from algorithms.chat.seeker_models import EndpointLines, LocalLines, line_seed
from algorithms.chat.seekers import SEEKERS
from envs.conversation import EVALUATION
from envs.errors import ModelError
from envs.scripted_policies import NAMING, play_script
from envs.seekers.model import NOTHING, ModelSeeker
from envs.seekers.registry import SeekerInputs, build_seeker
from envs.settings import EnvSettings, SeekerModelSettings
from tests.algorithms.chat_servers import FaultServer, fault_server
from tests.algorithms.doubles import tiny_policy_folder
from tests.envs.conversations import vector
from tests.envs.doubles import six_films

PROMPTS = ["I love horror films", "Thanks, that sounds great!", "What should I watch tonight? Something scary?"]
TEMPLATE = "{% for message in messages %}[user] {{ message.content }} [/user]{% endfor %}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_policy_folder(tmp_path_factory.mktemp("speaker"))


def speaker(**changes: Any) -> SeekerModelSettings:
    return SeekerModelSettings(**{"max_new": 8, "temperature": 1.0, **changes})


def test_a_line_is_a_function_of_seed_and_prompt(folder: Path) -> None:
    settings = speaker(model=str(folder), batch=2)
    together = LocalLines(settings, 3)(PROMPTS)
    assert together == LocalLines(settings, 3)(PROMPTS)
    alone = LocalLines(settings, 3)
    assert together == [alone([prompt])[0] for prompt in PROMPTS]
    assert together != LocalLines(settings, 4)(PROMPTS)
    assert all(together)
    assert LocalLines(settings, 3)([]) == []


def test_a_prompt_without_room_gets_no_line(folder: Path) -> None:
    lines = LocalLines(speaker(model=str(folder)), 0)([PROMPTS[0], "scary " * 400])
    assert lines[0]
    assert lines[1] == ""


def test_a_chat_template_wraps_the_prompt(folder: Path, tmp_path: Path) -> None:
    plain = LocalLines(speaker(model=str(folder)), 0)
    plain._chat.model.save_pretrained(tmp_path)
    plain._chat.tokenizer.chat_template = TEMPLATE
    plain._chat.tokenizer.save_pretrained(tmp_path)
    wrapped = LocalLines(speaker(model=str(tmp_path)), 0)
    assert wrapped._chat.tokenizer.decode(wrapped._tokens("horror")).replace(" ", "") == "[user]horror[/user]"
    assert wrapped(["horror"]) != LocalLines(speaker(model=str(folder)), 0)(["horror"])


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="nothing-here"):
        LocalLines(speaker(model=str(tmp_path / "nothing-here")), 0)


def test_a_conversation_with_a_local_model(folder: Path) -> None:
    def talks() -> list[list[str]]:
        settings = EnvSettings(seeker="model", max_turns=3, seeker_model=speaker(model=str(folder)))
        seeker = build_seeker(SeekerInputs(settings, six_films(), 5), SEEKERS)
        assert isinstance(seeker, ModelSeeker)
        env = vector(3, seeker=seeker, settings=settings)
        play_script(env, NAMING, [(EVALUATION, index) for index in range(3)])
        return [[turn.text for turn in state.rendered] for state in env.conversations if state is not None]

    assert talks() == talks()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultServer]:
    pytest.importorskip("openai")
    monkeypatch.setenv("SEEKER_KEY", "sk-secret")
    with fault_server() as made:
        yield made


def lines_of(server: FaultServer) -> EndpointLines:
    return EndpointLines(
        speaker(
            endpoint=server.url,
            model="m",
            api_key_env="SEEKER_KEY",
            batch=1,
            retries=1,
            timeout=5,
            requests_per_minute=60_000,
        ),
        7,
    )


def test_an_endpoint_answers_each_prompt_and_is_told_the_seed(server: FaultServer) -> None:
    server.faults = ["Horror, please.", "Thanks!"]
    assert lines_of(server)(PROMPTS[:2]) == ["Horror, please.", "Thanks!"]
    assert [asked["messages"][0]["content"] for asked in server.asked] == PROMPTS[:2]
    assert [asked["seed"] for asked in server.asked] == [line_seed(7, prompt) for prompt in PROMPTS[:2]]
    assert all("sk-secret" in header for header in server.headers)


@pytest.mark.parametrize("faults", [[500, 500], [400], [b"<html>"], [""]])
def test_a_fault_that_stays_is_no_line(server: FaultServer, faults: list[object]) -> None:
    server.faults = [*faults, "Thanks!"]
    assert lines_of(server)(PROMPTS[:2]) == ["", "Thanks!"]


@pytest.mark.parametrize(("status", "names"), [(401, "SEEKER_KEY"), (404, r"env\.seeker_model\.model")])
def test_what_no_retry_mends_stops_and_says_what_to_change(server: FaultServer, status: int, names: str) -> None:
    server.faults = [status]
    with pytest.raises(ModelError, match=names):
        lines_of(server)(PROMPTS[:1])


def test_an_endpoint_that_is_away_makes_failures_and_no_numbers() -> None:
    pytest.importorskip("openai")
    away = speaker(endpoint="http://127.0.0.1:9/v1", model="m", retries=0, timeout=2)
    env = vector(2, seeker=ModelSeeker(six_films(), 3, EndpointLines(away, 0)))
    talks = play_script(env, NAMING, [(EVALUATION, 0), (EVALUATION, 1)])
    assert [(talk.failure, talk.accepted, talk.turns) for talk in talks] == [(NOTHING, None, 1)] * 2
