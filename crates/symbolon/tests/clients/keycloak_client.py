"""python-keycloak, unmodified, in realm `ecoinvent`.

Shows S4.2 (Keycloak's token path, form body), S4.3 (the answer), S4.4 (GET /v0/versions) and S4.5 (the text of
a refusal); also discovery, the key set (the library verifies with jwcrypto) and introspection.

Scenarios:
  work      (default) all of the above; RENEWAL_SECONDS uses the library's own renewing connection
  refused   the credentials in the file are expected to be refused (no licence, disabled, rotated)

The library adds scope=openid and empty username, password, code and redirect_uri to the request.
INTROSPECTION=skip leaves out introspection.
"""

import json
import os
import uuid

import requests
from keycloak import KeycloakAuthenticationError, KeycloakOpenID, KeycloakOpenIDConnection, KeycloakPostError

from sandbox import check, origin, renewing, run, scenario

REALM = "ecoinvent"
REFUSED = {"error": "invalid_client", "error_description": "Invalid client or Invalid client credentials"}


def new_client(system: dict, client_secret: str | None = None) -> KeycloakOpenID:
    return KeycloakOpenID(
        server_url=origin(system["token_url"]) + "/",
        realm_name=REALM,
        client_id=system["client_id"],
        client_secret_key=client_secret or system["client_secret"],
    )


def expect_refused(client: KeycloakOpenID) -> None:
    try:
        client.token(grant_type="client_credentials")
    except KeycloakAuthenticationError as error:
        check(error.response_code == 401, f"status {error.response_code}")
        check(json.loads(error.response_body) == REFUSED, f"refused with {error.response_body!r}")
        return
    raise AssertionError("the exchange was not refused")


def work(credentials: dict) -> str:
    system = credentials["ecoinvent"]
    client = new_client(system)

    known = client.well_known()
    for name, field in (("issuer", "issuer"), ("token_endpoint", "token_url"), ("jwks_uri", "jwks_uri")):
        check(known[name] == system[field], f"discovery says {name} = {known[name]}, the file {system[field]}")

    answer = client.token(grant_type="client_credentials")
    check(answer["token_type"] == "Bearer", f"token_type {answer['token_type']!r}")
    check(type(answer["expires_in"]) is int, f"expires_in {answer['expires_in']!r}")
    check(type(answer["not-before-policy"]) is int, f"not-before-policy {answer['not-before-policy']!r}")
    check(answer["refresh_expires_in"] == 0 and "refresh_token" not in answer, "a refresh token was announced")
    check("openid" not in answer.get("scope", "").split(), "scope openid was granted")
    uuid.UUID(answer["session_state"])

    claims = client.decode_token(answer["access_token"])
    check(claims["typ"] == "Bearer", f"claim typ {claims.get('typ')!r}")
    check(claims["iss"] == system["issuer"], f"issuer {claims['iss']}")
    check(claims["azp"] == system["client_id"], f"azp {claims.get('azp')}")
    check(claims["exp"] - claims["iat"] == answer["expires_in"], "expires_in is not exp - iat")

    headers = {"Authorization": f"Bearer {answer['access_token']}"}
    versions = requests.get(system["api_url"], headers=headers, timeout=10)
    check(versions.status_code == 200 and versions.json(), f"versions: {versions.status_code} {versions.text}")
    check(requests.get(system["api_url"], timeout=10).status_code == 401, "versions without a token were served")

    introspected = ""
    if os.environ.get("INTROSPECTION") != "skip":
        seen = client.introspect(answer["access_token"])
        check(seen["active"] is True and seen["client_id"] == system["client_id"], f"introspected as {seen}")
        check(client.introspect("not-a-token") == {"active": False}, "a false token is not inactive")
        introspected = ", introspected"

    expect_refused(new_client(system, "wrong-secret"))
    for grant in ("password", "refresh_token"):
        try:
            client.token("someone", "something", grant_type=grant)
            raise AssertionError(f"the {grant} grant was served")
        except KeycloakPostError as error:
            check(error.response_code == 400 and b'"error"' in error.response_body, f"{grant}: {error}")

    connection = KeycloakOpenIDConnection(
        server_url=origin(system["api_url"]) + "/",
        realm_name=REALM,
        grant_type="client_credentials",
        client_id=system["client_id"],
        client_secret_key=system["client_secret"],
    )

    def call() -> str:
        answer = connection.raw_get("v0/versions")
        check(answer.status_code == 200, f"versions: {answer.status_code} {answer.text}")
        return answer.request.headers["Authorization"]

    call()
    return f"python-keycloak: token, versions, discovery, key set{introspected}, refusals" + renewing(call)


def refused(credentials: dict) -> str:
    try:
        new_client(credentials["ecoinvent"]).token(grant_type="client_credentials")
    except (KeycloakAuthenticationError, KeycloakPostError) as error:
        return f"python-keycloak: refused with {error}"
    raise AssertionError("the exchange was not refused")


if __name__ == "__main__":
    run({"work": work, "refused": refused}[scenario("work")])
