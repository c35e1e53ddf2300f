from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from envs.corpora.download import download
from envs.corpora.redial import read_redial
from envs.errors import DataError
from tests.envs.redial_files import write_folder, write_zip


class Server(http.server.ThreadingHTTPServer):
    """Serves ``content`` at every address, by ranges when asked, and may break off after some bytes."""

    content = b""
    break_after: list[int]
    ranges: list[str | None]
    status = 200
    size: str | None = None
    takes_ranges = True


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = cast(Server, self.server)
        wanted = self.headers.get("Range")
        server.ranges.append(wanted)
        content, size = server.content, len(server.content)
        if server.status != 200:
            self.send_error(server.status)
            return
        first = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and server.takes_ranges else 0
        if first >= size > 0:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{size}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if first else 200)
        if first:
            self.send_header("Content-Range", f"bytes {first}-{size - 1}/{size}")
        self.send_header("Content-Length", server.size or str(size - first))
        self.end_headers()
        end = first + server.break_after.pop(0) if server.break_after else size
        self.wfile.write(content[first:end])

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output quiet."""


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server(("127.0.0.1", 0), Handler)
    running.break_after, running.ranges = [], []
    running.content = bytes(range(256)) * 40
    thread = threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield running
    running.shutdown()
    running.server_close()


def address(server: Server) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}/redial_dataset.zip"


def test_a_download_is_kept_and_not_fetched_twice(server: Server, tmp_path: Path):
    target, seen = tmp_path / "a" / "file", []
    download(address(server), target, on_progress=lambda done, whole: seen.append((done, whole)))
    assert target.read_bytes() == server.content
    assert seen[-1] == (10240, 10240)
    assert download(address(server), target).read_bytes() == server.content
    assert server.ranges == [None]
    assert [file.name for file in target.parent.iterdir()] == ["file"]


def test_a_broken_connection_is_resumed_where_it_stopped(server: Server, tmp_path: Path):
    server.break_after = [1000, 500]
    target = download(address(server), tmp_path / "file", pause_s=0)
    assert target.read_bytes() == server.content
    assert server.ranges == [None, "bytes=1000-", "bytes=1500-"]


def test_what_one_call_left_the_next_one_goes_on_from(server: Server, tmp_path: Path):
    server.break_after = [1000, 0, 0, 0]
    with pytest.raises(DataError, match=r"1000 bytes are kept in .*file\.part.*With a network, run"):
        download(address(server), tmp_path / "file", pause_s=0)
    assert not (tmp_path / "file").exists()
    server.ranges.clear()
    assert download(address(server), tmp_path / "file", pause_s=0).read_bytes() == server.content
    assert server.ranges == ["bytes=1000-"]


def test_a_server_without_ranges_starts_over(server: Server, tmp_path: Path):
    server.takes_ranges = False
    (tmp_path / "file.part").write_bytes(b"x" * 1000)
    assert download(address(server), tmp_path / "file", pause_s=0).read_bytes() == server.content


def test_a_whole_part_is_taken_and_one_that_is_too_long_fetched_anew(server: Server, tmp_path: Path):
    (tmp_path / "whole.part").write_bytes(server.content)
    assert download(address(server), tmp_path / "whole", pause_s=0).read_bytes() == server.content
    assert server.ranges == ["bytes=10240-"]
    (tmp_path / "long.part").write_bytes(server.content + b"x")
    assert download(address(server), tmp_path / "long", pause_s=0).read_bytes() == server.content


@pytest.mark.parametrize(("status", "attempts"), [(404, 1), (503, 4)])
def test_a_refusal_is_told(server: Server, tmp_path: Path, status: int, attempts: int):
    server.status = status
    with pytest.raises(DataError, match=f"the server answered {status}"):
        download(address(server), tmp_path / "file", pause_s=0)
    assert len(server.ranges) == attempts


def test_without_a_network_the_error_says_what_to_do(tmp_path: Path):
    with pytest.raises(DataError, match=r"cannot download http://127\.0\.0\.1:9/x: .*give its path as the source"):
        download("http://127.0.0.1:9/x", tmp_path / "file", pause_s=0)


@pytest.mark.parametrize(
    ("address", "what"),
    [
        ("http://[::1/x.zip", "Invalid IPv6 URL"),
        ("http://a..b/x.zip", "label empty or too long"),
        ("http://me:secret@127.0.0.1/x.zip", "a name and password is not taken"),
    ],
)
def test_an_address_that_is_none_is_told_without_its_password(tmp_path: Path, address: str, what: str):
    with pytest.raises(DataError, match=what) as caught:
        download(address, tmp_path / "data.zip")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("size", ["abc", "1" * 5_000])
def test_a_size_that_is_no_number_is_told(server: Server, tmp_path: Path, size: str):
    server.size = size
    with pytest.raises(DataError, match=r"Content-Length is '.*, no size"):
        download(address(server), tmp_path / "data.zip")


def test_redial_from_an_address_is_cached_and_read_offline(server: Server, tmp_path: Path):
    folder = write_folder(tmp_path / "r")
    server.content = write_zip(tmp_path / "redial.zip", folder).read_bytes()
    cache = tmp_path / "cache"
    online = read_redial(address(server), cache)
    server.status = 503
    assert read_redial(address(server), cache).test == online.test
    assert online.train == read_redial(str(folder), cache).train
    assert len(server.ranges) == 1


def test_an_address_that_gives_no_zip_leaves_nothing_in_the_cache(server: Server, tmp_path: Path):
    server.content = b"<html>moved</html>"
    with pytest.raises(DataError, match="did not give a ReDial zip"):
        read_redial(address(server), tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
