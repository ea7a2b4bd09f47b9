"""``seqgen check-plugin``: parts against the laws of their contracts, without writing a test.

with as_installed(folder) as distribution:
    report = check(find_parts(catalog_of(distribution), distribution))
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any, Literal, TypeAlias

from seqgen.core.catalog import load_catalog
from seqgen.core.kinds import Kind
from seqgen.core.part_entry import PartEntry
from seqgen.testing.find import search_path
from seqgen.testing.laws import Law
from seqgen.testing.speed import MEASURED, Speed

PATIENCE = 900.0
"""Seconds that one law may take, or the measuring of one part: a loop without end would keep everybody waiting."""

GRACE = 5.0
"""Seconds in which a process that has answered must end: a thread that a part left would keep it for ever."""

WORDS_SHOWN = 5
"""Lines of what a process said before it ended, which usually tell why."""

Outcome: TypeAlias = Literal["passed", "failed", "excepted", "inapplicable", "unchecked"]


@dataclass(frozen=True)
class Checked:
    """What came of one law.

    Attributes:
        outcome: excepted: the part declares that it cannot keep it; inapplicable: the law is about what the part does
            not do; unchecked: the process ended before.
        message: why; where it failed, with the smallest example found and what to change.
    """

    law: Law
    outcome: Outcome
    message: str = ""


@dataclass
class PartReport:
    """How a part stands to its laws.

    Attributes:
        laws: those of its kind.
        checked: what came of them, in the same order.
        deprecated: what it uses although it is deprecated: ``parts.py:7: since contract 1.2, ...``, ``Part.method: ...``.
        problem: why it cannot be checked at all; then there are no laws.
    """

    kind: Kind
    name: str
    distribution: str
    version: str
    laws: list[Law] = field(default_factory=list)
    checked: list[Checked] = field(default_factory=list)
    deprecated: list[str] = field(default_factory=list)
    problem: str = ""

    @property
    def passed(self) -> bool:
        """Whether it keeps every law to which it declares no exception."""
        return bool(self.checked) and all(
            each.outcome in ("passed", "excepted", "inapplicable") for each in self.checked
        )


@dataclass(frozen=True)
class Report:
    """What ``check`` found.

    Attributes:
        speeds: of each kind, those of the parts and of the bundled ones.
    """

    parts: list[PartReport]
    speeds: dict[Kind, list[Speed]]
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether every part passed."""
        return all(part.passed for part in self.parts)


Follow: TypeAlias = Callable[[PartReport | Kind], None]
"""Called now and then with the part that is being checked, or the kind of parts that are being measured."""


def check(entries: Sequence[PartEntry], *, speed: bool = True, follow: Follow | None = None) -> Report:
    """Hold parts against their laws, each in a process of its own, and measure them.

    Args:
        entries: the parts.
        speed: measure how fast they are, beside the bundled ones.
        follow: to show how far it is.
    """
    start = time.monotonic()
    follow = follow or (lambda _: None)
    parts = []
    for entry in entries:
        part = PartReport(entry.kind, entry.name, entry.plugin.distribution, entry.plugin.version)
        _check(part, follow)
        parts.append(part)
    speeds: dict[Kind, list[Speed]] = {}
    for kind in dict.fromkeys(part.kind for part in parts if speed and part.kind in MEASURED):
        follow(kind)
        speeds[kind] = _measure(kind, [part for part in parts if part.kind == kind and not part.problem])
    return Report(parts, speeds, time.monotonic() - start)


def _check(part: PartReport, follow: Follow) -> None:
    follow(part)
    with _worker({"kind": part.kind, "check": (part.distribution, part.name)}) as worker:
        for answer in worker.answers():
            part.problem = answer.get("problem", part.problem)
            part.deprecated = answer.get("deprecated", part.deprecated)
            if "laws" in answer:
                part.laws = [Law(**each) for each in answer["laws"]]
            if "law" in answer:
                law = part.laws[len(part.checked)]
                part.checked.append(Checked(law, answer["outcome"], answer["message"]))
            follow(part)
    if ended := worker.ended:
        left = part.laws[len(part.checked) :]
        if left:
            part.checked.append(Checked(left[0], "failed", ended))
            part.checked += [Checked(law, "unchecked") for law in left[1:]]
        else:
            part.problem = f"When it was imported: {ended}"


def _measure(kind: Kind, parts: Sequence[PartReport]) -> list[Speed]:
    wanted = [(entry.plugin.distribution, entry.name) for entry in load_catalog().entries(kind) if not entry.missing]
    wanted += [(part.distribution, part.name) for part in parts if (part.distribution, part.name) not in wanted]
    with _worker({"kind": kind, "measure": wanted}) as worker:
        found = [Speed(**answer["speed"]) for answer in worker.answers()]
    return found + ([Speed("", problem=worker.ended)] if worker.ended else [])


class _Worker:
    """A process that answers one request.

    Attributes:
        ended: empty if all was answered, else that the process ended, or came to no end, and the last that it said.
    """

    def __init__(self, process: subprocess.Popen[str], words: IO[str]) -> None:
        self._process = process
        self._words = words
        self._given_up = False
        self.ended = ""

    def answers(self) -> Iterator[dict[str, Any]]:
        """Its answers as they come."""
        while line := self._line():
            answer = json.loads(line)
            if "done" in answer:
                return
            yield answer
        with self._patience():
            code = self._process.wait()
        self._words.seek(0)
        said = self._words.read().strip().splitlines()[-WORDS_SHOWN:]
        what = f"Stopped after {PATIENCE:g} seconds" if self._given_up else f"It ended the process.  Exit code {code}"
        self.ended = "\n    ".join([what + (".  The last that it said:" if said else "."), *said])

    def _line(self) -> str:
        assert self._process.stdout is not None
        with self._patience():
            return self._process.stdout.readline()

    @contextlib.contextmanager
    def _patience(self) -> Iterator[None]:
        timer = threading.Timer(PATIENCE, self._give_up)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _give_up(self) -> None:
        self._given_up = True
        self._process.kill()


@contextlib.contextmanager
def _worker(request: Mapping[str, Any]) -> Iterator[_Worker]:
    """A process that works on this request, in an empty folder; what parts print there is kept for ``ended``."""
    with (
        tempfile.TemporaryDirectory(prefix="seqgen-check-") as folder,
        tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as words,
        subprocess.Popen(  # noqa: S603  our own module, by our own interpreter
            [sys.executable, "-m", "seqgen.testing.worker", json.dumps(request)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=words,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": search_path(), "HYPOTHESIS_STORAGE_DIRECTORY": folder},
            encoding="utf-8",
        ) as process,
    ):
        try:
            yield _Worker(process, words)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(GRACE)
        finally:
            process.kill()
