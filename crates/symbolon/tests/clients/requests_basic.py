"""Python's requests, by hand, as the published documents show it.

Shows, for m3ter, S5.4, S5.5 and S5.7 (auth=(…), a hand-made Basic header, a body indented with U+00A0); for
METI, S1.2-S1.8 (the shared helper that keeps a token with its expiry and refreshes it 30 s before) and
S2.1-S2.4 (email and password).

Scenario: one of m3ter, meti_v2, meti_v1; default all. RENEWAL_SECONDS applies to meti_v2 and meti_v1.
REFRESH_MARGIN_SECONDS (default 30): how long before its expiry the helper renews a token.
"""

import base64
import os
import time

import requests

from sandbox import check, renewing, run, scenario

MARGIN = float(os.environ.get("REFRESH_MARGIN_SECONDS", "30"))


def m3ter(credentials: dict) -> str:
    system = credentials["m3ter"]
    url, key, secret = system["token_url"], system["access_key_id"], system["api_secret"]
    header = "Basic " + base64.b64encode(f"{key}:{secret}".encode()).decode()
    json_type = {"Content-Type": "application/json"}
    compact = '{"grant_type":"client_credentials"}'
    pasted = '{\n\u00a0 \u00a0 "grant_type": "client_credentials"\n}'
    answers = {
        "auth=(…)": requests.post(url, auth=(key, secret), json={"grant_type": "client_credentials"}, timeout=10),
        "hand-made header": requests.post(url, headers=json_type | {"Authorization": header}, data=compact, timeout=10),
        "U+00A0": requests.post(
            url, headers=json_type | {"Authorization": header}, data=pasted.encode(), timeout=10
        ),
    }
    for how, answer in answers.items():
        check(answer.status_code == 200, f"{how}: {answer.status_code} {answer.text}")
        token = answer.json()
        check(token["token_type"] == "Bearer" and type(token["expires_in"]) is int, f"{how}: {token}")
        products = requests.get(
            system["api_url"], headers=json_type | {"Authorization": f"Bearer {token['access_token']}"}, timeout=10
        )
        check(products.status_code == 200, f"{how}: products: {products.status_code} {products.text}")
        check(isinstance(products.json()["data"], list), f"{how}: products: {products.text}")

    wrong = requests.post(url, auth=(key, "wrong"), json={"grant_type": "client_credentials"}, timeout=10)
    check(wrong.status_code == 401 and wrong.json()["error"] == "invalid_client", f"{wrong.status_code} {wrong.text}")
    check(wrong.headers["WWW-Authenticate"].startswith("Basic "), "no Basic challenge")
    return "m3ter by hand: " + ", ".join(answers)


class CachedToken:
    """The helper that METI publishes: one for the whole application, a token kept until shortly before its end."""

    def __init__(self, url: str, body: dict, token_name: str):
        self.url, self.body, self.token_name = url, body, token_name
        self.token, self.expires_at = None, 0.0

    def headers(self) -> dict:
        if self.token is None or time.time() >= self.expires_at - MARGIN:
            answer = requests.post(self.url, json=self.body, timeout=10)
            answer.raise_for_status()
            data = answer.json()
            self.token = data[self.token_name]
            self.expires_at = time.time() + data["expires_in"]
        return {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}


def v2_helper(system: dict, scope: str) -> CachedToken:
    body = {
        "client_id": system["client_id"],
        "client_secret": system["client_secret"],
        "audience": system["audience"],
        "grant_type": "client_credentials",
        "scope": scope,
    }
    return CachedToken(system["token_url"], body, "access_token")


def meti_v2(credentials: dict) -> str:
    system = credentials["meti_v2"]
    url = system["api_url"]
    helper = v2_helper(system, "read:sources write:sources delete:sources")

    everything = requests.get(url, headers=helper.headers(), timeout=10).json()
    check(isinstance(everything, list) and len(everything) > 0, f"not a list of sources: {everything}")
    filtered = requests.get(url, headers=helper.headers(), params={"methodology": "Agriculture"}, timeout=10).json()
    check(0 < len(filtered) < len(everything), f"{len(filtered)} of {len(everything)} sources are Agriculture")
    check(all(source["methodology"] == "Agriculture" for source in filtered), f"wrong filter: {filtered}")

    source = {"name": "Made by a client", "methodology": "Agriculture"}
    made = requests.post(url, headers=helper.headers(), json=source, timeout=10)
    check(made.status_code in (200, 201), f"create: {made.status_code} {made.text}")
    one = f"{url}/{made.json()['id']}"
    changed = requests.put(one, headers=helper.headers(), json=source | {"name": "Changed"}, timeout=10)
    check(changed.status_code == 200, f"update: {changed.status_code} {changed.text}")
    check(requests.get(one, headers=helper.headers(), timeout=10).json()["name"] == "Changed", "not changed")
    reader = v2_helper(system | system["readonly"], "read:sources write:sources delete:sources")
    check(requests.get(one, headers=reader.headers(), timeout=10).status_code == 200, "reading was refused")
    for method, body in (("POST", source), ("PUT", source), ("DELETE", None)):
        target = url if method == "POST" else one
        refused = requests.request(method, target, headers=reader.headers(), json=body, timeout=10)
        check(refused.status_code == 403, f"{method} with read:sources only: {refused.status_code} {refused.text}")
    gone = requests.delete(one, headers=helper.headers(), timeout=10)
    check(gone.status_code in (200, 204), f"delete: {gone.status_code} {gone.text}")
    check(requests.get(one, headers=helper.headers(), timeout=10).status_code == 404, "not deleted")

    for headers in ({}, {"Authorization": "Bearer not-a-token"}):
        answer = requests.get(url, headers=headers, timeout=10)
        check(answer.status_code == 401, f"{headers}: {answer.status_code}")

    def call() -> str:
        answer = requests.get(url, headers=helper.headers(), timeout=10)
        check(answer.status_code == 200, f"sources: {answer.status_code} {answer.text}")
        return answer.request.headers["Authorization"]

    return f"METI v2 helper: {len(everything)} sources, filter, create, update, delete, scopes" + renewing(call)


def meti_v1(credentials: dict) -> str:
    system = credentials["meti_v1"]
    url = system["api_url"]
    body = {"email": system["email"], "password": system["password"]}
    answer = requests.post(system["token_url"], json=body, timeout=10)
    check(answer.status_code == 200, f"{answer.status_code} {answer.text}")
    check(isinstance(answer.json()["token"], str) and "access_token" not in answer.json(), f"not v1: {answer.text}")
    check(type(answer.json()["expires_in"]) is int, f"expires_in: {answer.text}")
    wrong = requests.post(system["token_url"], json=body | {"password": "wrong"}, timeout=10)
    check(wrong.status_code == 401, f"wrong password: {wrong.status_code} {wrong.text}")

    helper = CachedToken(system["token_url"], body, "token")

    def call() -> str:
        answer = requests.get(url, headers=helper.headers(), timeout=10)
        check(answer.status_code == 200, f"sources: {answer.status_code} {answer.text}")
        check(len(answer.json()) > 0, "no sources")
        return answer.request.headers["Authorization"]

    call()
    source = {"name": "From v1", "methodology": "Agriculture"}
    made = requests.post(url, headers=helper.headers(), json=source, timeout=10)
    check(made.status_code in (200, 201), f"create: {made.status_code} {made.text}")
    check(requests.get(url, timeout=10).status_code == 401, "sources without a token were served")
    return "METI v1: token, list, create" + renewing(call)


ALL = {"m3ter": m3ter, "meti_v2": meti_v2, "meti_v1": meti_v1}


def main(credentials: dict) -> str:
    wanted = scenario("all")
    names = list(ALL) if wanted == "all" else [wanted]
    return " | ".join(ALL[name](credentials) for name in names)


if __name__ == "__main__":
    run(main)
