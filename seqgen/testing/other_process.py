"""What a law lets another process do: reads a task as JSON from stdin, and writes what came of it to stdout.

Run by its path, so that it imports neither pytest nor hypothesis.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import importlib
import importlib.util
import inspect
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from seqgen.core.options import make, option_values
from seqgen.core.tokenizer import Tokenizer
from seqgen.core.types import Content


def in_another_process(unfitted: Tokenizer, documents: Sequence[Content]) -> dict[str, Any]:
    """What another process makes of a tokenizer: the state after ``fit``, and the ids and documents after ``from_state``.

    Raises:
        RuntimeError: it fails there; the message is the last line that it says.
    """
    part = type(unfitted)
    task = {
        "path": sys.path,
        "module": part.__module__,
        "file": inspect.getfile(part),
        "class": part.__qualname__,
        "options": option_values(unfitted),
        "documents": [_packed(document) for document in documents],
        "state": unfitted.fit(iter(documents)).state(),
    }
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-P", __file__],
        input=json.dumps(task),
        env={**os.environ, "PYTHONHASHSEED": "random"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or ["it says nothing"])[-1])
    result: dict[str, Any] = json.loads(done.stdout)
    result["decoded"] = [_unpacked(document) for document in result["decoded"]]
    return result


def _main() -> None:
    task = json.load(sys.stdin)
    sys.path[:] = task["path"]
    with contextlib.redirect_stdout(sys.stderr):
        part = _class(task)
        documents = [_unpacked(document) for document in task["documents"]]
        unfitted = make(part, task["options"], where=part.__name__)
        restored = part.from_state(task["state"])
        ids = [restored.encode(document) for document in documents]
        result = {
            "fitted": unfitted.fit(iter(documents)).state(),
            "ids": [each.tolist() for each in ids],
            "decoded": [_packed(restored.decode(each)) for each in ids],
        }
    json.dump(result, sys.stdout)


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


def _packed(document: Content) -> Any:
    return document if isinstance(document, str) else {"base64": base64.b64encode(document).decode()}


def _unpacked(packed: Any) -> Content:
    return packed if isinstance(packed, str) else base64.b64decode(packed["base64"])


if __name__ == "__main__":
    _main()
