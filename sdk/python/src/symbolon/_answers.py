"""What an answer of the token endpoint means. Nothing that a server sends is believed further than it has to be."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Optional

from symbolon import _errors as errors
from symbolon._address import checked_url
from symbolon._dialects import Wire
from symbolon._transport import MAX_BODY, Answer

YEAR_MS = 365 * 86_400_000
HOUR_MS = 3_600_000
_VISIBLE = re.compile(r"[\x21-\x7e]+\Z")
_DIGITS = re.compile(r"[0-9]{1,18}\Z")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SHOWN = 200
_CODES = ("invalid_client", "invalid_grant", "temporarily_unavailable", "server_error", *errors.BY_CODE)
_ABOUT_THE_REQUEST = ("invalid_scope", "invalid_target", "invalid_request", "unsupported_grant_type")


@dataclass(frozen=True)
class Granted:
    """A token as it was answered."""

    value: str = field(repr=False)
    scope: Optional[str]
    life_ms: int
    """How long it is used, counted from before the request was sent."""


def life_of(expires_in_ms: int) -> int:
    """A server writes `exp` in whole seconds, so up to one of them is gone when it answers."""
    return max(expires_in_ms - 1000, expires_in_ms // 2)


def token(wire: Wire, answer: Answer, secret: str, wall_ms: int, assumed_life_ms: int) -> Granted:
    """The token of an answer. Raises what the answer means if it has none."""
    _raise_unless_success(wire, answer, [secret], wall_ms)
    members = _object(answer)
    if members is None:
        raise errors.MalformedAnswerError("the answer is no JSON object", status=answer.status)
    value = members.get(wire.token_member)
    if not isinstance(value, str) or not _VISIBLE.match(value):
        what = f"the answer has no {wire.token_member} that can be used"
        raise errors.MalformedAnswerError(what, status=answer.status)
    kind = members.get("token_type")
    if kind is not None and (not isinstance(kind, str) or kind.lower() != "bearer"):
        raise errors.MalformedAnswerError("the token is no Bearer token", status=answer.status)
    expires_in_ms = _expires_in_ms(members.get("expires_in"), assumed_life_ms)
    if expires_in_ms is None:
        raise errors.MalformedAnswerError("expires_in is no number of seconds", status=answer.status)
    scope = members.get("scope")
    return Granted(value, scope if isinstance(scope, str) else None, life_of(expires_in_ms))


def endpoint(wire: Wire, answer: Answer, wall_ms: int) -> str:
    """The token endpoint of an issuer's metadata. Raises what the answer means if it has none."""
    _raise_unless_success(wire, answer, [], wall_ms)
    members = _object(answer) or {}
    issuer, found = members.get("issuer"), members.get("token_endpoint")
    if not isinstance(issuer, str) or issuer.rstrip("/") != (wire.issuer or "").rstrip("/"):
        raise errors.MalformedAnswerError("the metadata are not those of the issuer", status=answer.status)
    try:
        return checked_url(found if isinstance(found, str) else "", "token_endpoint", wire.allow_http)
    except errors.ConfigurationError as fault:
        raise errors.MalformedAnswerError(f"in the metadata {fault}", status=answer.status) from None


def _expires_in_ms(value: object, assumed_life_ms: int) -> Optional[int]:
    if value is None:
        return assumed_life_ms
    if isinstance(value, str) and _DIGITS.match(value):
        value = int(value)
    try:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            return None
    except OverflowError:
        # A number of hundreds of digits, which the other clients' JSON has no room for.
        return None
    seconds = int(min(value, YEAR_MS // 1000))
    return seconds * 1000 if seconds >= 1 else None


def _object(answer: Answer) -> Optional[dict[str, Any]]:
    if len(answer.body) > MAX_BODY:
        return None
    try:
        # Of bytes it would take UTF-16 as well.
        members = json.loads(answer.body.decode(), parse_constant=_no_json)
    except (ValueError, RecursionError):
        return None
    return members if isinstance(members, dict) else None


def _no_json(_: str) -> Any:
    raise ValueError("NaN and Infinity are no JSON")


def _raise_unless_success(wire: Wire, answer: Answer, secrets: list[str], wall_ms: int) -> None:
    status = answer.status
    if 200 <= status < 300:
        return
    members = (_object(answer) or {}) if status >= 400 else {}
    code = members.get("error")
    kind = _kind(wire, status, code)
    wait_ms = named_wait_ms(answer, wall_ms) if kind.is_temporary else None
    raise kind(
        f"the server answered {status}",
        status=status,
        code=code if code in _CODES else _told(code, secrets),
        description=_told(members.get("error_description"), secrets),
        request_id=_told(answer.headers.get("x-request-id"), secrets),
        retry_after=None if wait_ms is None else wait_ms / 1000,
    )


def _kind(wire: Wire, status: int, code: object) -> type[errors.TokenError]:
    if status < 400:
        return errors.RedirectError if status >= 300 else errors.MalformedAnswerError
    if status == 429:
        return errors.RateLimitedError
    if status == 408 or status >= 500 or code in ("temporarily_unavailable", "server_error"):
        return errors.TemporaryError
    if status == 401 and code not in _ABOUT_THE_REQUEST:
        return errors.InvalidClientError
    if code == "invalid_client" or (code == "invalid_grant" and wire.name == "password"):
        return errors.InvalidClientError
    return errors.BY_CODE.get(code, errors.RefusedError) if isinstance(code, str) else errors.RefusedError


def _told(value: object, secrets: list[str]) -> Optional[str]:
    """What a server wrote, fit for a log."""
    if not isinstance(value, str) or not value:
        return None
    for secret in secrets:
        value = value.replace(secret, "[redacted]")
    return _CONTROL.sub(" ", value)[:_SHOWN]


def named_wait_ms(answer: Answer, wall_ms: int) -> Optional[int]:
    """How long the answer asks to wait: `Retry-After`, else `x-ratelimit-reset`."""
    here = _date_ms(answer.headers.get("date"))
    now_ms = wall_ms if here is None else here
    after = answer.headers.get("retry-after", "").strip()
    if _DIGITS.match(after):
        wait = int(after) * 1000
    else:
        until = _date_ms(after)
        wait = 0 if until is None else until - now_ms
    if wait <= 0:
        reset = answer.headers.get("x-ratelimit-reset", "").strip()
        wait = int(reset) * 1000 - now_ms if _DIGITS.match(reset) else 0
    return min(wait, HOUR_MS) if wait > 0 else None


def _date_ms(text: Optional[str]) -> Optional[int]:
    """An HTTP date (RFC 9110 §5.6.7)."""
    if not text or not text.endswith("GMT"):
        return None
    try:
        return int(parsedate_to_datetime(text).timestamp() * 1000)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
