"""``push`` and ``pull``: what a person names, to where it goes."""

from __future__ import annotations

import re

from seqgen.checkpoint import SavedModel
from seqgen.core.errors import UsageError
from seqgen.registry import Registry, check_name
from seqgen.registry.names import VERSION
from seqgen.sharing.arrival import Arrival
from seqgen.sharing.download import Progress
from seqgen.sharing.hub import SCHEME, HubModel
from seqgen.sharing.remote import Pushed, Remote

_VERSION = re.compile(rf"(?P<name>[^:@/\\]+):(?P<number>{VERSION})")


def push(saved: SavedModel, url: str, *, as_: str | None = None, progress: Progress = lambda *_: None) -> Pushed:
    """Give a model to a team, or to everybody.

    Args:
        saved: the model.
        url: a folder or URL that is a team's registry, or ``hf://USER/NAME``.
        as_: ``NAME:VERSION``, what it is called there; None: as in the registry that it was opened from.
        progress: called with the bytes that are through, and the bytes that there are; not on the Hub, for which huggingface_hub
            shows a progress of its own.

    Raises:
        UsageError: no such place, or one that is of another name than ``as_``; or a folder of no registry without ``as_``.
        ModelExistsError: another model is called so there.
        DamagedModelError: its files here are not what was written.
        RemoteError: the place cannot be reached, refuses, or broke off.
        MissingDependencyError: the package of the place's file system is not installed.
    """
    if as_ is not None:
        match = _VERSION.fullmatch(as_)
        if not match:
            raise UsageError(f'--as is "{as_}", but must be NAME:VERSION, for example novel:3.')
        name, number = match["name"], int(match["number"])
    elif saved.version is not None:
        name, number = saved.version.name, saved.version.version
    else:
        raise UsageError(f"{saved.where} is a folder, so say what it is called there, for example --as novel:3")
    if url.startswith(SCHEME):
        model = HubModel.at(url)
        if as_ is not None and name != model.name:
            raise UsageError(
                f'--as is "{as_}", but {url} is one model, called {model.name}: --as {model.name}:{number}, or push to another URL.'
            )
        return model.push(saved, number)
    return Remote.at(url).push(saved, name, number, progress=progress)


def pull(
    url: str,
    reference: str | None,
    registry: Registry,
    *,
    name: str | None = None,
    progress: Progress = lambda *_: None,
) -> Arrival:
    """Fetch a model that was pushed, as a version of the registry, unless it is there already.

    Args:
        url: where it was pushed.
        reference: ``NAME`` or ``NAME:VERSION``; None on the Hub, where the URL says it.
        registry: where it goes.
        name: of the model here; None: as there.
        progress: called with the bytes that are through, and the bytes that there are.

    Raises:
        UsageError: no such place, or not such a reference or name.
        ModelNotFoundError: no such model is there; names what is.
        DamagedModelError: its bytes are not those of its manifest.
        OutputError: the registry cannot be written, or another process is fetching the same.
        RemoteError: the place cannot be reached, or broke off.
        MissingDependencyError: the package of the place's file system is not installed.
    """
    if name is not None:
        check_name(name)
    if url.startswith(SCHEME):
        model = HubModel.at(url)
        if reference is not None:
            raise UsageError(
                f"{url} is one model, so {reference} says nothing; a version of it is {SCHEME}USER/NAME@v3."
            )
        return model.pull(registry, progress=progress, name=name)
    remote = Remote.at(url)
    if reference is None:
        raise UsageError(f"Say which model of {remote.place}.  {remote.described()}")
    return remote.pull(reference, registry, progress=progress, name=name)
