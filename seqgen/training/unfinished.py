"""The run that a person means to go on with, named as they name models."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from seqgen.core.errors import ModelNotFoundError, OutputError, UsageError
from seqgen.manifest import METRICS
from seqgen.registry import ModelVersion, Registry
from seqgen.training.run import Run


def find_unfinished(name: str | None, training_folder: Path, registry: Registry) -> Run:
    """The run to go on with.

    Args:
        name: of the model; or a version of it, by reference or path, that a run published when it was interrupted; None: the
            newest run of any.
        training_folder: where the runs are.
        registry: where the models are.

    Raises:
        ModelNotFoundError: there is none; says what to do with a model of that name that is there.
        UsageError: the version is none that the run of its name would go on from.
        OutputError: see ``Run.find``.
    """
    try:
        return Run.find(training_folder, name)
    except ModelNotFoundError as error:
        version = None if name is None else _version(name, registry)
        if version is None:
            raise
        run: Run | None = None
        if name != version.name:
            with contextlib.suppress(ModelNotFoundError):
                run = Run.find(training_folder, version.name)
        if run is None:
            for former in reversed(registry.labels(version.name).former_names):
                with (
                    contextlib.suppress(ModelNotFoundError, OutputError),
                    contextlib.closing(Run.find(training_folder, former)) as its,
                ):
                    if _published_last(its, registry.versions(version.name)) == version:
                        msg = (
                            f"{error}  {version} was called {former}, and so is its run: seqgen train --resume {former}"
                        )
                        raise UsageError(msg) from error
            msg = f"{error}  {version} is finished; to train it further: seqgen train --from {name}"
            raise ModelNotFoundError(msg) from error
        if _published_last(run, registry.versions(run.name)) == version:
            return run
        run.close()
        msg = (
            f"{version} is not what the unfinished run of {version.name} published last.  --resume {version.name} goes on with the run of "
            f"{version.name}; to train {version} further: seqgen train --from {name}"
        )
        raise UsageError(msg) from error


def _version(name: str, registry: Registry) -> ModelVersion | None:
    """The version that a person names by reference or path; None where there is none in the registry."""
    with contextlib.suppress(ModelNotFoundError, UsageError):
        found = registry.locate(name)
        if isinstance(found, ModelVersion):
            return found
        there = Registry(registry.folder.resolve()).version_at(found.resolve())
        return None if there is None else registry.find(str(there))
    return None


def _published_last(run: Run, versions: Sequence[ModelVersion]) -> ModelVersion | None:
    """The newest version whose measurements, which are all others for each run by their times, are those that a run begins with."""
    own = run.folder / METRICS
    measured = own.read_bytes() if own.is_file() else b""
    for version in reversed(versions):
        theirs = version.folder / METRICS
        if theirs.is_file() and 0 < theirs.stat().st_size <= len(measured) and measured.startswith(theirs.read_bytes()):
            return version
    return None
