"""The m3ter Python SDK, unmodified.

Shows S5.4 (POST /oauth/token on the API's own host, Basic, JSON body), S5.5 (the answer) and S5.7; in the
scenarios `inactive` and `no_policy`, S5.3 and S5.6.

Scenarios:
  work       (default) list products, wrong secret; RENEWAL_SECONDS
  inactive   the access key is inactive or removed (the harness did that before): no token
  no_policy  the service user has no permission policy: no products (403 from the API, or already 400 from
             the token endpoint)

This SDK version reads the token's expiry as a moment in 1970, so it asks for a token before every call.
"""

import base64

import m3ter
from m3ter import M3ter

from sandbox import check, origin, renewing, run, scenario


def new_client(credentials: dict, api_secret: str | None = None) -> M3ter:
    system = credentials["m3ter"]
    return M3ter(
        api_key=system["access_key_id"],
        api_secret=api_secret or system["api_secret"],
        org_id=system["organization_id"],
        base_url=origin(system["api_url"]),
        max_retries=0,
    )


def expect_refused_exchange(client: M3ter) -> None:
    try:
        client.products.list()
    except m3ter.AuthenticationError as error:
        check(error.request.url.path == "/oauth/token", f"refused by {error.request.url}")
        check(error.body["error"] == "invalid_client", f"refused with {error.body}")
        check(error.response.headers["www-authenticate"].startswith("Basic "), "no Basic challenge")
        return
    raise AssertionError("the exchange was not refused")


def work(credentials: dict) -> str:
    client = new_client(credentials)
    products = list(client.products.list())
    check(products, "the sandbox has no product")
    check(all(isinstance(p.id, str) and isinstance(p.name, str) for p in products), f"not products: {products}")

    answer = client.authentication.with_raw_response.get_bearer_token(
        grant_type="client_credentials",
        extra_headers={"Authorization": basic(credentials["m3ter"])},
    )
    token = answer.parse()
    check(token.token_type == "Bearer" and type(token.expires_in) is int, f"not a token answer: {token}")
    check(answer.headers["cache-control"] == "no-store", "the token answer may be stored")

    expect_refused_exchange(new_client(credentials, "wrong-secret"))

    def call() -> str:
        return client.products.with_raw_response.list().http_request.headers["authorization"]

    shown = f"m3ter SDK: {len(products)} product(s) listed, expires_in {token.expires_in}"
    return shown + renewing(call)


def basic(system: dict) -> str:
    pair = f"{system['access_key_id']}:{system['api_secret']}".encode()
    return "Basic " + base64.b64encode(pair).decode()


def inactive(credentials: dict) -> str:
    expect_refused_exchange(new_client(credentials))
    return "m3ter SDK: an inactive key gets no token"


def no_policy(credentials: dict) -> str:
    try:
        new_client(credentials).products.list()
    except (m3ter.PermissionDeniedError, m3ter.BadRequestError) as error:
        return f"m3ter SDK: without a policy, {error.status_code} from {error.request.url.path}"
    raise AssertionError("products were listed without a permission policy")


if __name__ == "__main__":
    run({"work": work, "inactive": inactive, "no_policy": no_policy}[scenario("work")])
