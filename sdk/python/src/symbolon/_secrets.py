"""Where secrets come from. A provider is asked anew for each attempt, so that a rotation is taken up by itself."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
import time
from collections.abc import Sequence
from stat import S_ISREG
from typing import Optional, Protocol, Union

from symbolon._address import checked_text
from symbolon._errors import ConfigurationError

_MAX_FILE = 64 * 1024
_TICK_NS = 2_000_000_000


class SecretProvider(Protocol):
    """Names the secrets that may be right now, the likeliest first. Called from any thread, often: it must be quick."""

    def secrets(self) -> Sequence[str]: ...


class Value:
    """Secrets that the program has already."""

    def __init__(self, *secrets: str) -> None:
        self._secrets = tuple(checked_text(secret, "a secret") for secret in secrets)

    def secrets(self) -> Sequence[str]:
        return self._secrets

    def __repr__(self) -> str:
        return "Value([redacted])"


class Env:
    """Variables of the environment, read each time. What is unset or empty names none."""

    def __init__(self, *names: str) -> None:
        self._names = tuple(checked_text(name, "a variable's name") for name in names)

    def secrets(self) -> Sequence[str]:
        return [os.environ[name].strip() for name in self._names if name in os.environ]

    def __repr__(self) -> str:
        return f"Env({', '.join(map(repr, self._names))})"


class File:
    """A file with a secret in each line, read again when it has changed. A file that is not there names none."""

    def __init__(self, path: Union[str, os.PathLike[str]]) -> None:
        self._path = os.fspath(path)
        self._known: tuple[object, Sequence[str]] = (None, ())

    def secrets(self) -> Sequence[str]:
        # Without a lock: threads that see the change at the same time read the same.
        known = self._known
        try:
            stat = os.stat(self._path)
            mark = (stat.st_dev, stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size)
            # To open a pipe that nobody writes to would never end.
            if not S_ISREG(stat.st_mode):
                raise FileNotFoundError
            if mark != known[0]:
                with open(self._path, encoding="utf-8") as file:
                    lines = file.read(_MAX_FILE).splitlines()
                # What was written just now may be written again within the same tick of the file system's clock.
                settled = abs(time.time_ns() - stat.st_mtime_ns) > _TICK_NS
                known = self._known = (mark if settled else None, [line.strip() for line in lines])
        except (OSError, UnicodeDecodeError):
            known = self._known = (None, ())
        return known[1]

    def __repr__(self) -> str:
        return f"File({self._path!r})"


class Command:
    """A program that prints a secret in each line, such as a vault's. It is not run by a shell.

    Its output is kept for `max_age` seconds. A command that fails, or takes longer than `timeout` seconds, names none.
    """

    def __init__(self, command: Sequence[str], *, timeout: float = 10.0, max_age: float = 10.0) -> None:
        if isinstance(command, str) or not command:
            raise ConfigurationError("a command must be a list: the program and its arguments")
        if not timeout > 0 or not max_age >= 0:
            raise ConfigurationError("a command's timeout must be above 0, and its max_age not below 0")
        self._command = [checked_text(part, "a part of a command") for part in command]
        self._timeout, self._max_age = timeout, max_age
        self._lock = threading.Lock()
        self._known: Sequence[str] = ()
        self._until: Optional[float] = None

    def secrets(self) -> Sequence[str]:
        # Whoever waits in vain for another thread's run takes what was known before.
        if self._lock.acquire(timeout=self._timeout):
            try:
                if self._until is None or time.monotonic() >= self._until:
                    self._known = self._run()
                    self._until = time.monotonic() + self._max_age
            finally:
                self._lock.release()
        return self._known

    def _run(self) -> Sequence[str]:
        try:
            done = subprocess.run(
                self._command, stdin=subprocess.DEVNULL, capture_output=True, timeout=self._timeout, check=True
            )
            return [line.strip() for line in done.stdout.decode("utf-8").splitlines()]
        except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
            return ()

    def __repr__(self) -> str:
        return f"Command([{self._command[0]!r}, …])"


Secret = Union[str, SecretProvider, Sequence[Union[str, SecretProvider]]]
"""A secret, a provider, or several of either, the likeliest first."""


class Secrets:
    """All providers of a source as one. Names no secret twice, and no empty one."""

    def __init__(self, given: Secret, name: str) -> None:
        parts: Sequence[Union[str, SecretProvider]]
        parts = given if isinstance(given, Sequence) and not isinstance(given, str) else [given]
        self._providers: list[SecretProvider] = []
        for part in parts:
            provider = Value(checked_text(part, name)) if isinstance(part, str) else part
            if not callable(getattr(provider, "secrets", None)):
                raise ConfigurationError(f"{name} must be a text, a provider, or a list of these")
            self._providers.append(provider)

    def read(self) -> list[str]:
        """What the providers name now. One that fails names none, so that the others may do."""
        named: list[str] = []
        for provider in self._providers:
            with contextlib.suppress(Exception):
                named.extend(provider.secrets())
        return [secret for secret in dict.fromkeys(named) if secret]
