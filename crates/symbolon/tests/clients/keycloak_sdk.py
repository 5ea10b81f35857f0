"""Symbolon's client for Python against the real Keycloak, by path and by discovery.

It calls an API from many threads until three tokens were used, and prints what it saw as one line of JSON.
"""

import json
import os
import threading
import time

import requests
from requests.adapters import HTTPAdapter
from symbolon import ClientCredentials, Keycloak, TokenError, TokenSource
from symbolon.requests import SymbolonAuth

BASE, ISSUER, API = os.environ["KEYCLOAK_URL"], os.environ["KEYCLOAK_ISSUER"], os.environ["API_URL"]
REALM, CLIENT, SECRET = os.environ["REALM"], os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"]


def by_path(base: str, secret: str) -> TokenSource:
    return TokenSource(Keycloak(base, REALM, CLIENT, secret))


def discovered(auth: str, secret: str) -> TokenSource:
    return TokenSource(ClientCredentials(CLIENT, secret, issuer=ISSUER, auth=auth))


def refusal(source: TokenSource) -> list:
    try:
        source.token()
    except TokenError as error:
        return [error.kind, error.code]
    raise AssertionError("a wrong secret was taken")


for auth in ("basic", "form"):
    assert discovered(auth, SECRET).token().count(".") == 2
refused = [refusal(by_path(ISSUER.removesuffix(f"/realms/{REALM}"), "wrong")), refusal(discovered("form", "wrong"))]

session = requests.Session()
session.trust_env = False
session.mount("http://", HTTPAdapter(pool_maxsize=50))
session.auth = SymbolonAuth(by_path(BASE, SECRET))
lock = threading.Lock()
tokens, failed, calls = set(), [], 0
deadline = time.monotonic() + 120


def work() -> None:
    global calls
    while len(tokens) < 3 and not failed and time.monotonic() < deadline:
        try:
            answer = session.get(API, timeout=30)
            fault = None if answer.status_code == 200 else f"status {answer.status_code}"
            token = answer.request.headers["Authorization"]
        except Exception as error:
            fault, token = repr(error), None
        with lock:
            calls += 1
            if token is not None:
                tokens.add(token)
            if fault is not None:
                failed.append(fault)
        time.sleep(0.05)


threads = [threading.Thread(target=work) for _ in range(50)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(json.dumps({"calls": calls, "failed": failed, "tokens": len(tokens), "refused": refused}))
