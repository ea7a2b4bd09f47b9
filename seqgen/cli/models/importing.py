"""``seqgen models import``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seqgen.cli.environment import JsonOption, command, default
from seqgen.cli.models.arrival import show_arrival


@command(epilog="Example: seqgen models import novel.zip")
def import_model(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="What seqgen models export wrote, a model folder, or a file of PyTorch (.safetensors) or Keras (.weights.h5, .h5, .hdf5, .keras).",
        ),
    ],
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            metavar="NAME",
            help=f"Name of the model here.  {default('the one it was trained under; of a model of PyTorch or Keras, that of its file')}",
        ),
    ] = None,
    vocabulary: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="What the tokens of a model of PyTorch or Keras are, in the order of their ids: a JSON list of characters "
            "(null: no text), a JSON object from each to its id, or a text file of them.",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Take in a model that somebody handed over.

    It is checked, file by file against its manifest, or tensor by tensor against the shape of the network, and becomes the
    next version of its name.  Nothing in it is executed.
    """
    from seqgen.core.errors import UsageError
    from seqgen.registry import Registry
    from seqgen.sharing.importing import import_model as read

    path = Path(file)
    if "://" in file and not path.exists():
        raise UsageError(
            f"{file} is a URL, and import takes a file.  Download it first; what was pushed, seqgen models pull fetches"
        )
    show_arrival(read(path, Registry.at_home(), name=name, vocabulary=vocabulary), json=json)
