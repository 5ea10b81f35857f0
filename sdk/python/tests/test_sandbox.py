"""Every dialect, refusal and certificate of the sandbox that `symbolon dev` serves."""

from __future__ import annotations

import os
import socket
import ssl
import threading
from pathlib import Path

import pytest
import requests
from live import Sandbox, closing_all

import symbolon
import symbolon.requests
from symbolon import ClientCredentials, HttpTransport, InvalidClientError, TemporaryError, TokenSource

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif("SYMBOLON_BIN" not in os.environ, reason="SYMBOLON_BIN names no binary"),
]


def test_every_dialect_gets_a_token_and_calls_its_api(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path)
    with closing_all(sandbox):
        systems = sandbox.credentials
        meti, eco, m3ter, v1 = (systems[name] for name in ("meti_v2", "ecoinvent", "m3ter", "meti_v1"))
        fold = systems["metafold"]
        identity = {"client_id": meti["client_id"], "client_secret": meti["client_secret"]}
        dialects: list[tuple[dict[str, str], symbolon.Dialect]] = [
            (
                meti,
                ClientCredentials(**identity, token_url=meti["token_url"], audience=meti["audience"], auth=auth),
            )
            for auth in ("form", "json", "basic")
        ]
        dialects += [
            (
                meti,
                ClientCredentials(**identity, issuer=meti["issuer"], resource=meti["audience"], scope="read:sources"),
            ),
            (
                fold,
                ClientCredentials(
                    fold["client_id"], fold["client_secret"], fold["token_url"], audience=fold["audience"]
                ),
            ),
            (eco, symbolon.Keycloak(sandbox.base, "ecoinvent", eco["client_id"], eco["client_secret"])),
            (eco, ClientCredentials(eco["client_id"], eco["client_secret"], issuer=eco["issuer"])),
            (m3ter, symbolon.AccessKey(m3ter["token_url"], m3ter["access_key_id"], m3ter["api_secret"])),
            (v1, symbolon.Password(v1["token_url"], v1["email"], v1["password"])),
        ]
        for system, dialect in dialects:
            auth = symbolon.requests.SymbolonAuth(TokenSource(dialect))
            assert requests.get(system["api_url"], auth=auth, timeout=10).status_code == 200, dialect


def test_refusals_of_the_server_are_typed(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path)
    with closing_all(sandbox):
        meti, eco = sandbox.credentials["meti_v2"], sandbox.credentials["ecoinvent"]
        good = {"client_id": meti["client_id"], "client_secret": meti["client_secret"], "token_url": meti["token_url"]}
        ended = {**eco["licence_ended"], "token_url": eco["token_url"]}
        cases: list[tuple[dict[str, str], type]] = [
            ({**good, "client_secret": "wrong"}, InvalidClientError),
            ({**good, "client_id": "nobody"}, InvalidClientError),
            ({**good, "audience": "https://nobody.example"}, symbolon.InvalidTargetError),
            ({**good, "audience": meti["audience"], "scope": "no:such"}, symbolon.InvalidScopeError),
            (ended, symbolon.UnauthorizedClientError),
            ({**good, "token_url": sandbox.base + "/nowhere"}, symbolon.InvalidRequestError),
        ]
        for options, kind in cases:
            with pytest.raises(kind) as caught:
                TokenSource(ClientCredentials(**options)).token()  # type: ignore[arg-type]
            assert caught.value.request_id, "nothing to ask the operator by"
            assert options["client_secret"] not in str(caught.value)


def test_certificates_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox = Sandbox(tmp_path, tls=True)
    with closing_all(sandbox):
        meti, tls = sandbox.credentials["meti_v2"], sandbox.credentials["tls"]
        dialect = ClientCredentials(
            meti["client_id"], meti["client_secret"], tls["base_url"] + "/oauth/token", audience=meti["audience"]
        )
        with pytest.raises(TemporaryError, match=r"(?i)certificate"):
            TokenSource(dialect, patience=0).token()
        trusting = HttpTransport(ssl.create_default_context(cafile=tls["ca_file"]))
        assert TokenSource(dialect, transport=trusting).token().count(".") == 2
        # Through a proxy that asks for a password.
        proxy = Proxy()
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:p%40ss@127.0.0.1:{proxy.port}")
        for name in ("no_proxy", "NO_PROXY", "https_proxy"):
            monkeypatch.delenv(name, raising=False)
        assert TokenSource(dialect, transport=trusting).token().count(".") == 2
        port = tls["base_url"].rsplit(":", 1)[1]
        assert proxy.heads[0].startswith(f"CONNECT localhost:{port} ")
        assert "proxy-authorization: Basic dXNlcjpwQHNz" in proxy.heads[0].replace("Proxy-A", "proxy-a")
        assert len(proxy.heads) == 1
        proxy.close()


class Proxy:
    """Takes CONNECT, and hands bytes on."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.heads: list[str] = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self) -> None:
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            head = b""
            while b"\r\n\r\n" not in head:
                head += near.recv(4096)
            self.heads.append(head.decode())
            host, port = head.split(b" ")[1].decode().rsplit(":", 1)
            far = socket.create_connection((host, int(port)))
            near.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self.copy, args=(one, other), daemon=True).start()

    @staticmethod
    def copy(one: socket.socket, other: socket.socket) -> None:
        try:
            while data := one.recv(65536):
                other.sendall(data)
            other.shutdown(1)
        except OSError:
            pass

    def close(self) -> None:
        self.listener.close()
