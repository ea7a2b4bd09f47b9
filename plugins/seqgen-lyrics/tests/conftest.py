"""The time that a machine takes may not tell what a test sees."""

from __future__ import annotations

from types import SimpleNamespace

import pytest


@pytest.fixture
def time_passes():
    """For tests of what the look-ahead does when its time is over."""


@pytest.fixture(autouse=True)
def _no_time_passes(request, monkeypatch):
    """For all others: a look-ahead that a busy machine stops would leave another text."""
    if "time_passes" not in request.fixturenames:
        monkeypatch.setattr("seqgen_lyrics.clock.time", SimpleNamespace(monotonic=lambda: 0.0))
