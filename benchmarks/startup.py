"""How long commands take that should be instant, beside a bare interpreter that imports typer and rich.

python benchmarks/startup.py --repeats 11
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from side_by_side import as_installed, interleave, report

COMMANDS = {
    "import typer, rich": ["-c", "import typer, rich"],
    "seqgen --help": ["-m", "seqgen", "--help"],
    "seqgen list-plugins": ["-m", "seqgen", "list-plugins"],
    "seqgen train --help": ["-m", "seqgen", "train", "--help"],
    "import seqgen": ["-c", "import seqgen"],
    "bare python": ["-c", "pass"],
}

_GENERATE = ["-m", "seqgen", "generate", "--model", "startup", "--seed", "the ice", "--length", "1"]

GENERATING = {
    "import numpy, typer, rich": ["-c", "import numpy, typer, rich"],
    "seqgen generate": _GENERATE,
    "seqgen generate, numba": [*_GENERATE, "--backend", "numba"],
    "seqgen generate, torch": [*_GENERATE, "--backend", "torch"],
}

LARGE = {"5 MB": 540, "500 MB": 5580}
"""Models of one LSTM layer, about so large, and their hidden size."""

_TRAIN = ["-m", "seqgen", "train", "--name", "trained", "--max-steps", "1", "--hidden-size", "16", "--ngram-order", "0"]

TRAINING = {
    "import torch": ["-c", "import torch"],
    "the same and an optimiser of torch.optim": ["-c", "import torch; torch.optim.AdamW([torch.zeros(1)])"],
    "seqgen train, one step": [*_TRAIN, "--backend", "torch", "--quiet"],
}

HOOKS = """
from typing import TYPE_CHECKING
import seqgen
if TYPE_CHECKING:
    from seqgen.core.hookspecs import Register

SEQGEN_CONTRACT = "1.0"

@seqgen.hookimpl
def register_tokenizers(register):
    register("{name}", "{name}.parts:Part", summary="tokens of tunes")

@seqgen.hookimpl
def register_samplers(register):
    register("{name}", "{name}.parts:Part", summary="bars that add up")
"""

PARTS = """
from __future__ import annotations
from dataclasses import dataclass
from typing import Annotated
import numpy as np
from annotated_doc import Doc
from annotated_types import Ge
from seqgen.core.sampler import Sampler

@dataclass(kw_only=True)
class Part(Sampler):
    \"\"\"Bars that add up.\"\"\"

    bars: Annotated[int, Ge(1), Doc("how many")] = 8
    upbeat: Annotated[bool, Doc("whether the tune may begin before the bar")] = False

    def adjust(self, logits):
        return logits
"""


def install(folder: Path, count: int) -> None:
    """So many plugins, each a distribution with a package and two parts, as pip would lay them out."""
    for name in (f"plugin{number}" for number in range(count)):
        about = folder / f"{name}-1.0.dist-info"
        about.mkdir()
        about.joinpath("METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        about.joinpath("entry_points.txt").write_text(f"[seqgen]\n{name} = {name}\n")
        package = folder / name
        package.mkdir()
        package.joinpath("__init__.py").write_text(HOOKS.format(name=name))
        package.joinpath("parts.py").write_text(PARTS)


def train_a_model(environment: dict[str, str]) -> None:
    """The model ``startup``, of the default shape, after two steps on the bundled corpus."""
    command = [sys.executable, "-m", "seqgen", "train", "--name", "startup", "--max-steps", "2"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)


def train_a_large_model(hidden_size: int, folder: Path, environment: dict[str, str]) -> None:
    """The model ``unitsN``, of one layer of N units, after one step on a text that is soon evaluated."""
    text = folder / "text.txt"
    text.write_text("the ice goes out. " * 100)
    command = [
        sys.executable,
        "-m",
        "seqgen",
        "train",
        str(text),
        "--name",
        f"units{hidden_size}",
        "--backend",
        "torch",
    ]
    command += ["--hidden-size", str(hidden_size), "--max-steps", "1", "--ngram-order", "0", "--weight-average", "0"]
    subprocess.run([*command, "--batch-size", "1", "--seq-len", "2", "--quiet"], check=True, env=environment)


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=11)
    parser.add_argument("--plugins", type=int, default=30, help="how many are installed in the second measurement")
    arguments = parser.parse_args()

    def running(command: list[str], **variables: str) -> Callable[[], object]:
        environment = as_installed(**variables)
        return lambda: subprocess.run(
            [sys.executable, *command],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
        )

    runs = {name: running(command) for name, command in COMMANDS.items()}
    report("start-up", interleave(runs, repeats=arguments.repeats), work=1, unit="starts")
    with tempfile.TemporaryDirectory() as folder:
        install(Path(folder), arguments.plugins)
        runs = {
            "list-plugins": running(COMMANDS["seqgen list-plugins"]),
            f"with {arguments.plugins} plugins": running(COMMANDS["seqgen list-plugins"], PYTHONPATH=folder),
        }
        title = "list-plugins with plugins"
        report(title, interleave(runs, repeats=arguments.repeats), work=1, unit="starts", plugins=arguments.plugins)
    with tempfile.TemporaryDirectory() as home:
        train_a_model(as_installed(SEQGEN_HOME=home))
        runs = {name: running(command, SEQGEN_HOME=home) for name, command in GENERATING.items()}
        if importlib.util.find_spec("numba") is None:
            del runs["seqgen generate, numba"]
        report("start of generating", interleave(runs, repeats=arguments.repeats), work=1, unit="starts")
        for hidden_size in LARGE.values():
            train_a_large_model(hidden_size, Path(home), as_installed(SEQGEN_HOME=home))
        load = ["-c", "import sys, seqgen; seqgen.load(sys.argv[1])"]
        runs = {f"load {size}": running([*load, f"units{units}"], SEQGEN_HOME=home) for size, units in LARGE.items()}
        report("start with large models", interleave(runs, repeats=arguments.repeats), work=1, unit="starts")
        runs = {name: running(command, SEQGEN_HOME=home) for name, command in TRAINING.items()}
        report("start of training", interleave(runs, repeats=arguments.repeats), work=1, unit="starts")


if __name__ == "__main__":
    main()
