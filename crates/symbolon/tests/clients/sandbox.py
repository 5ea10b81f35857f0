"""Shared by the Python client scripts: the credentials file, the final line, the renewal loop.

usage of every script: SCRIPT CREDENTIALS_FILE [SCENARIO]

Environment:
  RENEWAL_SECONDS      keep calling for that long; more than one token must be used, no call may fail
  CALL_EVERY_SECONDS   pause between the calls of that loop (default 0.5)
"""

import json
import os
import sys
import time
import traceback
from urllib.parse import urlsplit


def load() -> dict:
    if len(sys.argv) < 2:
        raise SystemExit(f"usage: {sys.argv[0]} CREDENTIALS_FILE [SCENARIO]")
    with open(sys.argv[1], encoding="utf-8") as file:
        return json.load(file)


def scenario(default: str) -> str:
    return sys.argv[2] if len(sys.argv) > 2 else default


def origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def check(condition: object, message: str) -> None:
    if not condition:
        raise AssertionError(message)


def renewing(call) -> str:
    """Runs `call` (which returns the token it used) for RENEWAL_SECONDS; says what was seen."""
    seconds = float(os.environ.get("RENEWAL_SECONDS", "0"))
    if not seconds:
        return ""
    pause = float(os.environ.get("CALL_EVERY_SECONDS", "0.5"))
    tokens, calls, end = set(), 0, time.monotonic() + seconds
    while time.monotonic() < end:
        tokens.add(call())
        calls += 1
        time.sleep(pause)
    check(len(tokens) > 1, f"{calls} calls in {seconds:g} s, all with one token: it was never renewed")
    return f"; {calls} calls over {seconds:g} s with {len(tokens)} tokens, none failed"


def wait_for_harness(what: str) -> None:
    """Tells the harness that it is its turn, and waits for one line from it."""
    print(f"waiting: {what}", flush=True)
    check(sys.stdin.readline(), "standard input was closed before the harness answered")


def run(main) -> None:
    try:
        shown = main(load())
    except Exception as error:
        traceback.print_exc()
        print(f"error: {type(error).__name__}: {error}", flush=True)
        sys.exit(1)
    print(f"ok {shown}", flush=True)
