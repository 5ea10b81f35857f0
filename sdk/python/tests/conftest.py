"""Shared by all tests: time that stands still."""

from __future__ import annotations

import pytest
from support import StillClock


@pytest.fixture
def clock() -> StillClock:
    return StillClock()
