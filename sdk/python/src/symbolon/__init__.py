"""Access tokens that renew themselves.

A `TokenSource` (or `AsyncTokenSource`) gets tokens by client credentials from Symbolon, Auth0, Keycloak, m3ter and
their like, renews them ahead of their end, and takes up rotated secrets. `symbolon.requests` and `symbolon.httpx` put
them on requests.
"""

from symbolon._aio import AsyncTokenSource
from symbolon._cache import DiskCache
from symbolon._dialects import AccessKey, ClientCredentials, Dialect, Keycloak, Password
from symbolon._errors import (
    ConfigurationError,
    InvalidClientError,
    InvalidRequestError,
    InvalidScopeError,
    InvalidTargetError,
    MalformedAnswerError,
    NoSecretError,
    RateLimitedError,
    RedirectError,
    RefusedError,
    TemporaryError,
    TokenError,
    UnauthorizedClientError,
    UnsupportedGrantTypeError,
)
from symbolon._secrets import Command, Env, File, Secret, SecretProvider, Value
from symbolon._source import Backoff, Clock, Environment, TokenSource
from symbolon._transport import Answer, HttpTransport, Request, Transport, TransportError

__all__ = [
    "AccessKey",
    "Answer",
    "AsyncTokenSource",
    "Backoff",
    "ClientCredentials",
    "Clock",
    "Command",
    "ConfigurationError",
    "Dialect",
    "DiskCache",
    "Env",
    "Environment",
    "File",
    "HttpTransport",
    "InvalidClientError",
    "InvalidRequestError",
    "InvalidScopeError",
    "InvalidTargetError",
    "Keycloak",
    "MalformedAnswerError",
    "NoSecretError",
    "Password",
    "RateLimitedError",
    "RedirectError",
    "RefusedError",
    "Request",
    "Secret",
    "SecretProvider",
    "TemporaryError",
    "TokenError",
    "TokenSource",
    "Transport",
    "TransportError",
    "UnauthorizedClientError",
    "UnsupportedGrantTypeError",
    "Value",
]
