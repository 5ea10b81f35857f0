"""python-keycloak, unmodified, against whatever has Keycloak's paths: the same must work with Keycloak and with us.

It prints what it saw as one line of JSON.
"""

import json
import os

from keycloak import KeycloakAuthenticationError, KeycloakOpenID

from sandbox import check


def client(secret: str) -> KeycloakOpenID:
    return KeycloakOpenID(
        server_url=os.environ["KEYCLOAK_URL"] + "/",
        realm_name=os.environ["REALM"],
        client_id=os.environ["CLIENT_ID"],
        client_secret_key=secret,
    )


good = client(os.environ["CLIENT_SECRET"])
answer = good.token(grant_type="client_credentials")
claims = good.decode_token(answer["access_token"])
audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
check(os.environ["AUDIENCE"] in audience, f"aud {claims['aud']!r}")
check(claims["iss"] == good.well_known()["issuer"], f"iss {claims['iss']!r}")
check(claims["azp"] == os.environ["CLIENT_ID"], f"azp {claims['azp']!r}")
check(good.introspect(answer["access_token"])["active"] is True, "its own token is not active")
try:
    client("wrong").token(grant_type="client_credentials")
    raise AssertionError("a wrong secret was taken")
except KeycloakAuthenticationError as error:
    refused = [error.response_code, json.loads(error.response_body)["error_description"]]
print(json.dumps({"members": sorted(answer), "claims": sorted(claims), "refused": refused}))
