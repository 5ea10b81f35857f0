"""The vectors that Symbolon's clients for all languages share, and the middleware of this one under them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, Optional

import httpx
import pytest
import requests
import requests.adapters
from support import START, Later, Scripted, StillClock, answer_of, still

import symbolon
import symbolon.httpx
import symbolon.requests
from symbolon import _cache, _dialects

FOLDER = Path(__file__).resolve().parents[2] / "vectors"
OTHER_FORMS = ("urls.json", "cache.json")


def read(name: str) -> Any:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


VECTORS = [
    vector
    for path in sorted(FOLDER.glob("*.json"))
    if path.name not in OTHER_FORMS
    for vector in read(path.name)["vectors"]
]
assert len(VECTORS) > 150


class Provider:
    """Names what the vector says."""

    def __init__(self, secrets: list[str]) -> None:
        self.named = secrets

    def secrets(self) -> list[str]:
        return self.named


def dialect_of(source: dict[str, Any], secret: symbolon.Secret) -> symbolon.Dialect:
    given = {name: value for name, value in source.items() if name not in ("dialect", "secrets")}
    if source["dialect"] == "client_credentials":
        return symbolon.ClientCredentials(client_secret=secret, **given)
    if source["dialect"] == "keycloak":
        return symbolon.Keycloak(client_secret=secret, **given)
    if source["dialect"] == "access_key":
        given["access_key_id"] = given.pop("client_id")
        return symbolon.AccessKey(api_secret=secret, **given)
    return symbolon.Password(password=secret, **given)


class Fault(BaseException):
    """A test's fault that no client takes for a failed request."""


class Strict(Scripted):
    def send(self, request: symbolon.Request, timeout: float) -> symbolon.Answer:
        try:
            return super().send(request, timeout)
        except AssertionError as error:
            raise Fault(str(error)) from error


class Runner:
    def __init__(self, vector: dict[str, Any], call: str) -> None:
        self.vector, self.call_by = vector, call
        self.clock, self.later = StillClock(vector.get("wall_ms", START)), Later()
        self.transport = Strict(self.clock)
        self.provider = Provider(vector["source"]["secrets"])
        options = dict(vector.get("options", {}))
        backoff = symbolon.Backoff(
            base=options.pop("backoff_base_ms", 500) / 1000, cap=options.pop("backoff_cap_ms", 60_000) / 1000
        )
        self.source = symbolon.TokenSource(
            dialect_of(vector["source"], self.provider),
            backoff=backoff,
            transport=self.transport,
            environment=still(self.clock, self.later, vector.get("random", 0)),
            **{name[: -len("_ms")]: value / 1000 for name, value in options.items()},
        )

    def run(self) -> None:
        for step in self.vector["steps"]:
            ((kind, value),) = step.items()
            getattr(self, kind)(value)

    def advance_ms(self, duration: int) -> None:
        self.clock.advance(duration)

    def jump_wall_ms(self, distance: int) -> None:
        self.clock.wall += distance

    def secrets(self, named: list[str]) -> None:
        self.provider.named = named

    def report_unauthorized(self, report: dict[str, Any]) -> None:
        assert self.source.report_unauthorized(report["token"]) is report["retry"]

    def token(self, step: dict[str, Any]) -> None:
        self.step(step, lambda: {"token": self.source.token()})

    def call(self, step: dict[str, Any]) -> None:
        self.step(step, lambda: {"status": CALLS[self.call_by](self)})

    def step(self, step: dict[str, Any], run: Any) -> None:
        self.transport.expect(step["exchanges"])
        outcome = step["outcome"]
        try:
            seen = run()
        except symbolon.TokenError as error:
            assert "error" in outcome, error
            told(error, outcome["error"])
        else:
            assert seen == outcome
        self.later.run()
        self.transport.finish()


def told(error: symbolon.TokenError, expected: dict[str, Any]) -> None:
    assert (error.kind, error.is_temporary) == (expected["kind"], expected["temporary"])
    for name in ("code", "description", "request_id"):
        if name in expected:
            assert getattr(error, name) == expected[name]
    if "retry_after_ms" in expected:
        assert error.retry_after is not None and round(error.retry_after * 1000) == expected["retry_after_ms"]


API = "https://api.example.com/things"


class Adapter(requests.adapters.BaseAdapter):
    """`requests` over the scripted transport."""

    def __init__(self, transport: Scripted) -> None:
        super().__init__()
        self.transport = transport

    def send(self, request: requests.PreparedRequest, **how: Any) -> requests.Response:  # type: ignore[override]
        headers = {name.lower(): value for name, value in request.headers.items()}
        answer = self.transport.send(symbolon.Request(request.method or "", request.url or "", headers, b""), 1)
        response = requests.Response()
        response.status_code, response._content = answer.status, answer.body
        response.request, response.connection = request, self  # type: ignore[attr-defined]
        response.url = request.url or ""
        return response

    def close(self) -> None:
        pass


def by_requests(runner: Runner) -> int:
    with requests.Session() as session:
        session.mount("https://", Adapter(runner.transport))
        session.auth = symbolon.requests.SymbolonAuth(runner.source)
        return session.get(API).status_code


def handler(runner: Runner) -> httpx.MockTransport:
    def handle(request: httpx.Request) -> httpx.Response:
        sent = symbolon.Request(request.method, str(request.url), dict(request.headers), b"")
        answer = runner.transport.send(sent, 1)
        return httpx.Response(answer.status, content=answer.body)

    return httpx.MockTransport(handle)


def by_httpx(runner: Runner) -> int:
    with httpx.Client(transport=handler(runner), auth=symbolon.httpx.SymbolonAuth(runner.source)) as client:
        return client.get(API).status_code


def by_async_httpx(runner: Runner) -> int:
    async def go() -> int:
        auth = symbolon.httpx.SymbolonAuth(runner.source)
        async with httpx.AsyncClient(transport=handler(runner), auth=auth) as client:
            return (await client.get(API)).status_code

    return asyncio.run(go())


CALLS = {"requests": by_requests, "httpx": by_httpx, "httpx.AsyncClient": by_async_httpx}


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_vector(vector: dict[str, Any]) -> None:
    Runner(vector, "requests").run()


CALLED = [vector for vector in VECTORS if any("call" in step for step in vector["steps"])]


@pytest.mark.parametrize("client", ["httpx", "httpx.AsyncClient"])
@pytest.mark.parametrize("vector", CALLED, ids=[vector["name"] for vector in CALLED])
def test_vector_with_calls(vector: dict[str, Any], client: str) -> None:
    Runner(vector, client).run()


def test_every_name_is_unique() -> None:
    names = [vector["name"] for vector in VECTORS]
    assert len(set(names)) == len(names)


def source_at(url: str, allow_http: bool = False) -> symbolon.TokenSource:
    return symbolon.TokenSource(
        symbolon.ClientCredentials(client_id="c", client_secret="s", token_url=url, allow_http=allow_http)
    )


def test_only_safe_addresses_are_taken() -> None:
    described = read("urls.json")
    for one in described["urls"]:
        if one["ok"]:
            source_at(one["url"])
        else:
            with pytest.raises(symbolon.ConfigurationError):
                source_at(one["url"])
    for url in described["allow_http"]:
        source_at(url, allow_http=True)


CACHE = read("cache.json")


@pytest.mark.parametrize("entry", CACHE["keys"], ids=[entry["key"][:8] for entry in CACHE["keys"]])
def test_the_name_of_a_cached_token(entry: dict[str, Any]) -> None:
    wire = _dialects.Wire(dialect_of(entry["source"], entry["source"]["secrets"]))
    assert _cache.key_of(wire) == entry["key"]


@pytest.mark.parametrize("file", CACHE["files"], ids=[file["name"] for file in CACHE["files"]])
def test_a_cached_token(file: dict[str, Any], tmp_path: Path) -> None:
    clock, later = StillClock(CACHE["now_ms"]), Later()
    transport = Strict(clock)
    first = CACHE["keys"][0]
    stored = tmp_path / "cache"
    cache = symbolon.DiskCache(stored)
    path = stored / f"{first['key']}.json"
    path.write_text(file["text"] if "text" in file else json.dumps(file["json"]), encoding="utf-8")
    path.chmod(0o600)
    source = symbolon.TokenSource(
        dialect_of(first["source"], first["source"]["secrets"]),
        cache=cache,
        transport=transport,
        environment=still(clock, later),
    )
    fresh: Optional[str] = file["token"]
    if fresh is None:
        answer = {"status": 200, "json": {"access_token": "fresh", "expires_in": 3600}}
        request = {"method": "POST", "url": first["source"]["token_url"]}
        transport.expect([{"request": request, "answer": answer}])
        fresh = "fresh"
    assert source.token() == fresh
    transport.finish()
    assert json.loads(path.read_text(encoding="utf-8"))["access_token"] == fresh
    assert path.stat().st_mode & 0o777 == 0o600


def test_answers_are_read_from_their_description() -> None:
    assert answer_of({"status": 200, "repeat": {"text": "ab", "times": 2}}).body == b"abab"
