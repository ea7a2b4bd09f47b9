"""``seqgen models``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqgen.cli.environment import (
    Command,
    JsonOption,
    add_row,
    complete_model,
    default,
    print_json,
    say,
    show,
    shown,
    styled,
    table,
    warn,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seqgen.registry import ModelVersion

models = typer.Typer(help="The models that were trained here.")


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.add_typer(models, name="models", epilog="Example: seqgen models list")


@models.command("list", cls=Command, epilog="Example: seqgen models list --json")
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


@models.command("show", cls=Command, epilog="Example: seqgen models show novel@best")
def show_model(
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL",
            help=f"NAME, NAME:VERSION, NAME@best, or a model folder.  {default('trained last')}",
            autocompletion=complete_model,
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Everything about one model: its shape, how and on what it was trained, and where each option came from."""
    from seqgen import api
    from seqgen.checkpoint import config_to_json

    saved = api.find_model(model)
    if json:
        print_json({"path": str(saved.folder), "manifest": saved.manifest, "config": config_to_json(saved.config)})
        return
    results, corpus = saved.manifest.get("results", {}), saved.manifest.get("corpus", {})
    show(styled((saved.where, "bold"), f"  {saved.folder}"))
    facts = table("", "")
    for label, value in [
        *((key, results.get(key)) for key in ("bits_per_character", "validation_loss", "train_loss")),
        *((key, results.get(key)) for key in ("parameters", "steps", "epochs", "seconds", "tokens_per_second")),
        ("corpus", ", ".join(map(str, corpus.get("sources", [])))),
        ("corpus characters", corpus.get("characters")),
        ("corpus fingerprint", str(corpus.get("fingerprint"))[:16]),
        ("parent", saved.manifest.get("parent")),
        *(("sweep", _chosen(sweep)) for sweep in [saved.manifest.get("sweep")] if isinstance(sweep, dict)),
        ("created", saved.manifest.get("created")),
        *((f"version of {name}", version) for name, version in saved.manifest.get("versions", {}).items()),
    ]:
        add_row(facts, str(label).replace("_", " "), shown(value))
    show(facts)
    parts = table("part", "name", "of", "options")
    for kind, part in saved.config.parts.items():
        add_row(parts, kind, part.name, f"{part.distribution} {part.version}", shown(part.options or None))
    show(parts)
    options = table("option", "value", "from")
    for name, value in saved.config.training.items():
        add_row(options, name, shown(value), str(saved.config.origins.get(name, "")))
    show(options)


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


def _chosen(sweep: Mapping[str, Any]) -> str:
    return (
        f"trial {sweep.get('trial')}, the best of {sweep.get('trials')}: {', '.join(map(str, sweep.get('search', ())))}"
    )
