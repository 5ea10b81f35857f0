"""The same source for asyncio. Requests are made by a thread, so that one core serves both kinds of callers at once."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import weakref
from typing import Any, Union

from symbolon import _errors as errors
from symbolon._dialects import Dialect
from symbolon._source import TokenSource

_LOOK_EVERY_MS = 100
"""How often a thread is started, at most, to see whether a good token can be renewed."""

_Result = Union[str, errors.TokenError]


class AsyncTokenSource:
    """Gives an access token to whoever awaits it, and renews it by itself.

    It is made like a `TokenSource`, or around one that threads use at the same time. Any number of tasks, in any
    number of event loops, wait for one request.
    """

    def __init__(self, dialect: Union[Dialect, TokenSource], **options: Any) -> None:
        if isinstance(dialect, TokenSource):
            if options:
                raise errors.ConfigurationError("the options belong to the TokenSource")
            self.source = dialect
        else:
            self.source = TokenSource(dialect, **options)
        self._pending: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Future[_Result]]
        self._pending = weakref.WeakKeyDictionary()
        self._lock = threading.Lock()
        self._looked_at = -_LOOK_EVERY_MS
        _SOURCES.add(self)

    def __repr__(self) -> str:
        return f"<AsyncTokenSource of {self.source!r}>"

    async def token(self) -> str:
        """A token that is good now. Raises `TokenError` if there is none to be had."""
        source = self.source
        held, now = source._held, source._now()
        if held is not None and now < held.renew_at:
            return held.value
        if held is not None and now < held.end:
            if source._is_due(now) and now - self._looked_at >= _LOOK_EVERY_MS:
                self._looked_at = now
                self._get()
            return held.value
        # A caller that is cancelled leaves the others their answer.
        result = await asyncio.shield(self._get())
        if isinstance(result, errors.TokenError):
            raise result.again()
        return result

    def report_unauthorized(self, token: str) -> bool:
        """Says that an API answered 401 to a token. The answer is whether another try, with `token()`, makes sense."""
        return self.source.report_unauthorized(token)

    def _get(self) -> asyncio.Future[_Result]:
        """What this loop's tasks wait for together: one call of the source, in a thread of its own."""
        loop = asyncio.get_running_loop()
        with self._lock:
            pending = self._pending.get(loop)
            if pending is not None and not pending.done():
                return pending
            pending = self._pending[loop] = loop.create_future()
        threading.Thread(target=self._call, args=(loop, pending), name="symbolon-token", daemon=True).start()
        return pending

    def _call(self, loop: asyncio.AbstractEventLoop, pending: asyncio.Future[_Result]) -> None:
        result: _Result
        try:
            result = self.source.token()
        except errors.TokenError as error:
            result = error
        except BaseException as error:
            self._tell(loop, pending, error)
            return
        self._tell(loop, pending, result)

    @staticmethod
    def _tell(
        loop: asyncio.AbstractEventLoop, pending: asyncio.Future[_Result], result: Union[_Result, BaseException]
    ) -> None:
        def settle() -> None:
            if pending.done():
                return
            if isinstance(result, (str, errors.TokenError)):
                pending.set_result(result)
            else:
                pending.set_exception(result)

        # If the loop was closed meanwhile, nobody waits.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(settle)

    def _forked(self) -> None:
        """In a child process the thread that asked does not live on, nor one that held the lock."""
        self._lock = threading.Lock()
        self._pending = weakref.WeakKeyDictionary()


_SOURCES: weakref.WeakSet[AsyncTokenSource] = weakref.WeakSet()


def _after_fork() -> None:
    for source in list(_SOURCES):
        source._forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
