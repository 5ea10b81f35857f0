"""Which addresses a secret may be sent to."""

from __future__ import annotations

import ipaddress
import re
import urllib.parse

from symbolon._errors import ConfigurationError

_VISIBLE = re.compile(r"[\x21-\x7e]+\Z")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def checked_url(url: str, name: str, allow_http: bool) -> str:
    """The same URL if it is absolute, and https or on this machine."""
    fault = _fault(url, allow_http)
    if fault is not None:
        raise ConfigurationError(f"{name} {fault}")
    return url


def _fault(url: object, allow_http: bool) -> str | None:
    if not isinstance(url, str) or not _VISIBLE.match(url):
        return "must be a URL without spaces"
    try:
        parts = urllib.parse.urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is no URL"
    if parts.scheme not in ("https", "http") or not host:
        return "must begin with https:// and a host"
    if parts.username is not None or parts.password is not None:
        return "must not have credentials in it"
    if "#" in url:
        return "must not have a fragment"
    if parts.scheme == "http" and not allow_http and not _is_loopback(host):
        return "must be https, because secrets and tokens go there (allow_http allows the other)"
    return None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def checked_text(value: str, name: str) -> str:
    """The same text if it has at least one character and none that would break a line."""
    if not isinstance(value, str) or not value:
        raise ConfigurationError(f"{name} must be a text that is not empty")
    if _CONTROL.search(value):
        raise ConfigurationError(f"{name} must not have control characters")
    return value
