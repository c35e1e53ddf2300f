"""Addresses of clusters: one line for what is none, and nothing waits for a server that is not there."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from algorithms.settings.resources import ResourceSettings
from ecr_rl.cli import app
from ecr_rl.cluster_address import answering_cluster, cluster_address, job_server_address
from ecr_rl.ray_instance import ray_instance
from ecr_rl.submission.server import JobServer
from envs.errors import ClusterError, ConfigError


@pytest.fixture
def other_server() -> Iterator[int]:
    """The port of a server that speaks HTTP/1, as a dashboard does, and closes."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(100)
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http://127.0.0.1:8265", "names a job server, .* Unset RAY_ADDRESS to run this one here"),
        (" https://cluster.example/ ", "names a job server"),
        ("ray://127.0.0.1:10001", "names a server of Ray Client"),
        ("localhost", "is no address of a cluster. Write HOST:PORT"),
        ("localhost:0", "is no address of a cluster"),
        ("localhost:65536", "is no address of a cluster"),
        ("127.0.0.1:6379/", "is no address of a cluster"),
        ("::1:6379", "is no address of a cluster"),
        ("a b:6379", "is no address of a cluster"),
        ("a..b:6379", "is no address of a cluster"),
        (".x:6379", "is no address of a cluster"),
        (f"{'a' * 70}:6379", "is no address of a cluster"),
    ],
)
def test_what_is_no_cluster_is_refused_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, address: str, said: str
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(ConfigError, match=f"^RAY_ADDRESS={address.strip()} {said}"):
        answering_cluster()


def test_a_cluster_is_host_and_port_and_none_is_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for address in ("10.0.0.1:6379", "[::1]:6379", "head-svc:6379", "auto"):
        monkeypatch.setenv("RAY_ADDRESS", f" {address} ")
        assert cluster_address() == address
    for nothing in ("", " ", "local"):
        monkeypatch.setenv("RAY_ADDRESS", nothing)
        assert cluster_address() is None
    monkeypatch.delenv("RAY_ADDRESS")
    assert answering_cluster() is None


def test_a_cluster_that_is_gone_is_told_at_once(monkeypatch: pytest.MonkeyPatch, other_server: int) -> None:
    began = time.monotonic()
    for port in (closed_port(), other_server):
        monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{port}")
        with pytest.raises(ClusterError, match=rf"^no Ray cluster answers at RAY_ADDRESS=127\.0\.0\.1:{port}\. Unset"):
            answering_cluster()
    assert time.monotonic() - began < 5


def test_a_cluster_that_runs_answers(monkeypatch: pytest.MonkeyPatch, ray_session: Any) -> None:
    address = ray_session.get_runtime_context().gcs_address
    monkeypatch.setenv("RAY_ADDRESS", address)
    assert answering_cluster() == address
    assert job_server_address(address) == address, "Ray finds the job server of its cluster"


@pytest.mark.parametrize(
    "command",
    [
        ["label", "--config", "demo", "--no-policy", "--count", "40"],
        ["train", "demo"],
        ["demo"],
        ["sweep", "smoke"],
    ],
)
def test_a_local_command_ends_before_it_makes_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "http://127.0.0.1:8265")
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, [*command, "--out", "out"])
    assert result.exit_code == 2
    assert "ecr-rl: RAY_ADDRESS=http://127.0.0.1:8265 names a job server" in result.stderr
    assert not list(tmp_path.iterdir())


def test_a_folder_too_long_for_a_socket_is_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    def refuse(*args: Any, **settings: Any) -> None:
        raise OSError("AF_UNIX path length cannot exceed 107 bytes: /tmp/long")

    monkeypatch.setattr(ray, "init", refuse)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with (
        pytest.raises(ClusterError, match=r"Ray's sockets need a shorter folder .* Set RAY_TMPDIR"),
        ray_instance(ResourceSettings()),
    ):
        pass


@pytest.mark.parametrize(
    ("address", "meant"),
    [
        ("localhost:8265", "http://localhost:8265"),
        ("h:8265/", "http://h:8265"),
        ("foo", "http://foo:8265"),
        ("10.0.0.1", "http://10.0.0.1:8265"),
        ("h.invalid:6379", "http://h.invalid:8265"),
        ("ray://h:10001", "http://h:8265"),
        ("http:/h:8265", "http://h:8265"),
        ("http//h:8265", "http://h:8265"),
        ("htp://h:8265", "http://h:8265"),
        ("HTTP://h:8265", "http://h:8265"),
        ("http://h:0", "http://h:8265"),
        ("http://h:99999", "http://h:8265"),
        ("http://", "http://HOST:8265"),
        ("", "http://HOST:8265"),
        ("http://a b", "http://HOST:8265"),
        ("a..b:8265", "http://HOST:8265"),
        ("http://a..b:8265", "http://HOST:8265"),
        (f"http://{'a' * 70}:8265", "http://HOST:8265"),
        ("::1", "http://[::1]:8265"),
        ("[::1]:8265", "http://[::1]:8265"),
    ],
)
def test_what_is_no_job_server_says_what_to_write(address: str, meant: str) -> None:
    with pytest.raises(ConfigError) as refused:
        job_server_address(address)
    assert str(refused.value) == f"{address!r} is no address of a job server: write {meant}"


def test_job_servers_stand_as_they_are() -> None:
    for address in ("http://h:8265", "https://cluster.example", "http://[::1]:8265", "http://h/ray", "auto"):
        assert job_server_address(f" {address} ") == job_server_address(f"{address}/") == address


@pytest.mark.parametrize("option", [["--address", "localhost:8265"], []])
def test_submit_refuses_an_address_without_scheme_at_once(monkeypatch: pytest.MonkeyPatch, option: list[str]) -> None:
    if not option:
        monkeypatch.setenv("RAY_ADDRESS", "localhost:8265")
    began = time.monotonic()
    result = CliRunner().invoke(app, ["submit", *option, "--status"])
    assert result.exit_code == 2
    assert result.stderr == ("ecr-rl: 'localhost:8265' is no address of a job server: write http://localhost:8265\n")
    assert time.monotonic() - began < 5


def test_a_server_that_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ecr_rl.submission.server.PATIENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(ClusterError, match=f"no job server answers at {address}"):
            JobServer(address)
