"""How often one token may ask, over a clock that moves only when told."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from sandbox.api.app import create_app
from sandbox.api.rate import RateLimiter
from sandbox.kernel.clock import ManualClock
from sandbox.kernel.errors import YuneiError
from sandbox.kernel.settings import Settings
from tests.api_steps import AUDITOR, OPERATOR, V1, problem_of
from tests.fakes_api import FakeContainer, fake_container

START = datetime(2026, 11, 23, 8, 0, 20, tzinfo=UTC)


def asked(limiter: RateLimiter, token: str, times: int) -> int:
    """Ask so often and count what passes."""
    refused = 0
    for _ in range(times):
        try:
            limiter.count(token)
        except YuneiError:
            refused += 1
    return times - refused


def test_the_limit_is_per_token_and_per_window() -> None:
    clock = ManualClock(START)
    limiter = RateLimiter(clock, 3)
    assert (asked(limiter, "tok-a", 5), asked(limiter, "tok-b", 2)) == (3, 2)
    clock.advance(39)
    assert asked(limiter, "tok-a", 1) == 0
    clock.advance(1)
    assert asked(limiter, "tok-a", 5) == 3


def test_the_refusal_says_when_the_next_window_begins() -> None:
    limiter = RateLimiter(ManualClock(START), 1)
    limiter.count("tok-a")
    with pytest.raises(YuneiError) as refusal:
        limiter.count("tok-a")
    assert refusal.value.facts == {"per_minute": 1, "retry_after_s": 40}


def test_zero_is_no_limit() -> None:
    assert asked(RateLimiter(ManualClock(START), 0), "tok-a", 10_000) == 10_000


@pytest.fixture
def container(tmp_path: Path) -> Iterator[FakeContainer]:
    made = fake_container(tmp_path)
    object.__setattr__(made, "settings", Settings(rate_per_minute=2))
    yield made
    made.db.close()


def test_a_token_that_asks_too_often_is_told_when_to_come_back(container: FakeContainer) -> None:
    with TestClient(create_app(container)) as client:
        assert [client.get(f"{V1}/me", headers=OPERATOR).status_code for _ in range(2)] == [200, 200]
        answer = client.get(f"{V1}/me", headers=OPERATOR)
        problem_of(answer, "TOO_MANY")
        assert answer.headers["retry-after"] == "60"
        assert client.get(f"{V1}/me", headers=AUDITOR).status_code == 200
        container.clock.advance(60)
        assert client.get(f"{V1}/me", headers=OPERATOR).status_code == 200


def test_health_and_keys_are_never_refused(container: FakeContainer) -> None:
    with TestClient(create_app(container)) as client:
        for path in ("health", "keys"):
            assert {client.get(f"{V1}/{path}", headers=OPERATOR).status_code for _ in range(5)} == {200}
