"""Endpoints of chat models, on loopback: a server of faults, and ``transformers serve``."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

GOOD = json.dumps({"empathy": 5, "informativeness": 1, "recommendation": 3, "engagement": 2, "overall": 4})


class FaultServer:
    """Answers chat completions with the faults that are asked of it, one after another, then rightly.

    A fault is a status, alone or with its body, ``"cut"``, the text that the model writes, or the bytes of a whole
    body.
    """

    def __init__(self) -> None:
        self.faults: list[Any] = []
        self.calls = 0
        self.headers: list[str] = []
        self.asked: list[dict[str, Any]] = []
        self.url = ""
        self.content_type = "application/json"
        self.location = ""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        self.calls += 1
        self.headers.append(handler.headers.get("Authorization", ""))
        self.asked.append(json.loads(handler.rfile.read(int(handler.headers.get("Content-Length", 0)))))
        fault = self.faults.pop(0) if self.faults else 200
        if fault == "cut":
            handler.connection.close()
            return
        if isinstance(fault, tuple):
            status, body = fault[0], fault[1].encode()
        else:
            status, content = (fault, GOOD) if isinstance(fault, int) else (200, fault)
            body = content if isinstance(content, bytes) else completion(content)
        handler.send_response(status)
        if status == 429:
            handler.send_header("Retry-After", "1")
        if 300 <= status < 400:
            handler.send_header("Location", self.location)
        handler.send_header("Content-Type", self.content_type)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)


def completion(content: str) -> bytes:
    """The body of a chat completion that says this."""
    message = {"role": "assistant", "content": content}
    choices = [{"index": 0, "finish_reason": "stop", "message": message}]
    return json.dumps({"id": "1", "object": "chat.completion", "created": 0, "model": "m", "choices": choices}).encode()


@contextmanager
def fault_server() -> Iterator[FaultServer]:
    made = FaultServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            made.answer(self)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()


@contextmanager
def transformers_serve(model: Path) -> Iterator[str]:
    """The base URL of ``transformers serve`` with a model on a free loopback port; the server is killed at the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).parent / "transformers"), "serve", str(model)]
    process = subprocess.Popen(
        [*command, "--host", "127.0.0.1", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2).read()
                break
            except (urllib.error.URLError, OSError):
                assert process.poll() is None, "transformers serve ended"
                time.sleep(0.5)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.kill()
        process.wait()
