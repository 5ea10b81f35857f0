"""One token for many short processes: a file that they share. Symbolon's client for Rust reads and writes the same."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Optional, Union

from symbolon._answers import Granted
from symbolon._dialects import Wire
from symbolon._errors import ConfigurationError

_VISIBLE = re.compile(r"[\x21-\x7e]+\Z")
_MAX_FILE = 128 * 1024
_PATIENCE = 30.0
_POLL = 0.02


class DiskCache:
    """Tokens in files that their owner alone can read (0600, in a folder of mode 0700), for processes of one user.

    Without a folder it is `symbolon` in `$XDG_CACHE_HOME`, or else in `~/.cache`. For POSIX systems.
    """

    def __init__(self, folder: Union[str, os.PathLike[str], None] = None) -> None:
        try:
            import fcntl  # noqa: F401
        except ImportError:
            raise ConfigurationError("the cache on disk is for POSIX systems") from None
        self.folder = Path(folder) if folder is not None else _default_folder()
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = self.folder.stat()
        except OSError as error:
            raise ConfigurationError(f"the cache's folder cannot be made: {error}") from None
        if found.st_uid != os.geteuid() or found.st_mode & 0o077:
            raise ConfigurationError(f"{self.folder} must belong to this user, with mode 0700")

    def __repr__(self) -> str:
        return f"DiskCache({str(self.folder)!r})"

    def entry(self, wire: Wire) -> Entry:
        """The file of one source."""
        return Entry(self.folder / key_of(wire))


def _default_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "symbolon"


def key_of(wire: Wire) -> str:
    """What a source's file is called: everything that a token depends on, and no secret."""
    address = wire.token_url or wire.issuer or ""
    extra = [wire.extra.get(name, "") for name in ("audience", "resource", "scope")]
    lines = ["symbolon-token-1", wire.name, address, wire.identity, *extra]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


class Entry:
    """One file, and the lock beside it."""

    def __init__(self, stem: Path) -> None:
        self._file = stem.with_suffix(".json")
        self._lock = stem.with_suffix(".lock")

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Holds the lock. After half a minute, or where there can be none, goes on without it: that costs a request."""
        import fcntl

        try:
            held = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError:
            yield
            return
        try:
            end = time.monotonic() + _PATIENCE
            while time.monotonic() < end:
                try:
                    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    time.sleep(_POLL)
                except OSError:
                    break
            yield
        finally:
            # A child that was forked meanwhile has the descriptor, too, so that closing it would not be enough.
            with contextlib.suppress(OSError):
                fcntl.flock(held, fcntl.LOCK_UN)
            os.close(held)

    def read(self, wall_ms: int) -> Optional[tuple[Granted, int]]:
        """The token of the file, if it is good, and for how many milliseconds it has been issued."""
        try:
            opened = os.open(self._file, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            return None
        with os.fdopen(opened, "rb") as file:
            found = os.fstat(opened)
            if found.st_uid != os.geteuid() or found.st_mode & 0o077 or not stat.S_ISREG(found.st_mode):
                return None
            try:
                members = json.loads(file.read(_MAX_FILE))
            except (OSError, ValueError, RecursionError):
                return None
        if not isinstance(members, dict) or members.get("version") != 1:
            return None
        value, scope = members.get("access_token"), members.get("scope")
        issued, life = members.get("issued_at_ms"), members.get("life_ms")
        if not isinstance(value, str) or not _VISIBLE.match(value) or not isinstance(scope, (str, type(None))):
            return None
        if type(issued) is not int or type(life) is not int or not issued <= wall_ms < issued + life:
            return None
        return Granted(value, scope, life), wall_ms - issued

    def write(self, granted: Granted, issued_at_ms: int) -> None:
        """Puts a token into the file. If that fails, others ask for one of their own."""
        members = {
            "version": 1,
            "access_token": granted.value,
            "scope": granted.scope,
            "issued_at_ms": issued_at_ms,
            "life_ms": granted.life_ms,
        }
        with contextlib.suppress(OSError):
            # Made with mode 0600.
            opened, name = tempfile.mkstemp(prefix=f".{self._file.stem}-", dir=self._file.parent)
            try:
                with os.fdopen(opened, "w", encoding="utf-8") as file:
                    json.dump(members, file)
                os.replace(name, self._file)
            except BaseException:
                os.unlink(name)
                raise
