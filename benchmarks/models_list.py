"""How long ``seqgen models list`` takes with thousands of versions, without and with what it remembers between lists.

python benchmarks/models_list.py --versions 2000 --repeats 7
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from side_by_side import as_installed, interleave, report

from seqgen import files, manifest
from seqgen.checkpoint import write_weights
from seqgen.core.canonical import initial_weights
from seqgen.core.spec import ModelSpec
from seqgen.model_config import ModelConfig, PartRecord, config_to_json
from seqgen.registry.index import INDEX
from seqgen.tokenizers.char import CharTokenizer

VERSIONS_OF_A_NAME = 50


def fill(models: Path, count: int) -> None:
    """So many versions of whole models, of 50 a name; each manifest and configuration as large as a trained one's."""
    tokenizer = CharTokenizer().fit(["the ice lay still"])
    spec = ModelSpec(vocab_size=tokenizer.vocab_size, embedding_size=8, hidden_size=8)
    parts = {
        kind: PartRecord(part, "seqgen", "0.1.0")
        for kind, part in {"tokenizer": "char", "dataset": "text", "backend": "torch"}.items()
    }
    options = {f"option_{number}": number for number in range(35)}
    config = files.json_bytes(
        config_to_json(ModelConfig(spec, parts, options, dict.fromkeys(options, "default"), has_ends=False))
    )
    model = models / ".new-model"
    model.mkdir(parents=True)
    write_weights(model / manifest.WEIGHTS, initial_weights(spec, 0))
    (model / manifest.CONFIG).write_bytes(config)
    files.write_json(model / manifest.TOKENIZER, tokenizer.state())
    (model / manifest.CARD).write_text("# A model\n")
    (model / manifest.METRICS).write_text('{"step": 1}\n')
    manifest.write_manifest(model, {})
    content = json.loads((model / manifest.MANIFEST).read_bytes())
    for number in range(count):
        name, version = f"novel-{number // VERSIONS_OF_A_NAME:03d}", number % VERSIONS_OF_A_NAME + 1
        folder = models / name / str(version)
        folder.mkdir(parents=True)
        for path in model.iterdir():
            os.link(path, folder / path.name) if path.name != manifest.MANIFEST else None
        results = {"parameters": 1_300_000, "seconds": 180.0, "bits_per_character": 2 + number % 97 / 100}
        lineage = {
            "name": name,
            "created": f"2026-01-01T{number // 3600:02d}:{number // 60 % 60:02d}:{number % 60:02d}+00:00",
            "results": results | {"validation_loss": 1.5, "backend": "torch", "steps": 4000},
            "corpus": {
                "sources": [f"/texts/{name}.txt"],
                "fingerprint": "0" * 64,
                "documents": 1,
                "characters": 172_000,
            },
            "versions": {"seqgen": "0.1.0", "python": "3.13.1", "torch": "2.9.0", "numpy": "2.3.5"},
        }
        (folder / manifest.MANIFEST).write_bytes(files.json_bytes(content | lineage))


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--versions", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        models = Path(home) / "models"
        environment = as_installed(SEQGEN_HOME=home)
        fill(models, arguments.versions)
        time.sleep(2.5)  # what has just been changed is not remembered

        def run(*command: str, forget: bool = False) -> None:
            if forget:
                (models / INDEX).unlink(missing_ok=True)
            subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL, env=environment)

        seqgen = ("-m", "seqgen", "models", "list")
        runs = {
            "import typer, rich": lambda: run("-c", "import typer, rich"),
            "models list, the first": lambda: run(*seqgen, forget=True),
            "models list": lambda: run(*seqgen),
            "models list --sort bits": lambda: run(*seqgen, "--sort", "bits"),
            "models list --json": lambda: run(*seqgen, "--json"),
        }
        report("list of models", interleave(runs, repeats=arguments.repeats), work=arguments.versions, unit="versions")


if __name__ == "__main__":
    main()
