"""What can go wrong, as types.

A caller asks two things of an error: may I try again later (`is_temporary`), and whose fault is it (the class). No
error holds a secret or a token.
"""

from __future__ import annotations

import copy
from typing import Optional


class ConfigurationError(ValueError):
    """An option makes no sense. Raised when a source is made, never later."""


class TokenError(Exception):
    """There is no token. The classes below say why."""

    kind = "refused"
    """The reason's name, the same in Symbolon's clients for all languages."""
    is_temporary = False
    """Whether a later call may succeed though nobody changes anything."""
    advice = "The server refused the request; its operator can tell why"

    def __init__(
        self,
        reason: str,
        *,
        status: Optional[int] = None,
        code: Optional[str] = None,
        description: Optional[str] = None,
        request_id: Optional[str] = None,
        retry_after: Optional[float] = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        """What happened, in a few words."""
        self.status = status
        """The answer's HTTP status, if there was an answer."""
        self.code = code
        """`error` of the answer (RFC 6749 §5.2)."""
        self.description = description
        """`error_description` of the answer, without control characters."""
        self.request_id = request_id
        """`x-request-id` of the answer: what the server's operator finds the exact reason by."""
        self.retry_after = retry_after
        """The seconds that the server asked to wait, if it did."""

    def __str__(self) -> str:
        text = f"{self.kind}: {self.reason}"
        if self.code is not None:
            text += f" ({self.code}{': ' + self.description if self.description else ''})"
        if self.request_id is not None:
            text += f" [request {self.request_id}]"
        return f"{text}. {self.advice}."

    def again(self) -> TokenError:
        """A copy to be raised once more: an exception that is raised twice keeps the frames of both."""
        fresh = copy.copy(self)
        fresh.__traceback__ = None
        fresh.__context__ = None
        return fresh

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self.reason,), self.__dict__)


class InvalidClientError(TokenError):
    """Id or secret is wrong, or the client is switched off."""

    kind = "invalid_client"
    advice = "Check the client's id and its secret, and whether either was revoked"


class UnauthorizedClientError(TokenError):
    """The client is known and may not have a token this way, for want of a licence perhaps."""

    kind = "unauthorized_client"
    advice = "Ask the API's provider about the licence and the grants of this client"


class InvalidScopeError(TokenError):
    """None of the scopes asked for is granted."""

    kind = "invalid_scope"
    advice = "Ask for fewer scopes, or have them granted to this client"


class InvalidTargetError(TokenError):
    """The audience or resource is unknown, or not granted (RFC 8707)."""

    kind = "invalid_target"
    advice = "Check the audience, or have it granted to this client"


class InvalidRequestError(TokenError):
    """The server could not make sense of the request."""

    kind = "invalid_request"
    advice = "Check the address and the dialect of this source"


class UnsupportedGrantTypeError(TokenError):
    """The server does not offer client credentials here."""

    kind = "unsupported_grant_type"
    advice = "Check the address and the dialect of this source"


class RefusedError(TokenError):
    """The server refused for another reason."""


class TemporaryError(TokenError):
    """There was no answer, or one that says to come again."""

    kind = "temporary"
    is_temporary = True
    advice = "It is tried again with the next call, as soon as the back-off allows"


class RateLimitedError(TemporaryError):
    """Too many requests; `retry_after` says when the next makes sense."""

    kind = "rate_limited"


class MalformedAnswerError(TokenError):
    """The answer is none of a token endpoint."""

    kind = "malformed"
    advice = "Check that the address is a token endpoint, and what stands between it and here"


class RedirectError(TokenError):
    """The server answered with a redirect, which would carry the secret to somewhere else."""

    kind = "redirect"
    advice = "Configure the address that it redirects to, if you trust it"


class NoSecretError(TokenError):
    """The provider has no secret."""

    kind = "no_secret"
    advice = "Check the variable, the file or the command that it should come from"


BY_CODE: dict[str, type[TokenError]] = {
    error.kind: error
    for error in (
        UnauthorizedClientError,
        InvalidScopeError,
        InvalidTargetError,
        InvalidRequestError,
        UnsupportedGrantTypeError,
    )
}
"""The codes of RFC 6749 and RFC 8707 that are told as what they are."""
