"""What a bug report should say of this machine and of what is installed on it."""

from __future__ import annotations

import importlib.metadata
import platform
from typing import Any

from seqgen import __version__, home
from seqgen.core.catalog import Catalog
from seqgen.core.errors import OptionError, PartError
from seqgen.core.kinds import KINDS
from seqgen.core.plugin import in_words
from seqgen.installed import plugin_record


def diagnose(catalog: Catalog) -> dict[str, Any]:
    """Versions, devices, folders and plugins, as a JSON-able value; imports every installed backend."""
    backends = []
    for entry in catalog.entries("backend"):
        found: dict[str, Any] = {
            "name": entry.name,
            "can_train": None,
            "devices": [],
            "architectures": [],
            "problem": (entry.install or f"needs {entry.lacks}") if entry.missing else None,
        }
        if not entry.missing:
            try:
                engine = catalog.make("backend", entry.reference)
                found |= {
                    "can_train": engine.can_train,
                    "devices": list(engine.devices()),
                    "architectures": list(engine.architectures()),
                }
            except (OptionError, PartError) as error:
                found["problem"] = str(error)
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # noqa: BLE001  a third party's code, and what is told of the others is needed
                found["problem"] = f"{entry.where} fails: {in_words(error)}"
        backends.append(found)
    for kind in KINDS:
        catalog.entries(kind)  # so that each plugin's hooks have been called, and what is wrong with it is known
    versions = {"seqgen": __version__, "python": platform.python_version()}
    for distribution in (
        "numpy",
        "torch",
        "keras",
        "tensorflow",
        "tensorflow-cpu",
        "tokenizers",
        "safetensors",
        "typer",
    ):
        try:
            versions[distribution] = importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "system": {"platform": platform.platform(), "machine": platform.machine()},
        "versions": versions,
        "folders": {"home": str(home.home()), "models": str(home.models_folder())},
        "backends": backends,
        "plugins": [plugin_record(plugin) for plugin in catalog.plugins],
    }
