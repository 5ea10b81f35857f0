"""The transport that comes with the package, against servers that do what they should not."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from symbolon import (
    Backoff,
    ClientCredentials,
    HttpTransport,
    MalformedAnswerError,
    Request,
    TemporaryError,
    TokenSource,
    TransportError,
)
from symbolon._transport import MAX_BODY

Talk = Callable[[socket.socket], None]


class Raw:
    """A server that says, byte for byte, what a test tells it to."""

    def __init__(self, talk: Talk) -> None:
        self.talk, self.got = talk, b""
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.base = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.done = threading.Event()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self) -> None:
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            with sock:
                try:
                    self.got = request_of(sock)
                    self.talk(sock)
                except OSError:
                    pass
            self.done.set()

    def close(self) -> None:
        self.listener.close()


def request_of(sock: socket.socket) -> bytes:
    """All of a request whose head names the length of its body."""
    got = b""
    while True:
        head, found, body = got.partition(b"\r\n\r\n")
        lengths = [line[15:] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        length = int(lengths[0]) if lengths else 0
        if found and len(body) >= length:
            return got
        more = sock.recv(65536)
        if not more:
            return got
        got += more


@pytest.fixture
def raw() -> Iterator[Callable[[Talk], Raw]]:
    servers: list[Raw] = []

    def make(talk: Talk) -> Raw:
        servers.append(Raw(talk))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


def says(data: bytes) -> Talk:
    return lambda sock: sock.sendall(data)


def ok(body: bytes, *headers: bytes) -> bytes:
    return b"\r\n".join([b"HTTP/1.1 200 OK", b"content-length: %d" % len(body), *headers, b"", body])


def post(url: str) -> Request:
    return Request("POST", url, {"content-type": "text/plain"}, b"body")


TOKEN = b'{"access_token": "t1", "expires_in": 60}'


def source(url: str, **options: float) -> TokenSource:
    dialect = ClientCredentials(token_url=url, client_id="c", client_secret="s")
    return TokenSource(dialect, backoff=Backoff(0.1, 0.2), **{"patience": 0, **options})  # type: ignore[arg-type]


def test_a_request_is_sent_as_it_is(raw: Callable[[Talk], Raw]) -> None:
    server = raw(says(ok(b"{}", b"X-Request-Id: req_1")))
    answer = HttpTransport().send(post(server.base + "/a/b?c=d"), 5)
    assert (answer.status, answer.headers["x-request-id"], answer.body) == (200, "req_1", b"{}")
    head, _, body = server.got.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /a/b?c=d HTTP/1.1\r\n") and body == b"body"
    assert b"\r\nContent-Length: 4" in head and b"\r\ncontent-type: text/plain" in head


def test_no_more_is_read_than_makes_sense(raw: Callable[[Talk], Raw]) -> None:
    def endless(sock: socket.socket) -> None:
        sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            sock.sendall(b" " * 65536)

    server = raw(endless)
    assert len(HttpTransport().send(post(server.base), 30).body) == MAX_BODY + 1
    assert server.done.wait(30), "the connection was left open"
    with pytest.raises(MalformedAnswerError):
        source(server.base).token()


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"HTTP/1.1 200 OK\r\ncontent-le",
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n" + TOKEN,
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n28\r\n" + TOKEN + b"\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 1000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 70000 + b"\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x00\x01\x02\x03" * 100,
    ],
    ids=["nothing", "half head", "half body", "chunks without end", "many headers", "long header", "ssh", "bytes"],
)
def test_half_an_answer_is_none(raw: Callable[[Talk], Raw], said: bytes) -> None:
    server = raw(says(said))
    with pytest.raises(TransportError):
        HttpTransport().send(post(server.base), 5)
    with pytest.raises(TemporaryError):
        source(server.base).token()


def test_a_server_that_sends_a_byte_now_and_then_is_cut_off(raw: Callable[[Talk], Raw]) -> None:
    def drip(start: bytes) -> Talk:
        def talk(sock: socket.socket) -> None:
            sock.sendall(start)
            while True:
                time.sleep(0.05)
                sock.sendall(b"x")

        return talk

    for start in (b"HTTP/1.1 200 OK\r\nx-slow: ", b"HTTP/1.1 200 OK\r\ncontent-length: 60000\r\n\r\n", b""):
        server = raw(drip(start))
        began = time.monotonic()
        with pytest.raises(TransportError, match="timed out"):
            HttpTransport().send(post(server.base), 0.4)
        assert time.monotonic() - began < 5


def test_a_server_that_says_nothing_is_cut_off(raw: Callable[[Talk], Raw]) -> None:
    server = raw(lambda sock: time.sleep(5))
    began = time.monotonic()
    with pytest.raises(TemporaryError, match="timed out"):
        source(server.base, timeout=0.3).token()
    assert time.monotonic() - began < 4


def test_nobody_listening_is_temporary() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(TemporaryError):
        source(f"http://127.0.0.1:{port}").token()


def test_a_redirect_is_handed_on(raw: Callable[[Talk], Raw]) -> None:
    target = raw(says(ok(TOKEN)))
    location = b"location: " + target.base.encode()
    server = raw(says(b"HTTP/1.1 307 Temporary Redirect\r\ncontent-length: 0\r\n" + location + b"\r\n\r\n"))
    assert HttpTransport().send(post(server.base), 5).status == 307
    assert not target.done.is_set()


def test_the_first_of_two_headers_counts(raw: Callable[[Talk], Raw]) -> None:
    server = raw(says(ok(b"{}", b"Retry-After: 1", b"retry-after: 2")))
    assert HttpTransport().send(post(server.base), 5).headers["retry-after"] == "1"
