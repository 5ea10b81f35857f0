"""The Metafold Python SDK (metafold, over auth0-python), unmodified.

Shows S3.5 (client id and secret in the constructor; lists projects; renews tokens by itself), S3.3 (its
JSON token request), S3.4 (the usage counts) and, in the scenario `deleted`, S3.2.

Scenarios:
  work      (default) list, get, a project that does not exist, usage, wrong secret; RENEWAL_SECONDS
  deleted   prints `waiting: …`, reads one line from standard input (by then the client is deleted), and
            expects both the token it holds and any new exchange to be refused.
            Wants a lifetime well over 60 s: the SDK asks for a new token in a token's last minute.

The token request always goes over https to `auth_domain`. `base_url` is the API *and* the audience asked for.
METAFOLD_BASE_URL overrides it (default: the origin of the file's metafold.api_url).
"""

import os
from datetime import datetime

from auth0.exceptions import Auth0Error
from metafold import MetafoldClient
from metafold.projects import Project
from requests import HTTPError

from sandbox import check, origin, renewing, run, scenario, wait_for_harness


def new_client(credentials: dict, client_secret: str | None = None) -> MetafoldClient:
    system, tls = credentials["metafold"], credentials["tls"]
    os.environ["REQUESTS_CA_BUNDLE"] = tls["ca_file"]
    return MetafoldClient(
        client_id=system["client_id"],
        client_secret=client_secret or system["client_secret"],
        auth_domain=tls["base_url"].removeprefix("https://"),
        base_url=os.environ.get("METAFOLD_BASE_URL") or origin(system["api_url"]) + "/",
    )


def expect_refused_exchange(client: MetafoldClient) -> None:
    try:
        client.projects.list()
    except Auth0Error as error:
        seen = (error.status_code, error.error_code, error.message)
        check(seen == (401, "invalid_client", "Invalid client or Invalid client credentials"), f"refused as {seen}")
        return
    raise AssertionError("the exchange was not refused")


def work(credentials: dict) -> str:
    client = new_client(credentials)
    projects = client.projects.list()
    check(projects, "the sandbox has no project")
    for project in projects:
        check(isinstance(project, Project) and isinstance(project.id, str), f"not a project: {project}")
        check(isinstance(project.created, datetime), f"no creation time: {project}")
    one = client.projects.get(projects[0].id)
    check((one.id, one.name) == (projects[0].id, projects[0].name), f"{one} is not {projects[0]}")

    try:
        client.projects.get("no-such-project")
        raise AssertionError("a project that does not exist was found")
    except HTTPError as error:
        check("status 404 for GET" in str(error), f"unexpected refusal: {error}")

    usage = client.get("/user/usage").json()
    check(all(type(usage[name]) is int for name in ("projects", "assets")), f"not counts: {usage}")

    expect_refused_exchange(new_client(credentials, "wrong-secret"))

    def call() -> str:
        check(client.projects.list(), "the projects are gone")
        return client.get("/user/usage").request.headers["Authorization"]

    return f"Metafold SDK: {len(projects)} project(s) listed, one fetched, usage read" + renewing(call)


def deleted(credentials: dict) -> str:
    client = new_client(credentials)
    client.projects.list()
    before = client.get("/user/usage").request.headers["Authorization"]
    wait_for_harness("delete the metafold client")
    try:
        after = client.get("/user/usage").request.headers["Authorization"]
        raise AssertionError(f"still served (same token: {after == before})")
    except HTTPError as error:
        check("status 401" in str(error), f"unexpected refusal: {error}")
    expect_refused_exchange(new_client(credentials))
    return "Metafold SDK: the token of a deleted client and its next exchange are refused"


if __name__ == "__main__":
    run({"work": work, "deleted": deleted}[scenario("work")])
