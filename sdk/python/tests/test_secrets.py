"""Where secrets come from."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import symbolon
from symbolon._secrets import Secrets


def test_a_variable_is_read_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = Secrets(symbolon.Env("A_SECRET", "ANOTHER"), "secret")
    monkeypatch.delenv("A_SECRET", raising=False)
    monkeypatch.setenv("ANOTHER", "s0")
    assert secrets.read() == ["s0"]
    monkeypatch.setenv("A_SECRET", " s1\n")
    assert secrets.read() == ["s1", "s0"]
    monkeypatch.setenv("ANOTHER", "")
    assert secrets.read() == ["s1"]


def test_a_file_is_read_again_when_it_has_changed(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    secrets = Secrets(symbolon.File(path), "secret")
    assert secrets.read() == []
    path.write_text("s1\n")
    assert secrets.read() == ["s1"]
    assert secrets.read() == ["s1"]
    path.write_text("s2\r\n  s1\n\n")
    assert secrets.read() == ["s2", "s1"]
    other = tmp_path / "other"
    other.write_text("s3")
    os.replace(other, path)
    assert secrets.read() == ["s3"]
    path.unlink()
    assert secrets.read() == []


def test_a_link_that_is_turned_around_is_a_change(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_text(name)
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "one")
    secrets = Secrets(symbolon.File(link), "secret")
    assert secrets.read() == ["one"]
    (tmp_path / "fresh").symlink_to(tmp_path / "two")
    os.replace(tmp_path / "fresh", link)
    assert secrets.read() == ["two"]


def test_a_file_that_is_no_text_names_none(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_bytes(b"\xff\xfe\xff")
    assert Secrets(symbolon.File(path), "secret").read() == []
    assert Secrets(symbolon.File(tmp_path), "secret").read() == []


def counting(path: Path) -> list[str]:
    code = (
        "import pathlib, sys; path = pathlib.Path(sys.argv[1]); path.touch(); "
        "path.write_text(path.read_text() + 'x'); print(f's{len(path.read_text())}')"
    )
    return [sys.executable, "-c", code, str(path)]


def test_a_command_is_run_again_when_its_output_is_old(tmp_path: Path) -> None:
    path = tmp_path / "runs"
    fresh = Secrets(symbolon.Command(counting(path), max_age=0), "secret")
    assert [fresh.read(), fresh.read()] == [["s1"], ["s2"]]
    kept = Secrets(symbolon.Command(counting(path), max_age=3600), "secret")
    assert [kept.read(), kept.read()] == [["s3"], ["s3"]]


def test_a_command_that_fails_names_none() -> None:
    for command in (
        ["/nonexistent/program"],
        [sys.executable, "-c", "print('s1'); raise SystemExit(1)"],
        [sys.executable, "-c", "import time; time.sleep(60)"],
    ):
        assert Secrets(symbolon.Command(command, timeout=0.5), "secret").read() == []
    with pytest.raises(symbolon.ConfigurationError):
        symbolon.Command("vault read secret")


def test_a_provider_that_raises_names_none() -> None:
    class Broken:
        def secrets(self) -> list[str]:
            raise OSError("away")

    assert Secrets([Broken(), "s1"], "secret").read() == ["s1"]


def test_several_are_tried_in_order_and_none_twice() -> None:
    assert Secrets(["s1", symbolon.Value("s2", "s1"), "s3"], "secret").read() == ["s1", "s2", "s3"]


def test_a_change_within_the_file_systems_tick_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some file systems tell the same time for all that happens within some milliseconds."""
    fine, tick = os.stat, 50_000_000

    def coarse(path: Any) -> Any:
        seen = fine(path)
        times = {f"st_{name}_ns": getattr(seen, f"st_{name}_ns") // tick * tick for name in ("mtime", "ctime")}
        same = {name: getattr(seen, name) for name in ("st_dev", "st_ino", "st_mode", "st_size")}
        return SimpleNamespace(**same, **times)

    path = tmp_path / "secret"
    secrets = Secrets(symbolon.File(path), "secret")
    monkeypatch.setattr("symbolon._secrets.os", SimpleNamespace(stat=coarse))
    for number in range(100, 200):
        path.write_text(f"s{number}")
        assert secrets.read() == [f"s{number}"]


def test_a_file_that_has_settled_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret"
    path.write_text("s1")
    os.utime(path, (0, 0))
    secrets = Secrets(symbolon.File(path), "secret")
    assert secrets.read() == ["s1"]

    def no_open(*_: Any, **__: Any) -> Any:
        raise AssertionError("read again")

    monkeypatch.setattr("builtins.open", no_open)
    assert secrets.read() == ["s1"]


def test_a_pipe_that_nobody_writes_to_holds_nobody_up(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    os.mkfifo(path)
    assert Secrets(symbolon.File(path), "secret").read() == []
