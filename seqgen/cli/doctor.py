"""``seqgen doctor``."""

from __future__ import annotations

import typer

from seqgen.cli.environment import Command, Environment, JsonOption, add_row, print_json, show, table


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(cls=Command, epilog="Example: seqgen doctor")(doctor)


def doctor(ctx: typer.Context, json: JsonOption = False) -> None:
    """Versions, devices, folders and plugins: what a bug report should say."""
    from seqgen import api

    report = api.diagnose(Environment.of(ctx).catalog)
    if json:
        print_json(report)
        return
    facts = table("", "")
    for key, value in {**report["system"], **report["versions"], **report["folders"]}.items():
        add_row(facts, key, str(value))
    show(facts)
    backends = table("backend", "trains", "devices", "architectures", "problem")
    for backend in report["backends"]:
        add_row(
            backends,
            backend["name"],
            {True: "yes", False: "no", None: "-"}[backend["can_train"]],
            ", ".join(backend["devices"]),
            ", ".join(backend["architectures"]),
            backend["problem"] or "",
        )
    show(backends)
    plugins = table("plugin", "version", "problem")
    for plugin in report["plugins"]:
        add_row(plugins, plugin["distribution"], plugin["version"], plugin["problem"] or "")
    show(plugins)
