"""Names of servers: what no resolver takes is known before anything is sent."""

from __future__ import annotations

import pytest

from envs.inputs.hosts import is_host, names_server


@pytest.mark.parametrize(
    "name", ["localhost", "a.b.", "10.0.0.1", "::1", "fe80::1%eth0", "a" * 63, "b\u00fccher.example"]
)
def test_hosts(name: str) -> None:
    assert is_host(name)


@pytest.mark.parametrize("name", ["", ".", "a..b", ".x", "a" * 64, "x." + "a" * 70, "v1:x"])
def test_what_is_no_host(name: str) -> None:
    assert not is_host(name)


def test_a_url_names_a_server_or_none() -> None:
    assert names_server("http://h:1/v1") and names_server("http://[::1]/v1")
    assert not any(map(names_server, ["http://[v1.x]/v1", "http://a..b/v1", "http://h:0", "http:///v1"]))
