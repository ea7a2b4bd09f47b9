"""One plugin: importing it and calling its hooks, so that nothing it does there hurts anybody else.

Whatever it raises is kept as its ``problem``; what it prints goes to standard error; while it takes its time to be
imported, others do not wait for it.
"""

from __future__ import annotations

import contextlib
import re
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from seqgen.core import contract

PATIENCE = 2.0
"""Seconds that everybody waits for a plugin to be imported; after that, only what cannot do without it."""


UNDECLARED = "1.0"
"""The contract that a plugin was made for if it does not say."""


@dataclass(eq=False)
class Plugin:
    """One distribution's entry point, as found: its distribution, version, and what is wrong with it, if anything.

    Attributes:
        name: of the entry point.
        module: where its hooks are, as ``package.module``, perhaps with ``:attribute``.
        load: imports that and gives it.
        requirements: gives what the distribution requires, each as in ``Requires-Dist``.
        disabled: where a person said that it is not to be used; empty if nobody did.
        problem: why it cannot be used; empty if it can.
        cause: the exception behind the problem.
        implementation: what ``load`` gave.
    """

    name: str
    module: str
    distribution: str
    version: str
    load: Callable[[], Any]
    requirements: Callable[[], Sequence[str]] = tuple
    disabled: str = ""
    problem: str = ""
    cause: BaseException | None = None
    implementation: Any = None
    _import: _Import | None = field(default=None, init=False, repr=False)

    @property
    def importing(self) -> bool:
        """Whether it was not waited for and is still being imported."""
        return self._import is not None and self._import.is_alive()

    @property
    def package(self) -> str:
        """The package that its code lives in."""
        return re.split("[.:]", self.module, maxsplit=1)[0]

    def usable(self, patience: float | None = PATIENCE) -> bool:
        """Whether its hooks can be called; imports it the first time.

        Args:
            patience: seconds to wait for the import; None: until it is done.
        """
        if self.disabled:
            return False
        if self.implementation is None and (self._import is not None or not self.problem):
            if self._import is None:
                self._import = _Import(self.load)
            if not self._import.done(patience):
                self.problem = f"importing it takes more than {PATIENCE:g} s, and only what needs it waits for it"
                return False
            self.problem = ""
            finished, self._import = self._import, None
            if finished.failure is not None:
                self._fail("loading", finished.failure)
            else:
                self.implementation = finished.result
                declared = getattr(self.implementation, "SEQGEN_CONTRACT", UNDECLARED)
                self.problem = contract.mismatch(declared, self.distribution)
        return not self.problem

    def call(self, doing: str, function: Callable[[], object]) -> bool:
        """Call something of the plugin's, guarded; whether it succeeded, else ``problem`` says what happened."""
        try:
            with stdout_to_stderr():
                function()
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001  a plugin may raise anything, SystemExit included
            self._fail(doing, error)
        return not self.problem

    def _fail(self, doing: str, cause: BaseException) -> None:
        self.cause = cause
        if isinstance(cause, ModuleNotFoundError) and cause.name and f"{self.module}.".startswith(f"{cause.name}."):
            self.problem = (
                f"its module {cause.name} is not there, so it is only half installed.  pip install --force-reinstall "
                f"{self.distribution}"
            )
            return
        text = str(cause).strip().splitlines()
        self.problem = f"{doing} failed: {type(cause).__name__}" + (f": {text[0]}" if text else "")
        if unmet := self._unmet():
            self.problem += f".  It needs seqgen{unmet}: pip install --upgrade seqgen"

    def _unmet(self) -> str:
        """The version of seqgen that it requires, if this is another."""
        from packaging.requirements import InvalidRequirement, Requirement

        from seqgen import __version__

        for text in self.requirements():
            with contextlib.suppress(InvalidRequirement):
                requirement = Requirement(text)
                if requirement.name.lower() == "seqgen" and not requirement.specifier.contains(
                    __version__, prereleases=True
                ):
                    return f"{requirement.specifier}, and this is {__version__}"
        return ""


@contextlib.contextmanager
def stdout_to_stderr() -> Iterator[None]:
    """Results alone go to stdout: what a plugin prints while it is imported must not mix with them."""
    with contextlib.redirect_stdout(cast("Any", sys.stderr)):
        yield


class _Import(threading.Thread):
    """An import on a thread of its own, that one can stop waiting for; its words go to standard error to the end."""

    def __init__(self, load: Callable[[], Any]) -> None:
        super().__init__(name="seqgen plugin import", daemon=True)
        self._load = load
        self.result: Any = None
        self.failure: BaseException | None = None
        self.start()

    def done(self, patience: float | None) -> bool:
        """Whether it has ended, after waiting for at most so many seconds."""
        self.join(patience)
        return not self.is_alive()

    def run(self) -> None:
        """Import."""
        before = sys.stdout
        ours = sys.stdout = cast("Any", _ByThread(before, self))
        try:
            self.result = self._load()
        except BaseException as error:  # noqa: BLE001  SystemExit included
            self.failure = error
        finally:
            if sys.stdout is ours:
                sys.stdout = before


class _ByThread:
    """Standard output for all threads but one, for which it is standard error."""

    def __init__(self, stdout: Any, thread: threading.Thread) -> None:
        self._stdout = stdout
        self._thread = thread

    def __getattr__(self, name: str) -> Any:
        mine = threading.current_thread() is self._thread
        return getattr(sys.stderr if mine else self._stdout, name)
