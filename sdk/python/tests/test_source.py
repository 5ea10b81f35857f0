"""Single flight, asyncio, forks, and what a source shows of itself: what the vectors cannot say."""

from __future__ import annotations

import asyncio
import copy
import os
import pickle
import signal
import threading
import traceback
from typing import Any, Optional

import pytest
from support import Later, StillClock, still

import symbolon
from symbolon import Answer, AsyncTokenSource, Backoff, ClientCredentials, Request, TokenSource

URL = "https://auth.example.com/oauth/token"
SECRET = "hunter-22-and-more"


def dialect(**options: Any) -> ClientCredentials:
    """A client that is never refused for how it is described."""
    return ClientCredentials(**{"token_url": URL, "client_id": "cli_1", "client_secret": SECRET, **options})


def granted(token: str, expires_in: int = 3600) -> Answer:
    return Answer(200, {}, b'{"access_token": "%s", "expires_in": %d}' % (token.encode(), expires_in))


class Gate:
    """A transport whose answers wait until the gate is open."""

    def __init__(self, answer: Optional[Answer] = None) -> None:
        self.open, self.entered = threading.Event(), threading.Event()
        self.sent = 0
        self.answer = answer
        self._lock = threading.Lock()

    def send(self, request: Request, timeout: float) -> Answer:
        with self._lock:
            self.sent += 1
            number = self.sent
        self.entered.set()
        assert self.open.wait(30)
        return self.answer or granted(f"t{number}")


def in_threads(count: int, work: Any) -> list[threading.Thread]:
    threads = [threading.Thread(target=work, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads


def test_a_thousand_threads_wait_for_one_request() -> None:
    gate, seen = Gate(), []
    source = TokenSource(dialect(), transport=gate)
    threads = in_threads(1000, lambda: seen.append(source.token()))
    assert gate.entered.wait(30)
    gate.open.set()
    for thread in threads:
        thread.join(30)
    assert seen == ["t1"] * 1000
    assert gate.sent == 1


def test_a_thousand_threads_get_the_error_of_one_request() -> None:
    gate, kinds = Gate(Answer(401, {}, b'{"error": "invalid_client"}')), []
    source = TokenSource(dialect(), transport=gate)

    def work() -> None:
        try:
            source.token()
        except symbolon.InvalidClientError as error:
            kinds.append(error)

    threads = in_threads(1000, work)
    assert gate.entered.wait(30)
    gate.open.set()
    for thread in threads:
        thread.join(30)
    assert len(kinds) == 1000
    assert len({id(error) for error in kinds}) == 1000, "one exception raised twice keeps the frames of both"
    assert gate.sent == 1


def test_a_thousand_tasks_and_threads_wait_for_one_request() -> None:
    gate, seen = Gate(), []
    source = TokenSource(dialect(), transport=gate)
    waiting = AsyncTokenSource(source)

    async def go() -> list[str]:
        tasks = [asyncio.ensure_future(waiting.token()) for _ in range(1000)]
        await asyncio.sleep(0)
        threads = in_threads(50, lambda: seen.append(source.token()))
        gate.open.set()
        tokens = list(await asyncio.gather(*tasks))
        for thread in threads:
            thread.join(30)
        return tokens

    assert asyncio.run(go()) == ["t1"] * 1000
    assert seen == ["t1"] * 50
    assert gate.sent == 1


def test_a_cancelled_task_takes_nothing_from_the_others() -> None:
    gate = Gate()
    waiting = AsyncTokenSource(dialect(), transport=gate)

    async def go() -> str:
        first, second = asyncio.ensure_future(waiting.token()), asyncio.ensure_future(waiting.token())
        await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        gate.open.set()
        return await second

    assert asyncio.run(go()) == "t1"
    assert gate.sent == 1


def test_tasks_get_the_old_token_while_the_new_one_is_under_way(clock: StillClock) -> None:
    gate, later = Gate(), Later()
    source = TokenSource(dialect(), transport=gate, environment=still(clock, later))
    gate.open.set()
    assert source.token() == "t1"
    gate.open.clear()
    gate.entered.clear()
    clock.advance(3_000_000)
    waiting = AsyncTokenSource(source)

    async def go() -> list[str]:
        tokens = [await waiting.token() for _ in range(100)]
        while not later.waiting:
            await asyncio.sleep(0)
        tokens += [await waiting.token() for _ in range(100)]
        return tokens

    assert asyncio.run(go()) == ["t1"] * 200
    gate.open.set()
    later.run()
    assert source.token() == "t2"
    assert gate.sent == 2


def test_errors_of_tasks_are_theirs_alone() -> None:
    gate = Gate(Answer(400, {}, b'{"error": "invalid_scope"}'))
    gate.open.set()
    waiting = AsyncTokenSource(dialect(), transport=gate)

    async def go() -> list[Any]:
        return await asyncio.gather(*[waiting.token() for _ in range(100)], return_exceptions=True)

    errors = asyncio.run(go())
    assert all(isinstance(error, symbolon.InvalidScopeError) for error in errors)
    assert len({id(error) for error in errors}) == 100
    assert gate.sent == 1
    # In another loop, too, the wait is not over.
    assert all(isinstance(error, symbolon.InvalidScopeError) for error in asyncio.run(go()))
    assert gate.sent == 1


def test_an_interrupted_attempt_leaves_nobody_waiting() -> None:
    class Interrupted(Gate):
        def send(self, request: Request, timeout: float) -> Answer:
            answer = super().send(request, timeout)
            if self.sent == 1:
                raise KeyboardInterrupt
            return answer

    gate, seen = Interrupted(), []
    source = TokenSource(dialect(), transport=gate)

    def lead() -> None:
        with pytest.raises(KeyboardInterrupt):
            source.token()

    (leader,) = in_threads(1, lead)
    assert gate.entered.wait(30)
    others = in_threads(10, lambda: seen.append(source.token()))
    gate.open.set()
    for thread in [leader, *others]:
        thread.join(30)
    assert seen == ["t2"] * 10


def test_a_transport_that_raises_anything_is_a_temporary_failure() -> None:
    class Broken:
        def send(self, request: Request, timeout: float) -> Answer:
            raise KeyError("a fault of its own")

    source = TokenSource(dialect(), transport=Broken(), patience=0)
    with pytest.raises(symbolon.TemporaryError, match="KeyError"):
        source.token()


def test_no_thread_to_be_had_is_nobodys_error(clock: StillClock) -> None:
    def no_thread(work: Any) -> None:
        raise RuntimeError("can't start new thread")

    gate = Gate()
    gate.open.set()
    environment = symbolon.Environment(clock=clock, draw=lambda: 0.0, spawn=no_thread)
    source = TokenSource(dialect(), transport=gate, environment=environment)
    assert source.token() == "t1"
    clock.advance(3_000_000)
    assert [source.token() for _ in range(3)] == ["t1"] * 3
    clock.advance(600_000)
    assert source.token() == "t2"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_does_not_wait_for_its_parents_threads() -> None:
    gate = Gate()
    source = TokenSource(dialect(), transport=gate)
    in_threads(1, source.token)
    assert gate.entered.wait(30)
    child = os.fork()
    if child == 0:
        gate.open.set()
        os._exit(0 if source.token() == "t2" else 1)
    _, status = os.waitpid(child, 0)
    gate.open.set()
    assert os.waitstatus_to_exitcode(status) == 0
    assert source.token() == "t1"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_asks_in_an_event_loop_of_its_own() -> None:
    gate = Gate()
    source = AsyncTokenSource(dialect(), transport=gate)
    asking = in_threads(1, lambda: asyncio.run(source.token()))
    assert gate.entered.wait(30)
    # As another thread may do just then.
    with source._lock:
        child = os.fork()
        if child == 0:
            signal.alarm(30)
            gate.open.set()
            os._exit(0 if asyncio.run(source.token()) == "t2" else 1)
    _, status = os.waitpid(child, 0)
    gate.open.set()
    for thread in asking:
        thread.join(30)
    assert os.waitstatus_to_exitcode(status) == 0


def test_nothing_that_is_shown_holds_a_secret_or_a_token() -> None:
    gate = Gate(granted("a-token-that-nobody-sees"))
    gate.open.set()
    described = dialect()
    source = TokenSource(described, transport=gate)
    source.token()
    shown = [repr(source), repr(AsyncTokenSource(source)), repr(described), repr(symbolon.Value(SECRET))]
    shown.append(repr(gate.answer))
    shown.append(repr(symbolon.Keycloak("https://sso.example.com", "r", "c", SECRET)))
    shown.append(repr(symbolon.AccessKey(URL, "k", SECRET)))
    shown.append(repr(symbolon.Password(URL, "a@example.com", SECRET)))
    shown.append(repr(symbolon.Command(["vault", "--token", SECRET])))
    shown.append(repr(Request("POST", URL, {"authorization": SECRET}, SECRET.encode())))
    for text in shown:
        assert SECRET not in text
        assert "nobody-sees" not in text
    assert "cli_1" in repr(source)


def test_an_error_says_what_happened_and_what_to_do() -> None:
    answer = Answer(401, {"x-request-id": "req_1"}, b'{"error": "invalid_client", "error_description": "no"}')
    gate = Gate(answer)
    gate.open.set()
    with pytest.raises(symbolon.InvalidClientError) as caught:
        TokenSource(dialect(), transport=gate).token()
    told = str(caught.value)
    assert told == (
        "invalid_client: the server answered 401 (invalid_client: no) [request req_1]. "
        "Check the client's id and its secret, and whether either was revoked."
    )
    assert caught.value.status == 401
    for other in (copy.copy(caught.value), pickle.loads(pickle.dumps(caught.value))):
        assert (str(other), other.code, other.request_id) == (told, "invalid_client", "req_1")


def test_a_remembered_error_does_not_grow() -> None:
    gate = Gate(Answer(400, {}, b'{"error": "invalid_scope"}'))
    gate.open.set()
    source = TokenSource(dialect(), transport=gate, backoff=Backoff(base=3600, cap=3600))
    depths = []
    for _ in range(100):
        try:
            source.token()
        except symbolon.InvalidScopeError as error:
            depths.append(len(traceback.extract_tb(error.__traceback__)))
    assert len(set(depths[1:])) == 1


@pytest.mark.parametrize(
    "options",
    [
        {"patience": -1},
        {"patience": float("nan")},
        {"timeout": 0},
        {"timeout": 1e9},
        {"assumed_life": 0},
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(symbolon.ConfigurationError):
        TokenSource(dialect(), **options)


@pytest.mark.parametrize("base, cap", [(0, 1), (2, 1), (-1, 1), (1, 1e9), (float("nan"), 1), (1, float("nan"))])
def test_a_backoff_that_makes_no_sense_is_refused(base: float, cap: float) -> None:
    with pytest.raises(symbolon.ConfigurationError):
        Backoff(base, cap)


@pytest.mark.parametrize(
    "wrong",
    [
        {"client_id": ""},
        {"client_id": "a\nb"},
        {"client_secret": ""},
        {"client_secret": 17},
        {"client_secret": ["s1", ""]},
        {"auth": "digest"},
        {"issuer": "https://auth.example.com"},
        {"token_url": None},
        {"scope": "a\r\nb"},
        {"audience": ""},
    ],
    ids=str,
)
def test_a_dialect_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(symbolon.ConfigurationError) as caught:
        TokenSource(dialect(**wrong))
    assert SECRET not in str(caught.value)


def test_an_access_key_id_cannot_have_a_colon() -> None:
    with pytest.raises(symbolon.ConfigurationError):
        TokenSource(symbolon.AccessKey(URL, "a:b", SECRET))


def test_the_wait_is_bounded_however_often_it_fails() -> None:
    backoff = Backoff(0.5, 60)
    assert [backoff.wait_ms(failures, 0.5) for failures in (1, 2, 3)] == [250, 500, 1000]
    assert all(100 <= backoff.wait_ms(failures, draw) <= 60_000 for failures in range(1, 5000) for draw in (0, 0.999))


def test_a_provider_that_makes_secrets_up_does_not_hammer(clock: StillClock) -> None:
    class MadeUp:
        def __init__(self) -> None:
            self.count = 0

        def secrets(self) -> list[str]:
            self.count += 1
            return [f"made up {self.count}"]

    gate = Gate(Answer(401, {}, b'{"error": "invalid_client"}'))
    gate.open.set()
    source = TokenSource(
        dialect(client_secret=MadeUp()), transport=gate, patience=0, environment=still(clock, Later())
    )
    for _ in range(200):
        with pytest.raises(symbolon.InvalidClientError):
            source.token()
    assert gate.sent <= 20, gate.sent
