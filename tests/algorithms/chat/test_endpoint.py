"""Chats with an endpoint: their pace, keys and addresses, and one line for what cannot work.

What faults come to is held by the tests of the judge and of the seeker.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from algorithms.chat.endpoint import ChatEndpoint, RateLimit, check_key, check_speaker
from algorithms.chat.responses import NoAnswer
from envs.errors import ConfigError, ModelError
from envs.settings import EndpointSettings, EnvSettings, SeekerModelSettings
from tests.algorithms.chat_servers import FaultServer, fault_server

KEY = "sk-very-secret"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultServer]:
    pytest.importorskip("openai")
    monkeypatch.setenv("CHAT_KEY", KEY)
    with fault_server() as made:
        yield made


def endpoint(address: str) -> ChatEndpoint:
    settings = EndpointSettings(
        endpoint=address, api_key_env="CHAT_KEY", retries=0, timeout=5, requests_per_minute=60_000
    )
    return ChatEndpoint(settings, "m", model_setting="--model", temperature=0.0, max_new=9)


def test_calls_keep_their_pace() -> None:
    now, slept = [0.0], []
    limit = RateLimit(30, clock=lambda: now[0], sleep=slept.append)
    for _ in range(3):
        limit.wait()
    assert slept == [2.0, 4.0]


@pytest.mark.parametrize(
    ("key", "problem"),
    [("", "is empty"), (" \n", "is empty"), ("\u201cabc\u201d", "character 1 "), ("ab\ncd", "character 3 ")],
)
def test_a_key_that_cannot_be_sent_is_refused_at_once(monkeypatch: pytest.MonkeyPatch, key: str, problem: str) -> None:
    monkeypatch.setenv("CHAT_KEY", key)
    with pytest.raises(ConfigError, match=f"CHAT_KEY .*{problem}") as caught:
        endpoint("http://127.0.0.1:9/v1")
    assert len(str(caught.value).splitlines()) == 1
    assert "abc" not in str(caught.value)
    speaker = SeekerModelSettings(endpoint="http://127.0.0.1:9/v1", api_key_env="CHAT_KEY")
    with pytest.raises(ConfigError, match="CHAT_KEY"):
        check_speaker(EnvSettings(seeker="model", seeker_model=speaker))
    check_speaker(EnvSettings(seeker="profile", seeker_model=speaker))


def test_a_server_without_a_key_needs_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHAT_KEY", raising=False)
    assert check_key("CHAT_KEY") == "none"


def test_blanks_around_key_and_address_do_not_count(server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAT_KEY", f" {KEY}\n")
    server.faults = ["Hello"]
    assert endpoint(f" {server.url} ").ask([{"role": "user", "content": "half \ud83d"}]) == "Hello"
    assert server.headers == [f"Bearer {KEY}"]
    assert server.asked[0]["messages"][0]["content"] == "half \ufffd"


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("127.0.0.1:8000/v1", "http:// or https:// is missing"),
        ("localhost:8000/v1", "http:// or https:// is missing"),
        ("", "http:// or https:// is missing"),
        ("ftp://127.0.0.1/v1", "ftp:// is not"),
        ("http://127.0.0.1:8000 /v1", "a blank"),
        ("http://\u201c127.0.0.1\u201d/v1", "not ASCII"),
        ("http:///v1", "no server"),
        ("http://127.0.0.1:port/v1", "Port"),
        ("http://127.0.0.1:80000/v1", "Port"),
        ("http://[::1/v1", "IPv6"),
        ("http://a..b/v1", "no server"),
        (f"http://{'a' * 70}/v1", "no server"),
        ("http://[v1.x]/v1", "no server"),
        (f"http://me:{KEY}@127.0.0.1/v1", "api_key_env"),
    ],
)
def test_an_address_that_cannot_be_called_is_refused_at_once(address: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        EndpointSettings(endpoint=address)


@pytest.mark.parametrize(
    ("path", "sent", "problem"),
    [
        ("", {"detail": "Not Found"}, r"no chat completions at .*/chat/completions \(404: Not Found\).*ends in /v1"),
        ("/v1", {"detail": "Not Found"}, "no chat completions at .* or no model 'm'.*--model"),
        ("/v1", {"error": {"message": "The model `m` does not exist"}}, "not know the model 'm' .*does not exist"),
    ],
)
def test_a_404_says_what_is_missing(server: FaultServer, path: str, sent: object, problem: str) -> None:
    server.faults = [(404, json.dumps(sent))]
    with pytest.raises(ModelError, match=problem):
        endpoint(server.url.removesuffix("/v1") + path).ask([])


@pytest.mark.parametrize("status", [400, 413, 422, 429, 500])
def test_the_endpoints_own_words_are_told_and_the_key_is_not(server: FaultServer, status: int) -> None:
    server.faults = [(status, json.dumps({"error": {"message": f"Unsupported parameter\nfor {KEY}"}}))]
    with pytest.raises(NoAnswer) as caught:
        endpoint(server.url).ask([])
    assert str(caught.value) == f"the endpoint answered {status}: Unsupported parameter for \u2026"


def test_a_lost_connection_says_why() -> None:
    pytest.importorskip("openai")
    with pytest.raises(NoAnswer, match=r"APIConnectionError \(.*refused"):
        endpoint("http://127.0.0.1:9/v1").ask([])


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HTTP_PROXY", "http://a..b"),
        ("HTTP_PROXY", "http://[v1.x]"),
        ("SSL_CERT_FILE", "/nope"),
        ("SSL_CERT_FILE", __file__),
    ],
)
def test_a_proxy_or_certificate_that_is_none_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    pytest.importorskip("openai")
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError, match=variable) as caught:
        endpoint("http://127.0.0.1:9/v1").ask([])
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("charset", ["utf-16", "hex", "idna", "undefined"])
def test_an_answer_is_utf8_whatever_its_header_says(server: FaultServer, charset: str) -> None:
    server.content_type = f"application/json; charset={charset}"
    server.faults = ["Grüezi", (400, json.dumps({"error": "quota"}))]
    assert endpoint(server.url).ask([]) == "Grüezi"
    with pytest.raises(NoAnswer, match="answered 400: quota"):
        endpoint(server.url).ask([])


def test_a_redirect_to_no_address_is_no_answer(server: FaultServer) -> None:
    server.faults, server.location = [307], "http://a..b/v1"
    with pytest.raises(NoAnswer, match="leads to an address that is none"):
        endpoint(server.url).ask([])


@pytest.mark.parametrize("setting", [{"timeout": 1e10}, {"requests_per_minute": 1e-308}])
def test_waits_beyond_any_clock_are_refused(setting: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(setting))):
        EndpointSettings.model_validate(setting)
