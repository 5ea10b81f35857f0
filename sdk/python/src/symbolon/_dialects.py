"""The dialects: what each kind of server wants to be sent, and where."""

from __future__ import annotations

import base64
import json
import urllib.parse
from dataclasses import dataclass, field
from typing import Optional, Union

from symbolon._address import checked_text, checked_url
from symbolon._errors import ConfigurationError
from symbolon._secrets import Secret, Secrets
from symbolon._transport import Request

_FORM = "application/x-www-form-urlencoded"
_JSON = "application/json"


@dataclass(frozen=True)
class ClientCredentials:
    """OAuth 2.0 client credentials (RFC 6749 §4.4): Symbolon, Auth0, METI v2, Metafold and most others.

    The endpoint is `token_url`, or is found from `issuer` (RFC 8414, OpenID Connect Discovery). `auth` says how id and
    secret travel: by `basic` authentication, which every server has to know, in the `form`, or in a `json` body.
    """

    client_id: str
    client_secret: Secret = field(repr=False)
    token_url: Optional[str] = None
    issuer: Optional[str] = None
    auth: str = "basic"
    audience: Optional[str] = None
    resource: Optional[str] = None
    scope: Optional[str] = None
    allow_http: bool = False


@dataclass(frozen=True)
class Keycloak:
    """A realm of Keycloak, or of a server with Keycloak's paths: ecoinvent, Symbolon."""

    base_url: str
    realm: str
    client_id: str
    client_secret: Secret = field(repr=False)
    audience: Optional[str] = None
    scope: Optional[str] = None
    allow_http: bool = False


@dataclass(frozen=True)
class AccessKey:
    """A service user's access key: m3ter. Basic authentication, as it is, and a JSON body."""

    token_url: str
    access_key_id: str
    api_secret: Secret = field(repr=False)
    audience: Optional[str] = None
    scope: Optional[str] = None
    allow_http: bool = False


@dataclass(frozen=True)
class Password:
    """Email and password of a user, for the API that still wants them: METI v1."""

    token_url: str
    email: str
    password: Secret = field(repr=False)
    allow_http: bool = False


Dialect = Union[ClientCredentials, Keycloak, AccessKey, Password]


class Wire:
    """A dialect, checked, as what is sent."""

    def __init__(self, dialect: Dialect) -> None:
        self.allow_http = dialect.allow_http
        self.issuer: Optional[str] = None
        self.token_url: Optional[str] = None
        self.extra: dict[str, str] = {}
        if isinstance(dialect, ClientCredentials):
            self._client_credentials(dialect)
        elif isinstance(dialect, Keycloak):
            base = checked_url(dialect.base_url, "base_url", dialect.allow_http).rstrip("/")
            realm = urllib.parse.quote(checked_text(dialect.realm, "realm"), safe="")
            self.name, self.auth = "keycloak", "form"
            self.token_url = f"{base}/realms/{realm}/protocol/openid-connect/token"
            self._identity(dialect.client_id, "client_id", dialect.client_secret, "client_secret")
        elif isinstance(dialect, AccessKey):
            self.name, self.auth = "access_key", "raw"
            self.token_url = checked_url(dialect.token_url, "token_url", dialect.allow_http)
            self._identity(dialect.access_key_id, "access_key_id", dialect.api_secret, "api_secret")
            if ":" in dialect.access_key_id:
                raise ConfigurationError("access_key_id must not have a colon: Basic authentication ends it there")
        elif isinstance(dialect, Password):
            self.name, self.auth = "password", "password"
            self.token_url = checked_url(dialect.token_url, "token_url", dialect.allow_http)
            self._identity(dialect.email, "email", dialect.password, "password")
        else:
            raise ConfigurationError("a source needs ClientCredentials, Keycloak, AccessKey or Password")
        for name in ("audience", "resource", "scope"):
            value = getattr(dialect, name, None)
            if value is not None:
                self.extra[name] = checked_text(value, name)
        self.token_member = "token" if self.name == "password" else "access_token"

    def _client_credentials(self, dialect: ClientCredentials) -> None:
        self.name, self.auth = "client_credentials", dialect.auth
        if dialect.auth not in ("form", "json", "basic"):
            raise ConfigurationError("auth must be form, json or basic")
        if (dialect.token_url is None) == (dialect.issuer is None):
            raise ConfigurationError("either token_url or issuer must be given, and not both")
        if dialect.token_url is not None:
            self.token_url = checked_url(dialect.token_url, "token_url", dialect.allow_http)
        if dialect.issuer is not None:
            self.issuer = checked_url(dialect.issuer, "issuer", dialect.allow_http)
            if "?" in dialect.issuer:
                raise ConfigurationError("issuer must not have a query")
        self._identity(dialect.client_id, "client_id", dialect.client_secret, "client_secret")

    def _identity(self, identity: str, name: str, secret: Secret, secret_name: str) -> None:
        self.identity = checked_text(identity, name)
        self.secrets = Secrets(secret, secret_name)

    def discovery(self, rfc8414: bool) -> Request:
        """The request for the issuer's metadata, at OpenID Connect's address or at RFC 8414's."""
        issuer = (self.issuer or "").rstrip("/")
        if rfc8414:
            parts = urllib.parse.urlsplit(issuer)
            url = f"{parts.scheme}://{parts.netloc}/.well-known/oauth-authorization-server{parts.path}"
        else:
            url = issuer + "/.well-known/openid-configuration"
        return Request("GET", url, {"accept": _JSON}, b"")

    def request(self, url: str, secret: str) -> Request:
        """The token request."""
        headers = {"accept": _JSON, "content-type": _FORM}
        grant = {"grant_type": "client_credentials"}
        both = {"client_id": self.identity, "client_secret": secret}
        if self.auth == "form":
            return Request("POST", url, headers, _form({**grant, **both, **self.extra}))
        if self.auth == "basic":
            headers["authorization"] = _basic(encoded(self.identity), encoded(secret))
            return Request("POST", url, headers, _form({**grant, **self.extra}))
        headers["content-type"] = _JSON
        if self.auth == "json":
            body = {**grant, **both, **self.extra}
        elif self.auth == "raw":
            headers["authorization"] = _basic(self.identity, secret)
            body = {**grant, **self.extra}
        else:
            body = {"email": self.identity, "password": secret}
        return Request("POST", url, headers, json.dumps(body).encode())


def encoded(text: str) -> str:
    """application/x-www-form-urlencoded, as `URLSearchParams` writes it."""
    return urllib.parse.quote_plus(text, safe="*").replace("~", "%7E")


def _form(members: dict[str, str]) -> bytes:
    return "&".join(f"{name}={encoded(value)}" for name, value in members.items()).encode()


def _basic(identity: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{identity}:{secret}".encode()).decode()
