"""Samples as a JSON line each, in a file that a later call of the same generation continues."""

from __future__ import annotations

import contextlib
import json
import operator
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqgen.cli.generate_samples import as_text, progress, settled
from seqgen.cli.output import Out, open_output

if TYPE_CHECKING:
    from seqgen.generation.generate import Sample
    from seqgen.generation.generation import Generation
    from seqgen.language_model import LanguageModel


def write_lines(loaded: LanguageModel, generation: Generation, num_samples: int, path: Path | None) -> None:
    """A line of JSON for each sample as it is finished: on standard output, or in a file that is continued if it is there.

    Each line is handed to the system at once and whole, so that whatever ends the process, at most the last is cut.

    Raises:
        UsageError: the file holds something else than earlier lines of the same generation.
        OutputError: it cannot be written, or another process writes it.
    """
    from seqgen import files

    common = settled(loaded, generation)
    done: set[int] = set()
    if path is None:
        _write_numbers(generation, num_samples, set(), common, Out(sys.stdout.buffer))
        return
    with _alone(path):
        with files.writing(path):
            if path.is_file():
                done = _kept(path, common)
        with open_output(str(path), replaces=False) as out:
            _write_numbers(generation, num_samples, done, common, out)


def recorded_random_seed(path: Path) -> int | None:
    """The random seed of the lines in a file, so that a command without one continues them; None without such lines."""
    if not path.is_file():  # a device may have no end
        return None
    try:
        with path.open("rb") as file:
            line = file.readline()
        seed = json.loads(line)["random_seed"] if line.endswith(b"\n") else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return seed if isinstance(seed, int) and not isinstance(seed, bool) else None


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Refuse a file that another process writes, told by a lock beside it, which goes with the last sample.

    Raises:
        OutputError: it is, or the lock cannot be written.
    """
    if path.exists() and not path.is_file():  # a device or a pipe, which anyone may write to
        yield
        return
    from seqgen import files, locks

    beside = path.with_name(f".{path.name}.lock")
    refusal = f"Another process is writing samples to {path}.  Wait for it, or name another file with --output"
    with contextlib.ExitStack() as held:
        with files.writing(path):
            held.enter_context(locks.locked(beside, refusal))
        try:
            yield
        finally:
            locks.remove(beside)


def _write_numbers(
    generation: Generation, num_samples: int, written: set[int], common: dict[str, Any], out: Out
) -> None:
    """Write the samples that are not there yet."""
    done = sum(number < num_samples for number in written)
    if done == num_samples:
        return
    kept = "were written" if out.name is None else f"are in {out.name}; the same command goes on"
    with progress(num_samples, kept, done=done, out=out) as (show, advance):

        def take(sample: Sample) -> None:
            own = {"sample": sample.number, "text": as_text(sample.text), "tokens": sample.tokens}
            out.line({**common, **own, "finish_reason": sample.finish_reason, "notes": sample.notes})
            advance()

        missing = (number for number in range(num_samples) if number not in written)
        generation.samples(num_samples, numbers=missing, on_step=show, on_sample=take, keep=False)


def _kept(path: Path, common: dict[str, Any]) -> set[int]:
    """The samples that the file holds; a last line that was cut is removed from it.

    Raises:
        UsageError: a line is no such sample, or of another generation.
    """
    from seqgen.core.errors import UsageError

    done: set[int] = set()
    whole = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                held = {"rounded": False, **json.loads(line)}  # which lines of earlier versions do not say
                sample = operator.index(held["sample"])
                differing = [name for name, value in common.items() if held[name] != value]
            except (ValueError, KeyError, TypeError) as error:
                # Only the beginning of a line of ours is one that was cut, and may go.
                if not line.endswith(b"\n") and line.startswith(b'{"model": '[: len(line)]):
                    break
                msg = f"Line {number} of {path} is no sample that seqgen wrote.  Name another file with --output"
                raise UsageError(msg) from error
            if differing:
                name = differing[0]
                raise UsageError(
                    f"{path} cannot be continued: its line {number} has {name} {_short(held[name])}, "
                    f"and this command has {_short(common[name])}.  Give the same, or another file with --output"
                )
            if not line.endswith(b"\n"):
                break
            done.add(sample)
            whole += len(line)
    if whole < path.stat().st_size:
        os.truncate(path, whole)
    return done


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:77]}..."
