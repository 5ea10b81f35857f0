"""Running servers: the binary that `SYMBOLON_BIN` names, a front that counts and breaks what passes, and an API.

Everything listens on loopback and ends with its test.
"""

from __future__ import annotations

import base64
import contextlib
import email.utils
import http.client
import http.server
import json
import os
import signal
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Optional, Union

import jwt

PATIENCE = 60.0
AUDIENCE = "https://api.example.com"
CLIENT = "robot"


def wait_for(what: str, done: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = done()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError(f"no {what}")


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def is_open(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


class Process:
    """A program, ended with its test."""

    def __init__(self, command: list[str], folder: Path, env: Optional[dict[str, str]] = None) -> None:
        # Settings that a developer may have for a server of its own are not meant.
        clean = {name: value for name, value in os.environ.items() if not name.startswith("SYMBOLON_")}
        self.log = folder / "server.log"
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder, env={**clean, **(env or {})}
            )

    def listens(self, port: int) -> None:
        def done() -> bool:
            assert self.child.poll() is None, self.log.read_text()[-2000:]
            return is_open(port)

        wait_for(f"server on {port}", done)

    def stop(self) -> None:
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(20)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()


def binary() -> str:
    return os.environ["SYMBOLON_BIN"]


def run(*arguments: Union[str, Path]) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SYMBOLON_")}
    done = subprocess.run([binary(), *map(str, arguments)], capture_output=True, text=True, env=clean, check=False)
    assert done.returncode == 0, done.stderr


def key(name: str, secret: str, status: str = "ACTIVE") -> dict[str, str]:
    return {"id": name, "secret": secret, "status": status}


class Symbolon:
    """`symbolon serve` with one client, whose tokens live for seconds."""

    def __init__(self, folder: Path, keys: list[dict[str, str]], lifetime: int) -> None:
        self.folder, self.lifetime = folder, lifetime
        self.data = folder / "data"
        self.data.mkdir(mode=0o700)
        for name in ("master.key", "pepper.key"):
            path = self.data / name
            path.touch(mode=0o600)
            path.write_text(base64.b64encode(os.urandom(32)).decode())
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.apply(keys)
        self.start()

    def apply(self, keys: list[dict[str, str]]) -> None:
        """JSON is YAML."""
        grants = [{"audience": AUDIENCE, "scopes": ["read:things"]}]
        client = {"id": CLIENT, "settings": {"grants": grants}, "access_keys": keys}
        server = {"identifier": AUDIENCE, "settings": {"scopes": ["read:things"], "lifetime": self.lifetime}}
        realm = {
            "id": "default",
            "resource_servers": [server],
            "organizations": [{"id": "customer", "clients": [client]}],
        }
        path = self.folder / "installation.yaml"
        path.write_text(json.dumps({"realms": [realm]}))
        run("apply", path, "--data", self.data, "--base-url", self.base)

    def start(self) -> None:
        listen = f"127.0.0.1:{self.port}"
        command = [binary(), "serve", "--data", str(self.data), "--base-url", self.base, "--listen", listen]
        self.process = Process([*command, "--log", "warn"], self.folder)
        self.process.listens(self.port)
        wait_for("readiness", lambda: get(f"{self.base}/readyz") == 200)

    def stop(self) -> None:
        self.process.stop()

    def public_keys(self) -> Any:
        return fetch(f"{self.base}/.well-known/jwks.json")


class Sandbox:
    """`symbolon dev`: seeded realms and their APIs, behind the guard."""

    def __init__(self, folder: Path, tls: bool = False) -> None:
        self.folder, self.data = folder, folder / "data"
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        file = folder / "credentials.json"
        command = [binary(), "dev", "--listen", f"127.0.0.1:{self.port}", "--data", str(self.data)]
        command += ["--credentials", str(file), "--log", "warn"]
        if tls:
            command += ["--tls", "--tls-listen", f"127.0.0.1:{free_port()}"]
        self.process = Process(command, folder)
        self.process.listens(self.port)
        wait_for("credentials", file.exists)
        self.credentials: dict[str, Any] = json.loads(file.read_text())

    def apply(self, change: Callable[[str], str]) -> None:
        """Applies its own description, changed."""
        path = self.folder / "change.yaml"
        before = (self.data / "sandbox.yaml").read_text()
        text = change(before)
        assert text != before
        path.write_text(text)
        run("apply", path, "--data", self.data, "--base-url", self.base)

    def stop(self) -> None:
        self.process.stop()


def get(url: str) -> int:
    connection = http.client.HTTPConnection(url.split("/")[2], timeout=5)
    try:
        connection.request("GET", "/" + url.split("/", 3)[3])
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


def fetch(url: str) -> Any:
    connection = http.client.HTTPConnection(url.split("/")[2], timeout=10)
    try:
        connection.request("GET", "/" + url.split("/", 3)[3])
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024


Fault = Callable[["FrontHandler"], bool]
"""What a front does before it forwards a request; True if that was all."""


class Front:
    """Stands before a token endpoint: counts what comes, and can be told to break it."""

    def __init__(self, upstream: int) -> None:
        self.upstream = upstream
        self.lock = threading.Lock()
        self.seen: list[tuple[float, int]] = []
        """When each token request came, and the status of its answer; 0 for none."""
        self.faults: list[Fault] = []
        """One for each of the next requests."""
        self.always: Optional[Fault] = None
        self.server = _Server(("127.0.0.1", 0), FrontHandler)
        self.server.front = self  # type: ignore[attr-defined]
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.base = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.token_url = self.base + "/oauth/token"

    def fault(self) -> Optional[Fault]:
        with self.lock:
            return self.faults.pop(0) if self.faults else self.always

    def count(self) -> int:
        with self.lock:
            return len(self.seen)

    def statuses(self) -> list[int]:
        with self.lock:
            return [status for _, status in self.seen]

    def note(self, came: float, status: int) -> None:
        with self.lock:
            self.seen.append((came, status))

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class FrontHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        front: Front = self.server.front  # type: ignore[attr-defined]
        came = time.monotonic()
        body = self.rfile.read(int(self.headers["content-length"]))
        fault = front.fault()
        self.status = 0
        if fault is None or not fault(self):
            connection = http.client.HTTPConnection("127.0.0.1", front.upstream, timeout=30)
            names = ("content-type", "authorization", "accept")
            headers = {name: self.headers[name] for name in names if name in self.headers}
            try:
                connection.request("POST", self.path, body, headers)
                answer = connection.getresponse()
                self.answer(answer.status, dict(answer.getheaders()), answer.read())
            except OSError:
                self.reset()
            finally:
                connection.close()
        front.note(came, self.status)

    def answer(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.status = status
        with contextlib.suppress(OSError):
            self.send_response_only(status)
            for name, value in headers.items():
                if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                    self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def reset(self) -> None:
        """Ends the connection by a TCP reset."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # The last reference to the socket, so that it is closed now.
        self.connection.close()
        self.rfile.close()

    def handle_one_request(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            super().handle_one_request()

    def finish(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            super().finish()

    def log_message(self, format: str, *args: Any) -> None:
        pass


def refuses(status: int, **headers: str) -> Fault:
    def fault(handler: FrontHandler) -> bool:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        handler.answer(status, named, b'{"error": "temporarily_unavailable"}')
        return True

    return fault


def refuses_until(status: int, seconds: int) -> Fault:
    """`Retry-After` as a date, beside the server's own."""

    def fault(handler: FrontHandler) -> bool:
        now = time.time()
        after = email.utils.formatdate(now + seconds, usegmt=True)
        handler.answer(status, {"date": email.utils.formatdate(now, usegmt=True), "retry-after": after})
        return True

    return fault


def resets(handler: FrontHandler) -> bool:
    handler.reset()
    return True


def is_slow(seconds: float) -> Fault:
    def fault(handler: FrontHandler) -> bool:
        time.sleep(seconds)
        return False

    return fault


class Api:
    """An API that verifies tokens offline, as PyJWT does it, without any leeway."""

    def __init__(self, keys: Any) -> None:
        self.keys = {one["kid"]: jwt.PyJWK(one) for one in keys["keys"]}
        self.verified: dict[str, dict[str, Any]] = {}
        self.server = _Server(("127.0.0.1", 0), ApiHandler)
        self.server.api = self  # type: ignore[attr-defined]
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/things"

    def judge(self, token: str) -> bool:
        claims = self.verified.get(token)
        if claims is None:
            try:
                key = self.keys[jwt.get_unverified_header(token)["kid"]]
                claims = jwt.decode(token, key, algorithms=["ES256", "RS256"], audience=AUDIENCE, leeway=0)
            except (jwt.PyJWTError, KeyError):
                return False
            self.verified[token] = claims
        return bool(time.time() < claims["exp"])

    def key_ids(self) -> list[str]:
        """The access keys that its callers' tokens were got with."""
        return [claims["key_id"] for claims in list(self.verified.values())]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class ApiHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        api: Api = self.server.api  # type: ignore[attr-defined]
        good = api.judge(self.headers.get("authorization", "").removeprefix("Bearer "))
        self.wfile.write(
            b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]"
            if good
            else b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n"
        )

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextlib.contextmanager
def closing_all(*things: Any) -> Iterator[None]:
    try:
        yield
    finally:
        for thing in things:
            thing.stop() if hasattr(thing, "stop") else thing.close()
