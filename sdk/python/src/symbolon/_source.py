"""The source of tokens: what is held, when it is renewed, and by whom.

However many callers there are, one attempt is under way at most. A good token is given without a lock. The rules are
those of sdk/vectors/README.md, which Symbolon's clients for all languages share.
"""

from __future__ import annotations

import os
import random
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Optional, Protocol

from symbolon import _answers as answers
from symbolon import _errors as errors
from symbolon._address import checked_url
from symbolon._cache import DiskCache
from symbolon._dialects import Dialect, Wire
from symbolon._transport import Answer, HttpTransport, Request, Transport, TransportError

_LEAST_WAIT_MS = 100
_FORCED_EVERY_MS = 10_000
_MINUTE_MS = 60_000
# So many secrets that were tried can each end a wait; more of them are made up.
_MOST_TRIED = 10


class Clock(Protocol):
    """Time in milliseconds. `monotonic_ms` never goes back; `wall_ms` is Unix time."""

    def monotonic_ms(self) -> int: ...

    def wall_ms(self) -> int: ...

    def sleep_ms(self, duration: int) -> None: ...


class SystemClock:
    """The machine's clocks."""

    def monotonic_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000

    def wall_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def sleep_ms(self, duration: int) -> None:
        time.sleep(duration / 1000)


def _in_background(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="symbolon-renewal", daemon=True).start()


@dataclass(frozen=True)
class Environment:
    """What a source takes from around it, so that tests can hold it still."""

    clock: Clock = field(default_factory=SystemClock)
    draw: Callable[[], float] = random.random
    """A number from 0 to below 1."""
    spawn: Callable[[Callable[[], None]], None] = _in_background
    """Runs something without anybody waiting for it."""


@dataclass(frozen=True)
class Backoff:
    """The range of waits between attempts, in seconds: it doubles from `base` to `cap`, and waits are drawn from it."""

    base: float = 0.5
    cap: float = 60.0

    def __post_init__(self) -> None:
        if not 0.1 <= self.base <= self.cap <= 3600:
            raise errors.ConfigurationError("a back-off needs 0.1 ≤ base ≤ cap ≤ 3600 seconds")

    def wait_ms(self, failures: int, draw: float) -> int:
        """The wait after so many failures in a row."""
        ceiling = min(round(self.cap * 1000), round(self.base * 1000) << min(failures - 1, 32))
        return max(_LEAST_WAIT_MS, int(draw * ceiling))


class Held:
    """A token in use."""

    __slots__ = ("end", "renew_at", "scope", "value")

    def __init__(self, granted: answers.Granted, sent: int, draw: float) -> None:
        life = granted.life_ms
        base = life * 4 // 5
        if life >= _MINUTE_MS:
            base = min(base, life - 30_000)
        self.value, self.scope = granted.value, granted.scope
        self.renew_at = sent + base - int(draw * (life - base) / 10)
        self.end = sent + life


class _Flight:
    """One attempt, and what became of it."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.held: Optional[Held] = None
        self.error: Optional[errors.TokenError] = None


class TokenSource:
    """Gives an access token to whoever asks, and renews it by itself. For threads; share one in the whole process.

    `patience`: the seconds that a call waits, while there is no good token, for a server that fails for the moment.
    `timeout`: the seconds that one request may take. `assumed_life`: the seconds that a token is believed to live if
    its answer does not say. `cache`: a `DiskCache` shares tokens with other processes.
    """

    def __init__(
        self,
        dialect: Dialect,
        *,
        patience: float = 30.0,
        timeout: float = 10.0,
        assumed_life: float = 300.0,
        backoff: Backoff = Backoff(),
        cache: Optional[DiskCache] = None,
        transport: Optional[Transport] = None,
        environment: Optional[Environment] = None,
    ) -> None:
        self._wire = Wire(dialect)
        if not 0 <= patience <= 3600 or not 0 < timeout <= 600 or not 1 <= assumed_life <= 86_400:
            raise errors.ConfigurationError(
                "patience must be 0 to 3600 seconds, timeout above 0 and up to 600, assumed_life 1 to 86400"
            )
        self._patience_ms, self._timeout = round(patience * 1000), timeout
        self._assumed_life_ms = round(assumed_life * 1000)
        self._backoff = backoff
        self._entry = cache.entry(self._wire) if cache is not None else None
        self._transport: Transport = transport if transport is not None else HttpTransport()
        self._environment = environment if environment is not None else Environment()
        self._clock = self._environment.clock
        self._now = self._clock.monotonic_ms
        self._lock = threading.Lock()
        self._flight: Optional[_Flight] = None
        self._held: Optional[Held] = None
        # Since the last success: how often it failed, why, what was tried, whether a secret was refused, and when it
        # may be tried again.
        self._failures = 0
        self._error: Optional[errors.TokenError] = None
        self._tried: set[str] = set()
        self._was_refused = False
        self._next_at = 0
        self._accepted: Optional[str] = None
        self._endpoint = self._wire.token_url
        self._dropped: Optional[str] = None
        self._dropped_at: Optional[int] = None
        _SOURCES.add(self)

    def __repr__(self) -> str:
        where = self._wire.token_url or self._wire.issuer
        return f"<TokenSource {self._wire.name} {self._wire.identity!r} at {where}>"

    def token(self) -> str:
        """A token that is good now. Raises `TokenError` if there is none to be had."""
        held = self._held
        if held is not None and self._now() < held.renew_at:
            return held.value
        return self._get().value

    def _may_carry(self, url: str) -> None:
        """Raises `ConfigurationError` if a token must not be sent there."""
        if url[:6].lower() != "https:":
            checked_url(url.split("#")[0].replace(" ", "%20"), "the API's address", self._wire.allow_http)

    def report_unauthorized(self, token: str) -> bool:
        """Says that an API answered 401 to a token. The answer is whether another try, with `token()`, makes sense.

        The token is given to nobody any more; but tokens are dropped at most once in ten seconds, so that an API that
        refuses every token does not make this source hammer the token endpoint.
        """
        with self._lock:
            if self._held is None or self._held.value != token:
                return True
            now = self._now()
            if self._dropped_at is not None and now - self._dropped_at < _FORCED_EVERY_MS:
                return False
            self._dropped, self._dropped_at, self._held = token, now, None
            return True

    def _usable(self, now: int) -> Optional[Held]:
        held = self._held
        return held if held is not None and now < held.end else None

    def _get(self) -> Held:
        """The slow way: there is no token, or it is time to renew it."""
        deadline = self._now() + self._patience_ms
        while True:
            anew = self._has_new_secret()
            with self._lock:
                now = self._now()
                held, flight = self._usable(now), self._flight
                mine = flight is None and (held is None or now >= held.renew_at) and (anew or now >= self._next_at)
                if mine:
                    flight = self._flight = _Flight()
                error, wait = self._error, self._next_at - now
            if held is not None:
                if mine and flight is not None:
                    self._spawn(flight)
                return held
            if flight is not None:
                if mine:
                    self._fly(flight)
                else:
                    flight.done.wait()
                if flight.held is not None:
                    return flight.held
                if flight.error is not None and not flight.error.is_temporary:
                    raise flight.error.again()
            elif error is not None and (not error.is_temporary or now + wait > deadline):
                raise error.again()
            elif wait > 0:
                self._clock.sleep_ms(wait)

    def _is_due(self, now: int) -> bool:
        """Whether a call makes sense that may find a way to renew a good token."""
        return self._flight is None and (now >= self._next_at or self._was_refused)

    def _has_new_secret(self) -> bool:
        """Whether there is a secret to try although the back-off is not over: the right one may be taken at once."""
        if not self._was_refused or self._now() >= self._next_at or len(self._tried) >= _MOST_TRIED:
            return False
        return any(secret not in self._tried for secret in self._wire.secrets.read())

    def _spawn(self, flight: _Flight) -> None:
        def work() -> None:
            self._fly(flight)

        try:
            self._environment.spawn(work)
        except RuntimeError:
            # No thread can be started, while the interpreter ends for one. The token is good; a later call tries again.
            self._land(flight)

    def _fly(self, flight: _Flight) -> None:
        """Makes the attempt. Whatever happens, nobody is left waiting."""
        try:
            held = self._attempt()
        except errors.TokenError as error:
            self._land(flight, error=error)
        except BaseException:
            self._land(flight)
            raise
        else:
            self._land(flight, held)

    def _land(self, flight: _Flight, held: Optional[Held] = None, error: Optional[errors.TokenError] = None) -> None:
        with self._lock:
            if held is not None:
                self._held, self._failures, self._error, self._next_at = held, 0, None, 0
                self._tried, self._was_refused = set(), False
            elif error is not None and not isinstance(error, errors.NoSecretError):
                self._failures += 1
                draw = self._environment.draw()
                if error.retry_after is not None:
                    named = round(error.retry_after * 1000)
                    wait = named + int(draw * named / 10)
                else:
                    wait = self._backoff.wait_ms(self._failures, draw)
                self._error, self._next_at = error, self._now() + wait
            if self._flight is flight:
                self._flight = None
        flight.held, flight.error = held, error
        flight.done.set()

    def _attempt(self) -> Held:
        if self._entry is None:
            return self._ask()
        with self._entry.locked():
            now, found, spare = self._now(), self._entry.read(self._clock.wall_ms()), None
            if found is not None and found[0].value != self._dropped:
                spare = Held(found[0], now - found[1], self._environment.draw())
                if now < spare.renew_at:
                    return spare
            try:
                return self._ask()
            except errors.TemporaryError:
                if spare is None or self._usable(self._now()) is not None or self._now() >= spare.end:
                    raise
                return spare

    def _ask(self) -> Held:
        """Asks the server, with one secret after the other."""
        known = self._wire.secrets.read()
        accepted = self._accepted
        if accepted is not None:
            known = [accepted, *known] if accepted in known else [*known, accepted]
        if not known:
            raise errors.NoSecretError("the provider names no secret")
        tried: list[str] = []
        try:
            url = self._endpoint or self._discover()
            while True:
                secret = next(one for one in known if one not in tried)
                tried.append(secret)
                try:
                    held = self._exchange(url, secret)
                except errors.InvalidClientError:
                    self._was_refused = True
                    if all(one in tried for one in known):
                        known = self._wire.secrets.read()
                    if all(one in tried for one in known) or len(tried) >= _MOST_TRIED:
                        raise
                else:
                    self._accepted = secret
                    return held
        finally:
            # Whatever else ends an attempt ends it for every secret: one that was not reached must not begin the next
            # attempt at once, and the next.
            self._tried.update(known, tried)

    def _exchange(self, url: str, secret: str) -> Held:
        sent, issued_at = self._now(), self._clock.wall_ms()
        answer = self._send(self._wire.request(url, secret))
        if answer.status in (404, 405, 410):
            self._endpoint = self._wire.token_url
        granted = answers.token(self._wire, answer, secret, self._clock.wall_ms(), self._assumed_life_ms)
        if self._entry is not None:
            self._entry.write(granted, issued_at)
        return Held(granted, sent, self._environment.draw())

    def _discover(self) -> str:
        answer = self._send(self._wire.discovery(rfc8414=False))
        if answer.status == 404:
            answer = self._send(self._wire.discovery(rfc8414=True))
        self._endpoint = answers.endpoint(self._wire, answer, self._clock.wall_ms())
        return self._endpoint

    def _send(self, request: Request) -> Answer:
        try:
            return self._transport.send(request, self._timeout)
        except TransportError as error:
            raise errors.TemporaryError(str(error)) from error
        except Exception as error:
            # Whatever a transport raises, there is no answer.
            raise errors.TemporaryError(f"no answer: {type(error).__name__}: {error}") from error

    def _forked(self) -> None:
        """In a child process no other thread lives on: neither one that held the lock nor one that was asking."""
        self._lock = threading.Lock()
        self._flight = None


_SOURCES: weakref.WeakSet[TokenSource] = weakref.WeakSet()


def _after_fork() -> None:
    for source in list(_SOURCES):
        source._forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
