"""The API as a real process on loopback: what the server beneath prints and does must keep the same promises."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from sandbox.api.server import GRACE_S
from sandbox.kernel.roles import Role
from tests.fakes_api import CANARY, JOB, bearer, token

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys
from pathlib import Path
from sandbox.api.app import create_app
from sandbox.api.server import server
from sandbox.kernel import logs
from sandbox.kernel.settings import Settings
from tests.fakes_api import CANARY, fake_container

class Faulty:
    def view(self, caller):
        raise RuntimeError(CANARY)

logs.configure()
container = fake_container(Path(sys.argv[1]))
object.__setattr__(container, "budgets", Faulty())
server(create_app(container), Settings(port=0)).run()
"""
QUERY = {"agreement": "agr-1", "purpose": "planning", "environment": "dev", "sql": "SELECT 1"}


class Service:
    """A serving process and everything it has printed."""

    def __init__(self, directory: Path) -> None:
        self.log = directory / "log"
        with self.log.open("wb") as sink:
            self.process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, str(directory)], stdout=sink, stderr=subprocess.STDOUT, cwd=ROOT, env=os.environ
            )
        self.port = self._port()

    def _port(self) -> int:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            if found := re.search(r"127\.0\.0\.1:(\d+)", self.text):
                return int(found[1])
            time.sleep(0.05)
        raise AssertionError(self.text)

    @property
    def text(self) -> str:
        return self.log.read_text("utf-8")

    def raw(self, request: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as wire:
            wire.sendall(request)
            received = b""
            while chunk := wire.recv(65_536):
                received += chunk
        return received


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    made = Service(tmp_path)
    yield made
    made.process.kill()
    made.process.wait()


def test_nothing_that_was_sent_or_raised_stands_in_what_the_process_prints(service: Service) -> None:
    secret = token(Role.OPERATOR)
    with httpx2.Client(base_url=f"http://127.0.0.1:{service.port}/api/v1", headers=bearer(Role.OPERATOR)) as client:
        answer = client.get("/budgets")
        assert (answer.status_code, answer.json()["code"]) == (500, "DEFECT")
        assert CANARY not in answer.text
        assert "server" not in answer.headers
        assert client.get(f"/jobs/{CANARY}", params={"token": secret}).status_code == 422
        assert client.head("/health").status_code == 405
    assert service.raw(f"GET /{secret} HTTP/9\r\n\r\n".encode()).startswith(b"HTTP/1.1 400")
    assert service.raw(b"GET /api/v1/health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").startswith(b"HTTP/1.1 200")
    printed = service.text
    assert CANARY not in printed
    assert secret not in printed
    lines = [json.loads(line) for line in printed.splitlines()]
    assert [line["kinds"] for line in lines if line["event"] == "defect"] == [["RuntimeError"]]
    assert {line["event"] for line in lines} == {"library", "request", "defect"}


def test_an_endless_chunked_body_is_cut_off_at_the_limit(service: Service) -> None:
    head = f"POST /api/v1/sql/check HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token(Role.OPERATOR)}\r\n"
    head += "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    filled = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    received = service.raw(head.encode() + filled + b"1\r\n \r\n")  # the body has not ended, and is not waited for
    assert received.startswith(b"HTTP/1.1 413")
    assert b"application/problem+json" in received


def test_the_process_ends_in_time_although_a_stream_is_open(service: Service) -> None:
    base = f"http://127.0.0.1:{service.port}/api/v1"
    with httpx2.Client(base_url=base, headers=bearer(Role.OPERATOR), timeout=30) as client:
        assert client.post("/jobs", json=QUERY, headers={"Idempotency-Key": "k"}).status_code == 202
        with client.stream("GET", f"/jobs/{JOB}/events") as stream:
            assert stream.status_code == 200
            service.process.send_signal(signal.SIGTERM)
            service.process.wait(GRACE_S + 20)
    assert "Traceback" not in service.text
