"""Tokens for `requests`: `session.auth = SymbolonAuth(source)`."""

from __future__ import annotations

from typing import Any, Optional

from requests.auth import AuthBase
from requests.models import PreparedRequest, Response

from symbolon._source import TokenSource

__all__ = ["SymbolonAuth"]


class SymbolonAuth(AuthBase):
    """Puts a token on each request. After a 401 it gets one new token and sends the request once more.

    A body that can be sent only once (a generator) is not sent again; the caller gets the 401. Tokens go to https
    alone, or to this machine, unless the source allows http.
    """

    def __init__(self, source: TokenSource) -> None:
        self._source = source

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        self._source._may_carry(request.url or "")
        token = self._source.token()
        request.headers["Authorization"] = f"Bearer {token}"
        place = _place(request)

        def on_answer(response: Response, **how: Any) -> Response:
            return self._on_answer(response, token, place, how)

        request.register_hook("response", on_answer)
        return request

    def _on_answer(self, response: Response, token: str, place: Optional[int], how: dict[str, Any]) -> Response:
        first = response.request
        # After a redirect to another host the token is gone from the request, and so it stays.
        if response.status_code != 401 or first.headers.get("Authorization") != f"Bearer {token}":
            return response
        # Said in any case: the next request should have another token.
        another = self._source.report_unauthorized(token)
        if place is None or not another:
            return response
        fresh = self._source.token()
        # Frees the connection for the second request.
        _ = response.content
        response.close()
        again = first.copy()
        seek = getattr(again.body, "seek", None)
        if seek is not None:
            seek(place)
        again.headers["Authorization"] = f"Bearer {fresh}"
        answer = response.connection.send(again, **how)
        answer.history.append(response)
        answer.request = again
        return answer


def _place(request: PreparedRequest) -> Optional[int]:
    """Where the body begins, or None if it cannot be sent twice."""
    body: Any = request.body
    if body is None or isinstance(body, (str, bytes)):
        return 0
    try:
        return int(body.tell())
    except (AttributeError, OSError):
        return None
