"""``seqgen doctor``."""

from __future__ import annotations

import typer

from seqgen.cli.environment import Environment, JsonOption, print_json, show, table


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: seqgen doctor")(doctor)


def doctor(ctx: typer.Context, json: JsonOption = False) -> None:
    """Versions, devices, folders and plugins: what a bug report should say."""
    from seqgen import api

    report = api.diagnose(Environment.of(ctx).catalog)
    if json:
        print_json(report)
        return
    facts = table("", "")
    facts.show_header = False
    for key, value in {**report["system"], **report["versions"], **report["folders"]}.items():
        facts.add_row(key, str(value))
    show(facts)
    backends = table("backend", "trains", "devices", "architectures", "problem")
    for backend in report["backends"]:
        backends.add_row(
            backend["name"],
            {True: "yes", False: "no", None: "-"}[backend["can_train"]],
            ", ".join(backend["devices"]),
            ", ".join(backend["architectures"]),
            backend["problem"] or "",
        )
    show(backends)
    for plugin in report["plugins"]:
        show(f"plugin {plugin['distribution']} {plugin['version']}: {plugin['problem'] or 'ok'}")
