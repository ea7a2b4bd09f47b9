"""What laws let another process do: it reads a task as JSON from stdin, and writes what came of it to stdout.

Run by its path, so that it imports neither pytest nor hypothesis.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import importlib
import importlib.util
import inspect
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from seqgen.core.dataset import Dataset
from seqgen.core.options import make, option_values
from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Content, Document


def in_another_process(unfitted: Tokenizer, documents: Sequence[Content]) -> dict[str, Any]:
    """What another process makes of a tokenizer: the state after ``fit``, and the ids and documents after ``from_state``.

    Raises:
        RuntimeError: it fails there; the message is the last line that it says.
    """
    task = {
        "documents": [_packed(document) for document in documents],
        "state": unfitted.fit(iter(documents)).state(),
    }
    result: dict[str, Any] = _answer(unfitted, task, "random")
    result["decoded"] = [_unpacked(document) for document in result["decoded"]]
    return result


def read_in_another_process(dataset: Dataset, hash_seed: int) -> list[dict[str, Any]]:
    """What ``told`` says of a dataset's documents in another process.

    Args:
        dataset: whose options and sources the other one gets.
        hash_seed: settles there in which order sets of texts are.

    Raises:
        RuntimeError: it fails there; the message is the last line that it says.
    """
    found: list[dict[str, Any]] = _answer(dataset, {"sources": dataset.sources}, str(hash_seed))
    return found


def told(documents: Iterable[Document]) -> list[dict[str, Any]]:
    """Documents as JSON: all that is known of each, and the sum of its content."""
    return [
        {
            "id": document.id,
            "final": document.final,
            "group": document.group,
            "sha256": hashlib.sha256(_bytes(document.content)).hexdigest(),
        }
        for document in documents
    ]


def _answer(part: Any, task: Mapping[str, Any], hash_seed: str) -> Any:
    kind = type(part)
    about = {
        "path": sys.path,
        "module": kind.__module__,
        "file": inspect.getfile(kind),
        "class": kind.__qualname__,
        "options": option_values(part),
    }
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-P", __file__],
        input=json.dumps({**about, **task}),
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or ["it says nothing"])[-1])
    return json.loads(done.stdout)


def _main() -> None:
    task = json.load(sys.stdin)
    sys.path[:] = task["path"]
    with contextlib.redirect_stdout(sys.stderr):
        result = _read(task) if "sources" in task else _restored_and_fitted(task)
    json.dump(result, sys.stdout)


def _read(task: dict[str, Any]) -> list[dict[str, Any]]:
    part = _class(task)
    return told(make(part, task["options"], where=part.__name__, sources=tuple(task["sources"])).documents())


def _restored_and_fitted(task: dict[str, Any]) -> dict[str, Any]:
    part = _class(task)
    documents = [_unpacked(document) for document in task["documents"]]
    unfitted = make(part, task["options"], where=part.__name__)
    restored = part.from_state(task["state"])
    ids = [restored.encode(document) for document in documents]
    return {
        "fitted": unfitted.fit(iter(documents)).state(),
        "ids": [each.tolist() for each in ids],
        "decoded": [_packed(restored.decode(each)) for each in ids],
    }


def _class(task: dict[str, Any]) -> Any:
    try:
        module = importlib.import_module(task["module"])
    except ModuleNotFoundError:  # a test file that pytest alone finds
        spec = importlib.util.spec_from_file_location(task["module"], task["file"])
        if spec is None or spec.loader is None:
            raise
        module = sys.modules[task["module"]] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return functools.reduce(getattr, task["class"].split("."), module)


def _bytes(content: Content) -> bytes:
    return content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content


def _packed(document: Content) -> Any:
    return document if isinstance(document, str) else {"base64": base64.b64encode(document).decode()}


def _unpacked(packed: Any) -> Content:
    return packed if isinstance(packed, str) else base64.b64decode(packed["base64"])


if __name__ == "__main__":
    _main()
