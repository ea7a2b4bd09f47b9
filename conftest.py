"""What all tests share, those of the plugins too: slow tests on request, hypothesis profiles, nobody's own settings."""

from __future__ import annotations

import os
import signal
import tempfile

import hypothesis
import pytest

# No deadlines: on a busy machine they fail what is right.  CI runs the same examples every time.
hypothesis.settings.register_profile("default", deadline=None, max_examples=30)
hypothesis.settings.register_profile("ci", deadline=None, max_examples=30, derandomize=True, database=None)
hypothesis.settings.register_profile("slow", deadline=None, max_examples=200)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "default")

# For typer and rich each is a wish for styles, whatever is written to; GitHub Actions sets the first.
STYLES = ("GITHUB_ACTIONS", "FORCE_COLOR", "PY_COLORS", "TTY_COMPATIBLE", "TTY_INTERACTIVE")


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--slow``."""
    parser.addoption("--slow", action="store_true", help="also run the tests that take long, with more examples")


def pytest_configure(config: pytest.Config) -> None:
    """Before tests are imported, which may settle how many examples they take."""
    # A shell that runs the tests in the background lets them ignore Ctrl-C, and so all that they start (POSIX, 2.11).
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if config.getoption("--slow"):
        hypothesis.settings.load_profile("slow")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Before anything imports typer, and after pytest has looked at the same variables for its own colours."""
    for name in [name for name in os.environ if name.startswith("SEQGEN_") or name in STYLES]:
        del os.environ[name]
    home = tempfile.TemporaryDirectory(prefix="seqgen-")  # for what has no SEQGEN_HOME of its own
    session.config.add_cleanup(home.cleanup)
    os.environ["SEQGEN_HOME"] = home.name


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what takes long, unless it is asked for."""
    if config.getoption("--slow"):
        return
    skip = pytest.mark.skip(reason="slow: run with --slow (make test-slow)")
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(skip)
