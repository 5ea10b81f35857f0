"""The file that processes share, and what may be wrong with it."""

from __future__ import annotations

import fcntl
import json
import os
import threading
from pathlib import Path
from typing import Any, Optional

import pytest
from support import Later, StillClock, still

import symbolon
from symbolon import Answer, ClientCredentials, DiskCache, Request, TokenSource, TransportError


class Server:
    """t1, t2, … for 101 seconds each, or a failure."""

    def __init__(self) -> None:
        self.sent, self.fails = 0, False
        self.refuses = False

    def send(self, request: Request, timeout: float) -> Answer:
        self.sent += 1
        if self.fails:
            raise TransportError("away")
        if self.refuses:
            return Answer(400, {}, b'{"error": "invalid_scope"}')
        body = {"access_token": f"t{self.sent}", "expires_in": 101, "scope": "a"}
        return Answer(200, {}, json.dumps(body).encode())


class Machine:
    """Processes with one clock, one folder and one server."""

    def __init__(self, folder: Path) -> None:
        self.clock, self.later, self.server = StillClock(), Later(), Server()
        self.cache = DiskCache(folder / "tokens")

    def process(self, patience: float = 0, cache: Optional[DiskCache] = None) -> TokenSource:
        return TokenSource(
            ClientCredentials("c", "s", "https://auth.example.com/oauth/token"),
            patience=patience,
            cache=cache or self.cache,
            transport=self.server,
            environment=still(self.clock, self.later),
        )

    @property
    def file(self) -> Path:
        (found,) = self.cache.folder.glob("*.json")
        return found


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_processes_use_the_token_of_the_first(machine: Machine) -> None:
    assert [machine.process().token() for _ in range(5)] == ["t1"] * 5
    assert machine.server.sent == 1
    members = json.loads(machine.file.read_text())
    assert members == {
        "version": 1,
        "access_token": "t1",
        "scope": "a",
        "issued_at_ms": machine.clock.wall,
        "life_ms": 100_000,
    }
    assert os.stat(machine.file).st_mode & 0o777 == 0o600


def test_one_of_many_processes_renews_for_all(machine: Machine) -> None:
    processes = [machine.process() for _ in range(3)]
    assert [process.token() for process in processes] == ["t1"] * 3
    machine.clock.advance(80_000)
    assert [process.token() for process in processes] == ["t1"] * 3
    machine.later.run()
    assert [process.token() for process in processes] == ["t2"] * 3
    assert machine.server.sent == 2


def test_a_dropped_token_is_not_taken_from_the_file(machine: Machine) -> None:
    first, second = machine.process(), machine.process()
    assert (first.token(), second.token()) == ("t1", "t1")
    assert first.report_unauthorized("t1")
    assert first.token() == "t2"
    # The other process finds what the first one got.
    assert second.report_unauthorized("t1")
    assert second.token() == "t2"
    assert machine.server.sent == 2


def test_a_good_token_of_the_file_helps_out_while_the_server_is_away(machine: Machine) -> None:
    machine.process().token()
    machine.clock.advance(80_000)
    machine.server.fails = True
    late = machine.process()
    assert late.token() == "t1"
    machine.clock.advance(20_000)
    with pytest.raises(symbolon.TemporaryError):
        late.token()


def test_a_refusal_is_told_although_the_file_has_a_token(machine: Machine) -> None:
    machine.process().token()
    machine.clock.advance(80_000)
    machine.server.refuses = True
    with pytest.raises(symbolon.InvalidScopeError):
        machine.process().token()


def test_others_wait_for_the_lock_and_then_find_the_token(machine: Machine) -> None:
    machine.process().token()
    text = machine.file.read_text()
    machine.file.unlink()
    (lock,) = machine.cache.folder.glob("*.lock")
    seen: list[str] = []
    with open(lock, "rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        waiting = threading.Thread(target=lambda: seen.append(machine.process().token()), daemon=True)
        waiting.start()
        waiting.join(0.2)
        assert waiting.is_alive() and machine.server.sent == 1
        path = lock.with_suffix(".json")
        path.touch(mode=0o600)
        path.write_text(text)
    waiting.join(30)
    assert seen == ["t1"] and machine.server.sent == 1


def test_a_file_that_others_can_read_or_that_is_a_link_is_not_used(machine: Machine, tmp_path: Path) -> None:
    machine.process().token()
    machine.file.chmod(0o644)
    assert machine.process().token() == "t2"
    assert os.stat(machine.file).st_mode & 0o777 == 0o600
    elsewhere = tmp_path / "elsewhere"
    os.replace(machine.file, elsewhere)
    (machine.cache.folder / f"{lock_of(machine)}.json").symlink_to(elsewhere)
    assert machine.process().token() == "t3"
    assert not machine.file.is_symlink()


def lock_of(machine: Machine) -> str:
    (lock,) = machine.cache.folder.glob("*.lock")
    return lock.stem


def test_a_folder_that_others_can_enter_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    with pytest.raises(symbolon.ConfigurationError, match="0700"):
        DiskCache(folder)
    (tmp_path / "file").write_text("")
    with pytest.raises(symbolon.ConfigurationError):
        DiskCache(tmp_path / "file")


def test_a_folder_that_is_gone_costs_the_sharing_alone(machine: Machine) -> None:
    process = machine.process()
    machine.cache.folder.rmdir()
    assert process.token() == "t1"
    assert machine.process().token() == "t2"


def test_without_a_folder_it_is_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert DiskCache().folder == tmp_path / "symbolon"
    assert (tmp_path / "symbolon").stat().st_mode & 0o777 == 0o700
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert DiskCache().folder == tmp_path / "home" / ".cache" / "symbolon"


def test_nothing_is_left_beside_the_file(machine: Machine) -> None:
    for _ in range(3):
        machine.process().token()
        machine.clock.advance(100_000)
    names: list[Any] = sorted(path.suffix for path in machine.cache.folder.iterdir())
    assert names == [".json", ".lock"]
