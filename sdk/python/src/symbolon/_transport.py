"""How requests travel. `Transport` is all that a source asks for, so tests and unusual networks bring their own."""

from __future__ import annotations

import base64
import contextlib
import http.client
import socket
import ssl
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Optional, Protocol

MAX_BODY = 64 * 1024
"""So many bytes of an answer are read; one more is kept as the sign that there were more."""


@dataclass(frozen=True)
class Request:
    """One HTTP request. It holds the secret, so its `repr` shows neither headers nor body."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    """Names are in lower case."""
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class Answer:
    """One HTTP answer. It may hold a token, so its `repr` shows the status alone."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    """Names are in lower case."""
    body: bytes = field(repr=False)
    """At most `MAX_BODY` + 1 bytes."""


class TransportError(Exception):
    """There was no answer."""


class Transport(Protocol):
    """Sends one request and gives its answer, whatever the status. Redirects are not followed."""

    def send(self, request: Request, timeout: float) -> Answer:
        """Raises `TransportError` if there is no answer within `timeout` seconds. Called from any thread."""
        ...


class HttpTransport:
    """The standard library's HTTP: one connection for each request, which is one in a token's life.

    Certificates are checked against those that the system trusts (`SSL_CERT_FILE` names others), unless a `context` is
    given. The proxies of the environment (`HTTPS_PROXY`, `NO_PROXY`) are used for https.
    """

    def __init__(self, context: Optional[ssl.SSLContext] = None) -> None:
        self._context = context

    def send(self, request: Request, timeout: float) -> Answer:
        url = urllib.parse.urlsplit(request.url)
        try:
            connection = self._connection(url, timeout)
        except (OSError, ValueError) as error:
            raise TransportError(f"cannot reach {url.hostname}: {error}") from error
        end = time.monotonic() + timeout
        # Every read has its own time; this ends a server that sends a byte now and then.
        watch = threading.Timer(timeout, _cut, [connection])
        watch.daemon = True
        watch.start()
        try:
            target = url.path or "/"
            if url.query:
                target += "?" + url.query
            headers = {"user-agent": "symbolon-python", **request.headers}
            connection.request(request.method, target, body=request.body or None, headers=headers)
            response = connection.getresponse()
            body = response.read(MAX_BODY + 1)
            if time.monotonic() > end:
                raise TimeoutError("timed out")
            if response.length and len(body) <= MAX_BODY:
                raise http.client.IncompleteRead(b"", response.length)
            sized = response.chunked or "content-length" in response.headers
            if response.status == 200 and not body and not sized:
                # http.client takes the end of a connection within the head for the end of the head.
                raise http.client.IncompleteRead(b"")
            names = {name.lower(): value for name, value in reversed(response.getheaders())}
            return Answer(response.status, names, body)
        except (OSError, http.client.HTTPException, ValueError, AttributeError) as error:
            # An AttributeError is what http.client makes of a connection that was cut while it read.
            late = time.monotonic() > end
            what = "timed out" if late else str(error) or type(error).__name__
            raise TransportError(f"no answer from {url.hostname}: {what}") from error
        finally:
            watch.cancel()
            connection.close()

    def _connection(self, url: urllib.parse.SplitResult, timeout: float) -> http.client.HTTPConnection:
        host = url.hostname or ""
        if url.scheme == "http":
            return http.client.HTTPConnection(host, url.port, timeout=timeout)
        if self._context is None:
            self._context = ssl.create_default_context()
        proxy = urllib.request.getproxies().get("https")
        if proxy is None or urllib.request.proxy_bypass(host):
            return http.client.HTTPSConnection(host, url.port, timeout=timeout, context=self._context)
        at = urllib.parse.urlsplit(proxy if "//" in proxy else "http://" + proxy)
        if at.scheme != "http":
            raise ValueError(f"a proxy of the kind {at.scheme} is not supported")
        connection = http.client.HTTPSConnection(
            at.hostname or "", at.port or 80, timeout=timeout, context=self._context
        )
        headers = {}
        if at.username is not None:
            headers["Proxy-Authorization"] = _basic(at)
        connection.set_tunnel(host, url.port or 443, headers=headers)
        return connection


def _basic(at: urllib.parse.SplitResult) -> str:
    pair = f"{urllib.parse.unquote(at.username or '')}:{urllib.parse.unquote(at.password or '')}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def _cut(connection: http.client.HTTPConnection) -> None:
    """Ends a connection under whoever reads from it."""
    sock = connection.sock
    if sock is not None:
        # Not the method of TLS sockets, which would take the session away from the reader.
        with contextlib.suppress(OSError):
            socket.socket.shutdown(sock, socket.SHUT_RDWR)
