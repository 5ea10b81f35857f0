"""Against the real server, with tokens that live for seconds: nobody may see a call fail, and nobody may hammer.

The front between client and server counts the requests on the server's side of the wire.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Optional

import httpx
import jwt
import pytest
import requests
import requests.adapters
from live import (
    AUDIENCE,
    CLIENT,
    PATIENCE,
    Api,
    Front,
    Sandbox,
    Symbolon,
    closing_all,
    is_slow,
    key,
    refuses,
    refuses_until,
    resets,
    wait_for,
)

import symbolon
import symbolon.httpx
import symbolon.requests
from symbolon import (
    AsyncTokenSource,
    ClientCredentials,
    DiskCache,
    Environment,
    File,
    InvalidClientError,
    TemporaryError,
    TokenSource,
)
from symbolon._source import SystemClock

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif("SYMBOLON_BIN" not in os.environ, reason="SYMBOLON_BIN names no binary"),
]

FIRST = "the-first-secret-of-the-robot"
SECOND = "the-second-secret-of-the-robot"
MANY = 1000


class World:
    """A server, a front before it, and an API that takes its tokens."""

    def __init__(self, folder: Path, lifetime: int) -> None:
        self.server = Symbolon(folder, [key("k1", FIRST)], lifetime)
        self.front = Front(self.server.port)
        self.api = Api(self.server.public_keys())

    def source(self, secret: symbolon.Secret = FIRST, **options: Any) -> TokenSource:
        dialect = ClientCredentials(client_id=CLIENT, client_secret=secret, token_url=self.front.token_url)
        return TokenSource(dialect, **options)


@pytest.fixture
def world(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    made = World(tmp_path, getattr(request, "param", 4))
    with closing_all(made.server, made.front, made.api):
        yield made


class Load:
    """Threads that call the API without end, each call with the token of a source."""

    def __init__(self, source: TokenSource, url: str, threads: int = 16, pause: float = 0.01) -> None:
        self.session = requests.Session()
        self.session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=threads))
        self.session.trust_env = False
        self.auth, self.url, self.pause = symbolon.requests.SymbolonAuth(source), url, pause
        self.calls, self.slowest, self.failures = 0, 0.0, list[str]()
        self.tokens: set[str] = set()
        self.retries = 0
        self.lock, self.over = threading.Lock(), threading.Event()
        self.threads = [threading.Thread(target=self.work, daemon=True) for _ in range(threads)]

    def __enter__(self) -> Load:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join(60)

    def work(self) -> None:
        while not self.over.wait(self.pause):
            self.call()

    def call(self) -> None:
        began = time.monotonic()
        try:
            answer = self.session.get(self.url, auth=self.auth, timeout=30)
            fault = None if answer.status_code == 200 else f"{answer.status_code} {answer.text}"
        except Exception as error:
            answer, fault = None, repr(error)
        with self.lock:
            self.calls += 1
            self.slowest = max(self.slowest, time.monotonic() - began)
            if answer is not None:
                self.tokens.add(answer.request.headers["Authorization"])
                self.retries += len(answer.history)
            if fault is not None:
                self.failures.append(fault)

    def served(self) -> None:
        assert not self.failures, (len(self.failures), self.calls, self.failures[:3])
        assert self.calls > len(self.threads)


def most(seconds: float, lifetime: float, retries: int = 0) -> int:
    """How many tokens may be got in a time: each is renewed at 78 % of its usable life at the earliest.

    On a machine so busy that a token ends on its way to the API, one in ten seconds comes on top.
    """
    usable = lifetime - 1
    return int(seconds / (usable * 0.78)) + 1 + (int(seconds / 10) + 1 if retries else 0)


def shortened(text: str) -> str:
    """The sandbox's description with METI's tokens living for four seconds."""
    name = 'name: "METI"\n          lifetime: 3600'
    assert name in text
    return text.replace(name, name.replace("3600", "4"))


def sandbox_source(sandbox: Sandbox, front: Optional[Front], **options: Any) -> TokenSource:
    system = sandbox.credentials["meti_v2"]
    dialect = ClientCredentials(
        client_id=system["client_id"],
        client_secret=system["client_secret"],
        token_url=system["token_url"] if front is None else front.token_url,
        audience=system["audience"],
        auth="json",
    )
    return TokenSource(dialect, **options)


@pytest.fixture
def short_sandbox(tmp_path: Path) -> Iterator[tuple[Sandbox, Front]]:
    sandbox = Sandbox(tmp_path)
    front = Front(sandbox.port)
    with closing_all(sandbox, front):
        sandbox.apply(shortened)

        def applied() -> bool:
            token = sandbox_source(sandbox, None).token()
            claims = jwt.decode(token, options={"verify_signature": False})
            return bool(claims["exp"] - claims["iat"] == 4)

        wait_for("short lifetime", applied)
        yield sandbox, front


def test_a_thousand_threads_use_one_token_a_lifetime(short_sandbox: tuple[Sandbox, Front]) -> None:
    sandbox, front = short_sandbox
    began = time.monotonic()
    load = Load(sandbox_source(sandbox, front), sandbox.credentials["meti_v2"]["api_url"], threads=MANY, pause=2)
    with load:
        wait_for("calls", lambda: load.calls >= 4 * MANY or time.monotonic() - began > 30)
        time.sleep(max(0.0, 10 - (time.monotonic() - began)))
    seconds = time.monotonic() - began
    load.served()
    assert load.calls >= 2 * MANY
    asked = front.count()
    assert set(front.statuses()) == {200}
    assert 3 <= asked <= most(seconds, 4, load.retries)
    # Every token that was asked for was used, but for the last perhaps.
    assert len(load.tokens) in (asked, asked - 1)
    print(f"{load.calls} calls of {MANY} threads in {seconds:.1f} s: {asked} token requests, {load.retries} retries")


async def api_status(place: tuple[asyncio.StreamReader, asyncio.StreamWriter], path: str, token: str) -> int:
    """One call over a kept connection: an HTTP library would take more time than all that is measured here."""
    reader, writer = place
    writer.write(f"GET {path} HTTP/1.1\r\nhost: api\r\nauthorization: Bearer {token}\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    await reader.readexactly(int(length.split(b":")[1]))
    return int(head.split(b" ")[1])


def test_a_thousand_tasks_use_one_token_a_lifetime(short_sandbox: tuple[Sandbox, Front]) -> None:
    sandbox, front = short_sandbox
    tokens = AsyncTokenSource(sandbox_source(sandbox, front))
    path = "/" + sandbox.credentials["meti_v2"]["api_url"].split("/", 3)[3]
    calls, retries, used = 0, 0, set[str]()

    async def go() -> None:
        began = time.monotonic()
        places: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
        for _ in range(32):
            places.put_nowait(await asyncio.open_connection("127.0.0.1", sandbox.port))

        async def call() -> None:
            nonlocal calls, retries
            place = await places.get()
            # Only now: a token of seconds is not for waiting in a queue.
            token = await tokens.token()
            status = await api_status(place, path, token)
            if status == 401 and tokens.report_unauthorized(token):
                retries += 1
                token = await tokens.token()
                status = await api_status(place, path, token)
            places.put_nowait(place)
            assert status == 200
            used.add(token)
            calls += 1

        async def work() -> None:
            while time.monotonic() - began < (10 if calls >= 2 * MANY else PATIENCE):
                await call()
                await asyncio.sleep(2)

        await asyncio.gather(*[work() for _ in range(MANY)])
        while not places.empty():
            places.get_nowait()[1].close()

    began = time.monotonic()
    asyncio.run(go())
    seconds = time.monotonic() - began
    asked = front.count()
    assert calls >= 2 * MANY
    assert set(front.statuses()) == {200}
    assert 3 <= asked <= most(seconds, 4, retries)
    assert len(used) in (asked, asked - 1)
    print(f"{calls} calls of {MANY} tasks in {seconds:.1f} s: {asked} token requests, {retries} retries")


def test_httpx_uses_one_token_a_lifetime(short_sandbox: tuple[Sandbox, Front]) -> None:
    sandbox, front = short_sandbox
    auth = symbolon.httpx.SymbolonAuth(sandbox_source(sandbox, front))
    url = sandbox.credentials["meti_v2"]["api_url"]
    used: set[str] = set()

    async def go() -> None:
        end = time.monotonic() + 8

        async def work(client: httpx.AsyncClient) -> None:
            while time.monotonic() < end:
                answer = await client.get(url)
                assert answer.status_code == 200, answer.text
                used.add(answer.request.headers["authorization"])
                await asyncio.sleep(0.5)

        async with httpx.AsyncClient(auth=auth, timeout=30, trust_env=False) as client:
            await asyncio.gather(*[work(client) for _ in range(20)])

    began = time.monotonic()
    asyncio.run(go())
    asked = front.count()
    assert set(front.statuses()) == {200}
    assert 2 <= asked <= most(time.monotonic() - began, 4)
    assert len(used) in (asked, asked - 1)


def test_a_restarted_server_costs_no_call(world: World) -> None:
    with Load(world.source(), world.api.url) as load:
        wait_for("a token", lambda: load.tokens)
        for _ in range(2):
            world.server.stop()
            # Longer than the token lives.
            time.sleep(4.5)
            world.server.start()
            held = len(load.tokens)
            wait_for("a token after the start", lambda held=held: len(load.tokens) > held)
    load.served()
    print(f"{load.calls} calls, the slowest {load.slowest:.1f} s, {world.front.count()} token requests")


@pytest.mark.parametrize("status", [503, 429])
def test_retry_after_is_kept_to_and_costs_no_call(world: World, status: int) -> None:
    # Twice at the start, when nobody has a token, and once at the first renewal.
    world.front.faults = [refuses(status, retry_after="1")] * 2 + [lambda _: False, refuses(status, retry_after="1")]
    with Load(world.source(), world.api.url) as load:
        wait_for("renewals", lambda: world.front.count() >= 6)
    load.served()
    times = [came for came, _ in world.front.seen]
    statuses = world.front.statuses()
    assert statuses[:5] == [status, status, 200, status, 200]
    for at in (0, 1, 3):
        assert times[at + 1] - times[at] >= 0.99, "came before the time that the server named"


def test_a_date_in_retry_after_is_kept_to_by_a_client_whose_clock_is_wrong(world: World) -> None:
    for minutes in (-5, 5):
        world.front.seen.clear()
        world.front.faults = [refuses_until(503, 2)]
        source = world.source(environment=Environment(clock=Wrong(minutes)))
        began = time.monotonic()
        with Load(source, world.api.url, threads=4) as load:
            wait_for("renewals", lambda: world.front.count() >= 4)
        load.served()
        times = [came for came, _ in world.front.seen]
        # Dates are whole seconds, of two clocks that need not tick together.
        assert 0.9 <= times[1] - times[0] <= 30
        # Tokens live as long as with a right clock. The first request got none.
        assert len(times) - 1 <= most(time.monotonic() - began, 4, load.retries)


class Wrong(SystemClock):
    """A wall clock that is some minutes off, and jumps to the other side every second."""

    def __init__(self, minutes: int) -> None:
        self.minutes = minutes

    def wall_ms(self) -> int:
        side = 1 if super().monotonic_ms() // 1000 % 2 else -1
        return super().wall_ms() + side * self.minutes * 60_000


def test_connections_that_are_reset_cost_no_call(world: World) -> None:
    world.front.faults = [resets, resets, lambda _: False, resets]
    with Load(world.source(), world.api.url) as load:
        wait_for("renewals", lambda: world.front.count() >= 6)
    load.served()
    assert world.front.statuses()[:5] == [0, 0, 200, 0, 200]


class Ahead(SystemClock):
    """A monotonic clock that can be put forward."""

    def __init__(self) -> None:
        self.by = 0

    def monotonic_ms(self) -> int:
        return super().monotonic_ms() + self.by


@pytest.mark.parametrize("world", [60], indirect=True)
def test_a_slow_server_makes_nobody_wait_who_has_a_token(world: World) -> None:
    clock = Ahead()
    source = world.source(environment=Environment(clock=clock))
    old = source.token()
    entered, released = threading.Event(), threading.Event()

    def holds(_: Any) -> bool:
        entered.set()
        assert released.wait(60)
        return False

    world.front.always = holds
    # The time of renewal has come, and the end has not.
    clock.by = 50_000
    auth = symbolon.requests.SymbolonAuth(source)
    for _ in range(100):
        answer = requests.get(world.api.url, auth=auth, timeout=10)
        assert (answer.status_code, answer.request.headers["Authorization"]) == (200, f"Bearer {old}")
    assert entered.wait(10) and not released.is_set()
    released.set()
    wait_for("the new token", lambda: source.token() != old)
    assert world.front.statuses() == [200, 200]


def test_a_server_that_hangs_is_given_up_and_asked_again(world: World) -> None:
    world.front.faults = [is_slow(PATIENCE), is_slow(PATIENCE)]
    source = world.source(timeout=1)
    began = time.monotonic()
    source.token()
    assert 2 <= time.monotonic() - began < PATIENCE / 2
    with pytest.raises(TemporaryError, match="timed out"):
        world.front.always = is_slow(PATIENCE)
        world.source(timeout=0.3, patience=0).token()


def key_ids(world: World) -> list[str]:
    return world.api.key_ids()


def test_a_rotation_under_load_costs_no_call(world: World, tmp_path: Path) -> None:
    file = tmp_path / "client-secret"
    file.write_text(FIRST)
    with Load(world.source(File(file)), world.api.url) as load:
        wait_for("a token of the first", lambda: "k1" in key_ids(world))
        world.server.apply([key("k1", FIRST), key("k2", SECOND)])
        file.write_text(SECOND)
        wait_for("a token of the second", lambda: "k2" in key_ids(world))
        world.server.apply([key("k1", FIRST, "INACTIVE"), key("k2", SECOND)])
        seen = len(load.tokens)
        wait_for("two more tokens", lambda: len(load.tokens) >= seen + 2)
    load.served()
    assert set(world.front.statuses()) == {200}
    assert key_ids(world)[-1] == "k2"


def test_a_secret_that_is_written_before_the_server_knows_it_costs_no_call(world: World, tmp_path: Path) -> None:
    file = tmp_path / "client-secret"
    file.write_text(FIRST)
    with Load(world.source(File(file)), world.api.url) as load:
        wait_for("a token of the first", lambda: load.tokens)
        file.write_text(SECOND)
        wait_for("a refusal", lambda: 401 in world.front.statuses())
        seen = len(load.tokens)
        wait_for("another token of the first", lambda: len(load.tokens) > seen)
        world.server.apply([key("k1", FIRST), key("k2", SECOND)])
        wait_for("a token of the second", lambda: "k2" in key_ids(world))
        world.server.apply([key("k1", FIRST, "INACTIVE"), key("k2", SECOND)])
        seen = len(load.tokens)
        wait_for("two more tokens", lambda: len(load.tokens) >= seen + 2)
    load.served()


def test_two_secrets_survive_the_end_of_either(world: World) -> None:
    world.server.apply([key("k1", FIRST), key("k2", SECOND)])
    with Load(world.source([FIRST, SECOND]), world.api.url) as load:
        wait_for("a token of the first", lambda: "k1" in key_ids(world))
        world.server.apply([key("k1", FIRST, "INACTIVE"), key("k2", SECOND)])
        wait_for("a token of the second", lambda: "k2" in key_ids(world))
        seen = len(load.tokens)
        wait_for("two more tokens", lambda: len(load.tokens) >= seen + 2)
    load.served()
    assert world.front.statuses().count(401) == 1, "the secret that worked last goes first"


def test_a_revoked_secret_is_a_typed_error_and_no_hammering(world: World, tmp_path: Path) -> None:
    file = tmp_path / "client-secret"
    file.write_text(FIRST)
    source = world.source(File(file), environment=Environment(draw=lambda: 0.5))
    source.token()
    world.server.apply([key("k1", FIRST, "INACTIVE"), key("k2", SECOND)])
    kinds: list[type] = []

    def hammer() -> None:
        while not over.wait(0.002):
            try:
                source.token()
            except Exception as error:
                kinds.append(type(error))

    over = threading.Event()
    threads = [threading.Thread(target=hammer, daemon=True) for _ in range(50)]
    for thread in threads:
        thread.start()
    wait_for("the error", lambda: kinds)
    before = world.front.statuses().count(401)
    time.sleep(8)
    refused = world.front.statuses().count(401)
    over.set()
    for thread in threads:
        thread.join(30)
    assert set(kinds) == {InvalidClientError}
    assert len(kinds) > 1000
    # 0.25, 0.5, 1, 2, 4 … seconds apart from the first on.
    assert refused - before <= 5 and refused <= 8
    print(f"{len(kinds)} calls refused in 8 s: {refused - before} requests, {refused} in all")
    # The new secret works at once.
    file.write_text(SECOND)
    assert jwt.decode(source.token(), options={"verify_signature": False})["key_id"] == "k2"


def test_a_disabled_client_is_a_typed_error_as_soon_as_the_api_says_so(short_sandbox: tuple[Sandbox, Front]) -> None:
    sandbox, front = short_sandbox
    session = requests.Session()
    session.trust_env = False
    session.auth = symbolon.requests.SymbolonAuth(sandbox_source(sandbox, front))
    url = sandbox.credentials["meti_v2"]["api_url"]
    assert session.get(url, timeout=10).status_code == 200
    at = '- id: "meti_v2"\n'
    sandbox.apply(lambda text: shortened(text).replace(at, at + " " * 12 + "status: disabled\n"))

    def refused() -> bool:
        try:
            answer = session.get(url, timeout=10)
        except InvalidClientError:
            return True
        assert answer.status_code == 200
        return False

    wait_for("the error", refused, 20)


@pytest.mark.parametrize("world", [600], indirect=True)
def test_processes_share_a_token_on_disk(world: World, tmp_path: Path) -> None:
    program = (
        "import sys; from symbolon import *\n"
        "url, secret, folder = sys.argv[1:]\n"
        f"dialect = ClientCredentials(token_url=url, client_id={CLIENT!r}, client_secret=secret)\n"
        "print(TokenSource(dialect, timeout=60, cache=DiskCache(folder)).token())\n"
    )
    folder = tmp_path / "tokens"
    command = [sys.executable, "-c", program, world.front.token_url, FIRST, str(folder)]
    children = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(12)]
    tokens = {child.communicate(timeout=60)[0].strip() for child in children}
    assert all(child.returncode == 0 for child in children)
    assert len(tokens) == world.front.count() == 1
    assert all(token.count(".") == 2 for token in tokens)
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    (file,) = folder.glob("*.json")
    assert json.loads(file.read_text())["access_token"] in tokens


def test_a_token_on_disk_of_a_clock_five_minutes_off_is_not_used(world: World, tmp_path: Path) -> None:
    class Off(SystemClock):
        def __init__(self, minutes: int) -> None:
            self.minutes = minutes

        def wall_ms(self) -> int:
            return super().wall_ms() + self.minutes * 60_000

    for minutes in (-5, 5):
        cache = DiskCache(tmp_path / f"tokens{minutes}")
        before = world.front.count()
        world.source(cache=cache, environment=Environment(clock=Off(minutes))).token()
        right = world.source(cache=cache)
        assert requests.get(world.api.url, auth=symbolon.requests.SymbolonAuth(right), timeout=10).status_code == 200
        assert world.front.count() == before + 2


def test_the_audience_of_these_tests_is_the_apis(world: World) -> None:
    token = world.source().token()
    assert jwt.decode(token, options={"verify_signature": False})["aud"] == AUDIENCE
    assert world.api.judge(token) and not world.api.judge(token[:-4] + "AAAA")
