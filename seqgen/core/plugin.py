"""One plugin: importing it and calling its hooks, so that nothing it does there hurts anybody else.

Whatever it raises is kept as its ``problem``; what it prints goes to standard error; while it takes its time to be
imported, others do not wait for it.  Several threads may ask for it at once: it is imported once, for all of them.
"""

from __future__ import annotations

import contextlib
import io
import re
import sys
import threading
import time
from collections import Counter
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
        used: its parts that were imported in this process, as ``PartEntry.load`` notes them.
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
    used: list[Any] = field(default_factory=list, repr=False)
    _import: _Import | None = field(default=None, init=False, repr=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, init=False, repr=False)

    @property
    def importing(self) -> bool:
        """Whether it was not waited for and is still being imported."""
        begun = self._import  # read once: another thread may take it over meanwhile
        return begun is not None and begun.is_alive()

    @property
    def standing(self) -> str:
        """What follows from its problem, for a message that says the problem after it."""
        return "left out" if self._import is None else "not waited for"

    @property
    def package(self) -> str:
        """The package that its code lives in."""
        return re.split("[.:]", self.module, maxsplit=1)[0]

    def usable(self, patience: float | None = PATIENCE) -> bool:
        """Whether its hooks can be called; imports it the first time.

        Args:
            patience: seconds that the import may take, of which those that are left are waited for; None: until it is done.
        """
        if self.disabled:
            return False
        with self._lock:
            if self.implementation is None and self._import is None and not self.problem:
                self._import = _Import(self.load)
            begun = self._import
        # Waited for without the lock: who waits for ever would else hold up those who do not wait.
        done = begun is None or begun.done(patience)
        with self._lock:
            if begun is not None and begun is self._import:  # else another thread has taken it over
                if done:
                    self._take_over(begun)
                else:
                    self.problem = f"importing it takes more than {PATIENCE:g} s, and only what needs it waits for it"
            return not self.problem

    def _take_over(self, finished: _Import) -> None:
        """Keep what an import that has ended gave, or why it failed."""
        self.problem, self._import = "", None
        if finished.failure is not None:
            self._fail("loading", finished.failure)
        else:
            self.implementation = finished.result
            declared = getattr(self.implementation, "SEQGEN_CONTRACT", UNDECLARED)
            self.problem = contract.mismatch(declared, self.distribution)

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
        self.problem = f"{doing} failed: {in_a_line(cause)}"
        if unmet := self._unmet():
            self.problem += f".  It needs seqgen{unmet}: update seqgen"

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


def text_of(what: object) -> str:
    """The text of an exception or whatever else a plugin raised or gave; empty if it has none that can be had."""
    try:
        return str(what)
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001  it is a plugin's code too, and whoever shows it shows a mistake already
        return ""


def in_words(error: BaseException) -> str:
    """What an exception is, and what it says, if it says anything."""
    text = text_of(error).strip()
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def in_a_line(error: BaseException) -> str:
    """The first line of that."""
    return in_words(error).splitlines()[0]


@contextlib.contextmanager
def stdout_to_stderr() -> Iterator[None]:
    """Results alone go to stdout: what this thread prints, such as a plugin while it is imported, must not mix with them.

    Other threads keep theirs, and in whatever order several threads enter and leave this, stdout is afterwards as before.
    """
    me = threading.get_ident()
    with _SWITCHING:
        before = sys.stdout
        switch = before if isinstance(before, _ByThread) else _ByThread(before)
        sys.stdout = cast("Any", switch)
        switch.to_stderr[me] += 1
    try:
        yield
    finally:
        with _SWITCHING:
            switch.to_stderr[me] -= 1
            if not switch.to_stderr[me]:
                del switch.to_stderr[me]
            if not switch.to_stderr and sys.stdout is cast("Any", switch):
                sys.stdout = switch.stdout


class _Import(threading.Thread):
    """An import on a thread of its own, that one can stop waiting for; its words go to standard error to the end."""

    def __init__(self, load: Callable[[], Any]) -> None:
        super().__init__(name="seqgen plugin import", daemon=True)
        self._load = load
        self._begun = time.monotonic()
        self.result: Any = None
        self.failure: BaseException | None = None
        self.start()

    def done(self, patience: float | None) -> bool:
        """Whether it has ended, after waiting until it has taken so many seconds, or None: to its end."""
        self.join(None if patience is None else max(0.0, self._begun + patience - time.monotonic()))
        return not self.is_alive()

    def run(self) -> None:
        """Import."""
        try:
            with stdout_to_stderr():
                self.result = self._load()
        except BaseException as error:  # noqa: BLE001  SystemExit included
            self.failure = error


_SWITCHING = threading.RLock()


class _ByThread:
    """Standard output; for some threads, standard error.

    Attributes:
        to_stderr: those threads, each as often as it has entered ``stdout_to_stderr``.
    """

    def __init__(self, stdout: Any) -> None:
        self.stdout = stdout
        self.to_stderr: Counter[int] = Counter()

    def __getattr__(self, name: str) -> Any:
        stream = sys.stderr if threading.get_ident() in self.to_stderr else self.stdout
        return getattr(
            io.StringIO() if stream is None else stream, name
        )  # None: there is none, as in a program of windows
