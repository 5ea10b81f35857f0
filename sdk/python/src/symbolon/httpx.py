"""Tokens for `httpx`: `httpx.Client(auth=SymbolonAuth(source))`, and the same for `AsyncClient`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from typing import Union

import httpx

from symbolon._aio import AsyncTokenSource
from symbolon._source import TokenSource

__all__ = ["SymbolonAuth"]


class SymbolonAuth(httpx.Auth):
    """Puts a token on each request. After a 401 it gets one new token and sends the request once more.

    It takes either kind of source, and serves clients of both kinds. A body that can be sent only once (a generator) is
    not sent again; the caller gets the 401. Tokens go to https alone, or to this machine, unless the source allows
    http.
    """

    def __init__(self, source: Union[TokenSource, AsyncTokenSource]) -> None:
        self._async = source if isinstance(source, AsyncTokenSource) else AsyncTokenSource(source)
        self._sync = self._async.source

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        self._sync._may_carry(str(request.url))
        token = self._sync.token()
        request.headers["Authorization"] = f"Bearer {token}"
        response = yield request
        if _refuses(response, token) and self._sync.report_unauthorized(token) and _can_be_sent_again(request):
            request.headers["Authorization"] = f"Bearer {self._sync.token()}"
            yield request

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        self._sync._may_carry(str(request.url))
        token = await self._async.token()
        request.headers["Authorization"] = f"Bearer {token}"
        response = yield request
        if _refuses(response, token) and self._sync.report_unauthorized(token) and _can_be_sent_again(request):
            request.headers["Authorization"] = f"Bearer {await self._async.token()}"
            yield request


def _refuses(response: httpx.Response, token: str) -> bool:
    """Whether the answer refuses the token. After a redirect to another host the token is gone from the request."""
    return response.status_code == 401 and response.request.headers.get("Authorization") == f"Bearer {token}"


def _can_be_sent_again(request: httpx.Request) -> bool:
    return isinstance(request.stream, httpx.ByteStream)
