"""``seqgen new-plugin``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seqgen.cli.environment import Environment, JsonOption, command
from seqgen.cli.printing import print_json, say, show
from seqgen.core.kinds import KINDS
from seqgen.core.shell import command_line


@command(epilog="Example: seqgen new-plugin chess --kind tokenizer,sampler")
def new_plugin(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the parts; the package is called seqgen-NAME.")],
    kind: Annotated[
        list[str],
        typer.Option(
            metavar="KIND,...",
            help=f"What it adds, one or more of: {', '.join(KINDS)}.",
            autocompletion=lambda: list(KINDS),
        ),
    ],
    output: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Where the package's folder goes.", file_okay=False)
    ] = Path(),
    json: JsonOption = False,
) -> None:
    """Write a package with a working part of each KIND, its tests and all that it needs, to be changed from there."""
    from seqgen.scaffold.plugin import NewPlugin

    plugin = NewPlugin.of(name, kind, Environment.of(ctx).catalog)
    folder = plugin.write(output)
    if json:
        files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
        print_json({"path": str(folder), "distribution": plugin.distribution, "kinds": plugin.kinds, "files": files})
        return
    show(str(folder))
    steps = [command_line(["cd", str(folder)]), *plugin.first_steps]
    say("\n".join(["Next:", *(f"  {step}" for step in steps)]))
