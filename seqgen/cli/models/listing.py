"""``seqgen models list``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from seqgen.cli.environment import Command, JsonOption, add_row, print_json, say, show, styled, table, warn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seqgen.registry import ModelVersion


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("list", cls=Command, epilog="Example: seqgen models list --json")(list_models)


def list_models(json: JsonOption = False) -> None:
    """Every version of every model, with what it reached."""
    from seqgen import home
    from seqgen.core.errors import DamagedModelError
    from seqgen.registry import Registry

    found: list[dict[str, Any]] = []
    for version in Registry(home.models_folder()).all():
        try:
            found.append(_row(version, version.manifest()))
        except DamagedModelError as error:
            found.append({"model": version.name, "version": version.version, "damaged": str(error)})
    if json:
        print_json(found)
        return
    if not found:
        say("No model has been trained yet.  Train one: seqgen train")
        return
    rows = table("model", "bits/char>", "parameters>", "backend", "corpus>", "created")
    for row in found:
        name = f"{row['model']}:{row['version']}"
        if "damaged" in row:
            add_row(rows, name, styled(("damaged", "red")))
            continue
        bits = row["bits_per_character"]
        add_row(
            rows,
            name,
            "-" if bits is None else f"{bits:.3f}",
            f"{row['parameters']:,}",
            row["backend"],
            f"{row['corpus_characters']:,}",
            row["created"][:16].replace("T", " "),
        )
    show(rows)
    for row in found:
        if "damaged" in row:
            warn(row["damaged"])


def _row(version: ModelVersion, manifest: Mapping[str, Any]) -> dict[str, Any]:
    results, corpus = manifest.get("results", {}), manifest.get("corpus", {})
    return {
        "model": version.name,
        "version": version.version,
        "path": str(version.folder),
        "bits_per_character": results.get("bits_per_character"),
        "parameters": results.get("parameters", 0),
        "backend": results.get("backend", ""),
        "corpus_characters": corpus.get("characters", 0),
        "seconds": results.get("seconds", 0),
        "created": manifest.get("created", ""),
    }
