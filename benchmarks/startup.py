"""How long commands take that should be instant, beside a bare interpreter that imports typer and rich.

python benchmarks/startup.py --repeats 11
"""

from __future__ import annotations

import argparse
import subprocess
import sys

from side_by_side import interleave, report

COMMANDS = {
    "import typer, rich": ["-c", "import typer, rich"],
    "seqgen --help": ["-m", "seqgen", "--help"],
    "seqgen list-plugins": ["-m", "seqgen", "list-plugins"],
    "seqgen train --help": ["-m", "seqgen", "train", "--help"],
    "import seqgen": ["-c", "import seqgen"],
    "bare python": ["-c", "pass"],
}


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=11)
    arguments = parser.parse_args()

    def running(command: list[str]) -> object:
        return lambda: subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL)

    runs = {name: running(command) for name, command in COMMANDS.items()}
    report("start-up", interleave(runs, repeats=arguments.repeats), work=1, unit="starts")


if __name__ == "__main__":
    main()
