"""PyJWT with its PyJWKClient, as an API's own code verifies tokens.

Shows S1.2-S1.4, S3.3 (form and JSON), S4.2, S4.3, S5.4, S5.5 from the receiving side: each system's token is
asked for in the published way of that system, then verified against its jwks_uri with audience and issuer.

Scenario: one of meti_v2, metafold, ecoinvent, m3ter; default all.
"""

import jwt
import requests
from jwt import PyJWKClient

from sandbox import check, run, scenario


def ask_meti_v2(system: dict) -> list[requests.Response]:
    body = {
        "client_id": system["client_id"],
        "client_secret": system["client_secret"],
        "audience": system["audience"],
        "grant_type": "client_credentials",
        "scope": "read:sources write:sources",
    }
    return [requests.post(system["token_url"], json=body, timeout=10)]


def ask_metafold(system: dict) -> list[requests.Response]:
    body = {
        "grant_type": "client_credentials",
        "audience": system["audience"].rstrip("/"),
        "client_id": system["client_id"],
        "client_secret": system["client_secret"],
    }
    slashed = body | {"audience": body["audience"] + "/"}
    return [
        requests.post(system["token_url"], data=body, timeout=10),
        requests.post(system["token_url"], json=slashed, timeout=10),
    ]


def ask_ecoinvent(system: dict) -> list[requests.Response]:
    body = {
        "grant_type": "client_credentials",
        "client_id": system["client_id"],
        "client_secret": system["client_secret"],
    }
    return [requests.post(system["token_url"], data=body, timeout=10)]


def ask_m3ter(system: dict) -> list[requests.Response]:
    pair = (system["access_key_id"], system["api_secret"])
    return [requests.post(system["token_url"], auth=pair, json={"grant_type": "client_credentials"}, timeout=10)]


ASK = {"meti_v2": ask_meti_v2, "metafold": ask_metafold, "ecoinvent": ask_ecoinvent, "m3ter": ask_m3ter}


def verify(name: str, system: dict) -> str:
    keys = PyJWKClient(system["jwks_uri"])
    identifiers = set()
    for response in ASK[name](system):
        check(response.status_code == 200, f"{name}: {response.status_code} {response.text}")
        answer = response.json()
        token = answer["access_token"]
        check(answer["token_type"] == "Bearer", f"{name}: token_type {answer['token_type']!r}")
        check(type(answer["expires_in"]) is int, f"{name}: expires_in {answer['expires_in']!r}")

        header = jwt.get_unverified_header(token)
        check((header["alg"], header["typ"]) == ("RS256", "JWT"), f"{name}: header {header}")
        claims = jwt.decode(
            token,
            keys.get_signing_key_from_jwt(token),
            algorithms=["RS256"],
            audience=system["audience"],
            issuer=system["issuer"],
            options={"require": ["exp", "iat", "nbf", "iss", "aud", "sub", "jti"]},
        )
        check(claims["exp"] - claims["iat"] == answer["expires_in"], f"{name}: expires_in is not exp - iat")
        check(claims["scope"] == answer["scope"], f"{name}: scope {answer['scope']!r}, claim {claims['scope']!r}")
        identifiers.add(claims["jti"])

        if name == "meti_v2":
            check(set(answer["scope"].split()) == {"read:sources", "write:sources"}, f"scope {answer['scope']!r}")
            for claim in ("account_id", "role", "client_name", "v1_client_id"):
                full = f"{system['audience'].rstrip('/')}/{claim}"
                check(isinstance(claims.get(full), str), f"no claim {full} in {sorted(claims)}")
        if name == "ecoinvent":
            check(claims["typ"] == "Bearer", f"claim typ {claims.get('typ')!r}")

        for wrong in ({"audience": "https://other.example"}, {"issuer": "https://other.example/"}):
            right = {"audience": system["audience"], "issuer": system["issuer"]}
            try:
                jwt.decode(token, keys.get_signing_key_from_jwt(token), algorithms=["RS256"], **(right | wrong))
                raise AssertionError(f"{name}: verified with {wrong}")
            except (jwt.InvalidAudienceError, jwt.InvalidIssuerError):
                pass
    return f"{name} ({len(identifiers)})"


def main(credentials: dict) -> str:
    wanted = scenario("all")
    names = list(ASK) if wanted == "all" else [wanted]
    return "PyJWT verified tokens of " + ", ".join(verify(name, credentials[name]) for name in names)


if __name__ == "__main__":
    run(main)
