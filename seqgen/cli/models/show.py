"""``seqgen models show``."""

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
    show,
    shown,
    styled,
    table,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("show", cls=Command, epilog="Example: seqgen models show novel@best")(show_model)


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


def _chosen(sweep: Mapping[str, Any]) -> str:
    return (
        f"trial {sweep.get('trial')}, the best of {sweep.get('trials')}: {', '.join(map(str, sweep.get('search', ())))}"
    )
