"""The auth classes for requests and httpx: which requests get a token, and which are sent twice."""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
import requests

import symbolon
import symbolon.httpx
import symbolon.requests
from symbolon import Answer, ClientCredentials, Request, TokenSource


class Counting:
    """A token endpoint: t1, t2, …"""

    def __init__(self) -> None:
        self.sent = 0

    def send(self, request: Request, timeout: float) -> Answer:
        self.sent += 1
        return Answer(200, {}, b'{"access_token": "t%d", "expires_in": 3600}' % self.sent)


def source(**options: Any) -> TokenSource:
    dialect = ClientCredentials("c", "s", "https://auth.example.com/oauth/token", **options)
    return TokenSource(dialect, transport=Counting())


class Api:
    """Takes t2 and refuses t1; sends `/elsewhere` to another host's name."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, bytes]] = []
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                length = int(self.headers.get("content-length", 0))
                body = self.rfile.read(length) if length else self.chunks()
                token = self.headers.get("authorization", "")
                api.seen.append((self.headers["host"].split(":")[0], token, body))
                if self.path == "/elsewhere":
                    self.answer(307, ("location", f"http://localhost:{self.server.server_address[1]}/"))
                else:
                    self.answer(200 if token == "Bearer t2" else 401)

            do_POST = do_GET

            def chunks(self) -> bytes:
                body = b""
                if self.headers.get("transfer-encoding") == "chunked":
                    while size := int(self.rfile.readline(), 16):
                        body += self.rfile.read(size)
                        self.rfile.readline()
                    self.rfile.readline()
                return body

            def answer(self, status: int, *headers: tuple[str, str]) -> None:
                self.send_response_only(status)
                for name, value in (*headers, ("content-length", "0")):
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"


@pytest.fixture
def api() -> Iterator[Api]:
    made = Api()
    yield made
    made.server.shutdown()
    made.server.server_close()


class Unseekable:
    """Can be read once."""

    def __init__(self) -> None:
        self.left = [b"bo", b"dy"]

    def __iter__(self) -> Iterator[bytes]:
        while self.left:
            yield self.left.pop(0)


class AsyncUnseekable:
    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"bo"
        yield b"dy"


Send = Callable[[str, TokenSource, Any], int]


def by_requests(url: str, tokens: TokenSource, body: Any) -> int:
    with requests.Session() as session:
        session.trust_env = False
        return session.post(url, data=body, auth=symbolon.requests.SymbolonAuth(tokens), timeout=10).status_code


def by_httpx(url: str, tokens: TokenSource, body: Any) -> int:
    auth = symbolon.httpx.SymbolonAuth(tokens)
    with httpx.Client(auth=auth, trust_env=False, follow_redirects=True) as client:
        return client.post(url, content=body).status_code


def by_async_httpx(url: str, tokens: TokenSource, body: Any) -> int:
    async def go() -> int:
        auth = symbolon.httpx.SymbolonAuth(symbolon.AsyncTokenSource(tokens))
        async with httpx.AsyncClient(auth=auth, trust_env=False, follow_redirects=True) as client:
            content = AsyncUnseekable() if isinstance(body, Unseekable) else body
            return (await client.post(url, content=content)).status_code

    return asyncio.run(go())


ALL = pytest.mark.parametrize("send", [by_requests, by_httpx, by_async_httpx])


@ALL
def test_a_body_is_sent_again_after_a_401(send: Send, api: Api) -> None:
    assert send(api.url, source(), b"body") == 200
    assert [(token, body) for _, token, body in api.seen] == [("Bearer t1", b"body"), ("Bearer t2", b"body")]


@ALL
def test_a_body_that_can_be_sent_once_is_not_sent_again(send: Send, api: Api) -> None:
    tokens = source()
    assert send(api.url, tokens, Unseekable()) == 401
    assert [(token, body) for _, token, body in api.seen] == [("Bearer t1", b"body")]
    assert send(api.url, tokens, b"next") == 200
    assert api.seen[1:] == [("127.0.0.1", "Bearer t2", b"next")]


def test_a_file_is_sent_again_from_where_it_was(api: Api) -> None:
    file = io.BytesIO(b"left out, body")
    file.seek(len(b"left out, "))
    assert by_requests(api.url, source(), file) == 200
    assert [body for _, _, body in api.seen] == [b"body", b"body"]


@ALL
def test_another_host_gets_no_token(send: Send, api: Api) -> None:
    tokens = source()
    send(api.url + "elsewhere", tokens, b"body")
    there = [token for host, token, _ in api.seen if host == "localhost"]
    assert there and set(there) == {""}
    # What that host refuses is no fault of the token.
    assert tokens._transport.sent == 1  # type: ignore[attr-defined]


@ALL
def test_no_token_goes_where_everybody_can_read_it(send: Send) -> None:
    tokens = source()
    with pytest.raises(symbolon.ConfigurationError, match="https"):
        send("http://api.example.com/things", tokens, b"")
    assert tokens._transport.sent == 0  # type: ignore[attr-defined]


def test_plain_http_can_be_allowed() -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, text=request.headers["authorization"])

    auth = symbolon.httpx.SymbolonAuth(source(allow_http=True))
    with httpx.Client(transport=httpx.MockTransport(handle), auth=auth) as client:
        assert client.get("http://api.example.com/things").text == "Bearer t1"
