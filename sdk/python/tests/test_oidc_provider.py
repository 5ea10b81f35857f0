"""Tokens from a server that is not ours: node oidc-provider, as it comes from its registry."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import jwt
import pytest
import requests
from live import Process, closing_all, fetch, free_port, is_open, wait_for

import symbolon
from symbolon import ClientCredentials, TokenSource

SCRIPT = Path(__file__).resolve().parents[3] / "bench" / "peers" / "oidc_provider.mjs"
NAMES = ("SYMBOLON_TEST_NODE", "SYMBOLON_TEST_NODE_MODULES")

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(
        any(name not in os.environ for name in NAMES), reason=f"{' and '.join(NAMES)} name no node and no packages"
    ),
]


@pytest.mark.parametrize("algorithm, resource", [("ES256", True), ("RS256", False)])
def test_oidc_provider_gives_tokens(tmp_path: Path, algorithm: str, resource: bool) -> None:
    # What the Python package of Node installs only starts the program, and would outlive its own end.
    node = subprocess.check_output([os.environ[NAMES[0]], "-p", "process.execPath"], text=True).strip()
    port = free_port()
    environment = {"BENCH_NODE_MODULES": os.environ[NAMES[1]], "NODE_ENV": "production"}
    process = Process([node, str(SCRIPT), str(port), algorithm], tmp_path, environment)
    with closing_all(process):
        wait_for("oidc-provider", lambda: is_open(port) or process.child.poll() is not None)
        assert process.child.poll() is None, process.log.read_text()
        issuer = f"http://127.0.0.1:{port}"
        audience = f"https://{algorithm.lower()}.bench.example"
        identity = {
            "client_id": "cli_bench000000000000000000000",
            "client_secret": "bench-Q2hlYXAgdG8gaGFzaCwgYW5kIG5vdCBhIHNlY3JldA",
        }
        source = TokenSource(
            ClientCredentials(
                **identity, auth="form", issuer=issuer, resource=audience if resource else None, scope="read:sources"
            )
        )
        token = source.token()
        keys = {one["kid"]: jwt.PyJWK(one) for one in fetch(f"{issuer}/jwks")["keys"]}
        key = keys[jwt.get_unverified_header(token)["kid"]]
        claims = jwt.decode(token, key, algorithms=[algorithm], audience=audience, issuer=issuer)
        assert (claims["client_id"], claims["scope"]) == (identity["client_id"], "read:sources")

        def refusal(**changed: str) -> symbolon.TokenError:
            options = {**identity, "auth": "form", "issuer": issuer, **changed}
            with pytest.raises(symbolon.TokenError) as caught:
                TokenSource(ClientCredentials(**options)).token()  # type: ignore[arg-type]
            return caught.value

        assert isinstance(refusal(client_secret="wrong"), symbolon.InvalidClientError)
        assert isinstance(refusal(client_id="nobody"), symbolon.InvalidClientError)
        assert isinstance(refusal(resource="no-address"), symbolon.InvalidTargetError)
        assert requests.get(f"{issuer}/jwks", timeout=10).status_code == 200
