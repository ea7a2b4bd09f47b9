"""``seqgen corpora``."""

from __future__ import annotations

from typing import Annotated

import typer

from seqgen.cli.environment import JsonOption, print_json, show, table

corpora = typer.Typer(no_args_is_help=True, help="Texts to train on: bundled ones, and well-known public ones.")


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.add_typer(corpora, name="corpora", epilog="Example: seqgen corpora list")


@corpora.command("list", epilog="Example: seqgen corpora list --json")
def list_corpora(json: JsonOption = False) -> None:
    """The corpora that seqgen knows, and which of them are here."""
    from seqgen import corpora as known

    found = known.available()
    if json:
        print_json(
            [
                {
                    "name": corpus.name,
                    "summary": corpus.summary,
                    "source": corpus.source,
                    "bytes": corpus.size,
                    "licence": corpus.licence,
                    "dataset": corpus.dataset,
                    "url": corpus.url,
                    "sha256": corpus.sha256,
                    "path": None if corpus.path is None else str(corpus.path),
                }
                for corpus in found
            ]
        )
        return
    rows = table("name", "summary", "bytes", "licence", "here")
    rows.columns[2].justify = "right"
    for corpus in found:
        here = "[green]yes[/green]" if corpus.path else f"seqgen corpora get {corpus.name}"
        rows.add_row(f"[bold]{corpus.name}[/bold]", corpus.summary, f"{corpus.size:,}", corpus.licence, here)
    show(rows)


@corpora.command("get", epilog="Example: seqgen corpora get shakespeare")
def get_corpus(
    name: Annotated[str, typer.Argument(help="One of seqgen corpora list.")],
    json: JsonOption = False,
) -> None:
    """Download a public corpus, or go on with an interrupted download, and check it against its checksum."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    from seqgen import corpora as known
    from seqgen import home

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(name, total=None)
        path = known.download(
            name,
            home.corpora_folder(),
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    if json:
        print_json({"name": name, "path": str(path)})
    else:
        typer.echo(str(path))
