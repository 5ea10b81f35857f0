"""A clock that stands still, an environment without chance or threads, and a transport that answers from a list."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from symbolon import Answer, Environment, Request, TransportError

START = 1_767_225_600_000


class StillClock:
    """Moves only when told to. Sleeping is telling."""

    def __init__(self, wall_ms: int = START) -> None:
        self.now, self.wall = 5_000_000, wall_ms
        self.start = self.now

    def monotonic_ms(self) -> int:
        return self.now

    def wall_ms(self) -> int:
        return self.wall

    def sleep_ms(self, duration: int) -> None:
        assert duration > 0
        self.advance(duration)

    def advance(self, duration: int) -> None:
        self.now += duration
        self.wall += duration


class Later:
    """What should run in the background, kept until somebody lets it."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def __call__(self, work: Callable[[], None]) -> None:
        self.waiting.append(work)

    def run(self) -> None:
        while self.waiting:
            self.waiting.pop(0)()


def still(clock: StillClock, later: Later, draw: float = 0.0) -> Environment:
    return Environment(clock=clock, draw=lambda: draw, spawn=later)


def answer_of(described: dict[str, Any]) -> Answer:
    if "json" in described:
        body = json.dumps(described["json"]).encode()
    elif "repeat" in described:
        body = (described["repeat"]["text"] * described["repeat"]["times"]).encode()
    else:
        body = described.get("text", "").encode()
    return Answer(described["status"], described.get("headers", {}), body)


class Scripted:
    """A transport that expects the requests of a list, in order, and gives the answers beside them."""

    def __init__(self, clock: StillClock) -> None:
        self.clock = clock
        self.exchanges: list[dict[str, Any]] = []

    def expect(self, exchanges: list[dict[str, Any]]) -> None:
        assert not self.exchanges
        self.exchanges = list(exchanges)

    def finish(self) -> None:
        assert not self.exchanges, f"not sent: {[one['request'] for one in self.exchanges]}"

    def send(self, request: Request, timeout: float) -> Answer:
        assert 0 < timeout <= 10
        assert self.exchanges, f"one request too many: {request.method} {request.url} {request.body!r}"
        exchange = self.exchanges.pop(0)
        expected = exchange["request"]
        assert (request.method, request.url) == (expected["method"], expected["url"])
        for name, value in expected.get("headers", {}).items():
            assert request.headers.get(name) == value, name
        for name in expected.get("absent", []):
            assert name not in request.headers
        assert all(name == name.lower() for name in request.headers)
        if "form" in expected:
            assert request.body == expected["form"].encode()
        if "json" in expected:
            assert json.loads(request.body) == expected["json"]
        if "at_ms" in expected:
            assert self.clock.now - self.clock.start == expected["at_ms"]
        if "takes_ms" in exchange:
            self.clock.advance(exchange["takes_ms"])
        if "failure" in exchange:
            raise TransportError(exchange["failure"])
        return answer_of(exchange["answer"])
