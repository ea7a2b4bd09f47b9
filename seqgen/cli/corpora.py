"""``seqgen corpora``."""

from __future__ import annotations

from typing import Annotated

import typer

from seqgen.cli.environment import Command, JsonOption
from seqgen.cli.printing import add_row, print_json, show, styled, table
from seqgen.cli.transfer_bar import transfer_bar

corpora = typer.Typer(
    help="Texts to train on: bundled ones, and well-known public ones.", epilog="Example: seqgen corpora list"
)


def _names() -> list[str]:
    from seqgen import corpora as known

    return [corpus.name for corpus in known.available()]


@corpora.command("list", cls=Command, epilog="Example: seqgen corpora list --json")
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
    rows = table("name", "", "bytes>", "licence", "here")
    for corpus in found:
        here = "yes" if corpus.path else f"seqgen corpora get {corpus.name}"
        add_row(rows, styled((corpus.name, "bold")), corpus.summary, f"{corpus.size:,}", corpus.licence, here)
    show(rows)


@corpora.command("get", cls=Command, epilog="Example: seqgen corpora get shakespeare")
def get_corpus(
    name: Annotated[str, typer.Argument(metavar="NAME", help="One of seqgen corpora list.", autocompletion=_names)],
    json: JsonOption = False,
) -> None:
    """Download a public corpus, or go on with an interrupted download, and check it against its checksum."""
    from seqgen import corpora as known
    from seqgen import home

    with transfer_bar(name) as progress:
        path = known.download(name, home.corpora_folder(), progress=progress)  # which checks one that is here, too
    if json:
        print_json({"name": name, "path": str(path)})
    else:
        typer.echo(str(path))
