"""Reads files of strangers in a process whose memory the system bounds: what an honest one needed, and so much more.

    python bounded.py KIND MEGABYTES < CASES

CASES are paths, a line each, first an honest one, by which all is imported, and an honest one that is measured.  For each but the first, a
line of JSON says how reading it ended.
"""

from __future__ import annotations

import json
import re
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from seqgen.core.catalog import load_catalog
from seqgen.core.errors import SeqgenError
from seqgen.registry import Registry
from seqgen.registry.summary import summaries

CATALOG = load_catalog()


def use_model(folder: Path) -> None:
    """All that is read of the model ``m`` in a registry before it writes."""
    saved = Registry(folder).find("m:1").open()
    backend = CATALOG.make("backend", "numpy")
    saved.tokenizer(CATALOG)
    model = saved.mixed(backend.build(saved.config.model, weights=saved.weights(backend)))
    model.next_logits(np.zeros(1, np.int64), model.initial_state(1))


def list_models(folder: Path) -> None:
    """The list of a registry."""
    summaries(Registry(folder))


def receive(source: Path) -> None:
    """Import a file."""
    from seqgen.sharing.importing import import_model

    vocabulary = source.with_name("vocabulary.json")
    foreign = source.suffix in (".safetensors", ".h5", ".hdf5", ".keras")
    import_model(source, Registry(source.with_suffix(".models")), name="m", vocabulary=vocabulary if foreign else None)


def pull(folder: Path) -> None:
    """Fetch the model ``m`` of a team's registry."""
    from seqgen.sharing.exchange import pull as fetch

    fetch(str(folder), "m", Registry(folder.with_suffix(".models")))


def read_metrics(path: Path) -> None:
    """The losses on the way that a model folder has."""
    from seqgen.training.metrics import published_metrics

    published_metrics(path)


def open_store(folder: Path) -> None:
    """Find, or build, the token store of a small corpus."""
    from seqgen.data.store import open_or_build
    from seqgen.tokenizers.char import CharTokenizer

    dataset = CATALOG.make("dataset", "text", sources=(str(folder.with_name("sea.txt")),))
    store = open_or_build(dataset, CharTokenizer().fit(["abc\n"]), folder)
    assert store.tokens.size == 0 or int(store.tokens.max()) < 5


def resume(folder: Path) -> None:
    """Go on with the run ``m`` for a step."""
    from seqgen.training.progress import Reporter
    from seqgen.training.session import Session

    session = Session(CATALOG, Reporter(), lambda *_: "", training_folder=folder, registry=Registry(folder / "models"))
    session.resume("m", {"max_steps": 3})


READERS = {
    "list": list_models,
    "model": use_model,
    "archive": receive,
    "foreign": receive,
    "remote": pull,
    "metrics": read_metrics,
    "store": open_store,
    "run": resume,
}


def address_space() -> int:
    """Bytes that this process has ever had mapped at once; Linux alone says it."""
    found = re.search(r"VmPeak:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) * 1024


def outcome(kind: str, case: Path) -> dict[str, Any]:
    started = time.thread_time()
    causes = []
    try:
        READERS[kind](case)
        ended = "read"
    except SeqgenError as error:
        ended = "refused"
        cause: BaseException | None = error
        while cause is not None:
            causes.append(f"{type(cause).__name__}: {str(cause)[:300]}")
            cause = cause.__cause__ or cause.__context__
    except BaseException as error:  # noqa: BLE001  the parent tells which case it was
        ended = "failed"
        causes.append(f"{type(error).__name__}: {str(error)[:300]}")
    return {"case": str(case), "ended": ended, "causes": causes, "seconds": time.thread_time() - started}


def main(kind: str, megabytes: int) -> None:
    first, honest, *cases = map(Path, sys.stdin.read().splitlines())
    outcome(kind, first)
    print(json.dumps(outcome(kind, honest)))
    limit = address_space() + megabytes * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    for case in cases:
        print(json.dumps(outcome(kind, case)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
