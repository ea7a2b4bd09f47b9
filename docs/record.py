"""Runs the commands that pages show, and puts there what the terminal shows.

    python docs/record.py README.md docs/tutorial/first-model.md

In a code block of the language ``console`` every line "$ COMMAND" is run, and what stands below it is replaced.  The
commands of a page run in order, in a folder that is theirs alone, on a pseudo-terminal of 100 columns.  A command that
ends in "# Ctrl-C after 20 s" is interrupted then.  What a page needs beforehand stands in a comment:

    <!-- record: cp $CORPORA/ice.txt novel.txt -->

The only edits: the folder is called /home/ada, and this checkout /home/ada/seqgen.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pexpect

ROOT = Path(__file__).parent.parent
COLUMNS = 100
_STEP = re.compile(r"<!-- record: (.+?) -->|```console\n(.*?)```", re.DOTALL)
_CTRL_C = re.compile(r"# Ctrl-C after (\d+) s$")
_CONTROL = re.compile(r"\x1b\[(\??\d*)(?:;\d+)*([A-Za-z])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")


def recorded(page: str) -> str:
    """The text of a page with what its commands show now."""
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary)
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("SEQGEN_", "XDG_"))},
            "HOME": str(home),
            "CORPORA": str(ROOT / "corpora"),
            "EXAMPLES": str(ROOT / "docs" / "examples"),
            "PYTHONPATH": str(home / ".plugins"),  # where a page may install what it shows
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "TERM": "xterm",
        }
        environment.pop("NO_COLOR", None)

        def step(match: re.Match[str]) -> str:
            if match[1]:
                subprocess.run(match[1], shell=True, check=True, cwd=home, env=environment)
                return match[0]
            commands = [line for line in match[2].splitlines() if line.startswith("$ ")]
            shown = [f"{command}\n{_shown(command.removeprefix('$ '), home, environment)}" for command in commands]
            return "```console\n" + "".join(shown) + "```"

        return _STEP.sub(step, page)


def _shown(command: str, home: Path, environment: dict[str, str]) -> str:
    """What a terminal shows once the command has ended, as lines."""
    print(f"$ {command}", flush=True)
    written = io.StringIO()
    child = pexpect.spawn(
        "bash",
        ["-c", command],
        cwd=str(home),
        env=environment,
        dimensions=(60, COLUMNS),
        encoding="utf-8",
        # What a shell runs in the background ignores Ctrl-C, and so would all that it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    child.logfile_read = written
    interrupt = _CTRL_C.search(command)
    if child.expect([pexpect.EOF, pexpect.TIMEOUT], timeout=int(interrupt[1]) if interrupt else 1800):
        child.sendintr()
        child.expect(pexpect.EOF, timeout=120)
        child.close()
        if child.exitstatus == 0:
            msg = f"It went on to its end in spite of Ctrl-C: {command}"
            raise RuntimeError(msg)
    text = "\n".join(line.rstrip() for line in screen(written.getvalue()))
    text = text.replace(str(home), "/home/ada").replace(str(ROOT), "/home/ada/seqgen").strip("\n")
    return text + "\n" if text else ""


def screen(written: str) -> list[str]:
    """The lines that stand on a terminal after this was written to it: colours dropped, cursor movements followed."""
    lines, row, column, position = [""], 0, 0, 0
    while position < len(written):
        if control := _CONTROL.match(written, position):
            position = control.end()
            if control[2] == "A":
                row = max(0, row - int(control[1] or 1))
            elif control[2] == "K":
                lines[row] = "" if control[1] == "2" else lines[row][:column]
            continue
        character = written[position]
        position += 1
        if character == "\r":
            column = 0
        elif character == "\n":
            row += 1
            if row == len(lines):
                lines.append("")
        else:
            lines[row] = lines[row][:column].ljust(column) + character + lines[row][column + 1 :]
            column += 1
    return lines


def main() -> None:
    """Record the pages that are named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="+", type=Path)
    for page in parser.parse_args().pages:
        page.write_text(recorded(page.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
