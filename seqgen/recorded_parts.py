"""The parts that a model's folder names, found in the catalog and made with the options that it records."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, overload

from seqgen import __version__
from seqgen.core.distributions import another_version, install_of, normal_name
from seqgen.core.errors import DamagedModelError, MissingDependencyError, OptionError, PluginError
from seqgen.core.options import PartSpec, checked
from seqgen.manifest import CONFIG, TOKENIZER
from seqgen.model_config import ModelConfig, PartRecord, advised
from seqgen.untrusted import plain, quoted, shown

if TYPE_CHECKING:
    from seqgen.core.backend import Backend
    from seqgen.core.catalog import Catalog
    from seqgen.core.dataset import Dataset
    from seqgen.core.kinds import Kind
    from seqgen.core.part_entry import PartEntry
    from seqgen.core.tokenizer import Tokenizer

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,78}[A-Za-z0-9])?")
"""What packaging calls a name (PEP 508), of a length that a person would read."""


def find_recorded(catalog: Catalog, kind: Kind, config: ModelConfig, *, where: str) -> PartEntry:
    """The catalog's entry for a part that a model folder names.

    Raises:
        DamagedModelError: the folder names no such part.
        MissingDependencyError: the part's plugin is not installed; says which distribution the folder names, and
            advises a command only where that is a name and nothing else.  Or it is, and has no such part (any more).
        PluginError: it is installed and fails, or a person turned plugins off.
    """
    record = config.parts.get(kind)
    if record is None:
        msg = f"{where}/{CONFIG}: names no {kind}."
        raise DamagedModelError(msg)

    def recorded() -> list[PartEntry]:
        return [entry for entry in catalog.entries(kind) if _is(entry, record)]

    found = recorded()
    if not found:
        catalog.wait()
        found = recorded()
    if found:
        return found[0]
    raise _absence(catalog, kind, record, where)


@overload
def make_recorded(
    catalog: Catalog, kind: Literal["tokenizer"], config: ModelConfig, *, where: str, **fixed: Any
) -> Tokenizer: ...
@overload
def make_recorded(
    catalog: Catalog, kind: Literal["dataset"], config: ModelConfig, *, where: str, **fixed: Any
) -> Dataset: ...
@overload
def make_recorded(
    catalog: Catalog, kind: Literal["backend"], config: ModelConfig, *, where: str, **fixed: Any
) -> Backend: ...


def make_recorded(catalog: Catalog, kind: Kind, config: ModelConfig, *, where: str, **fixed: Any) -> Any:
    """A part that a model folder names, made with the options that it records.

    Args:
        catalog: has it.
        kind: of the part.
        config: of the folder.
        where: how messages name the folder.
        **fixed: what belongs to the part besides its options, such as the ``sources`` of a dataset.

    Raises:
        SeqgenError: as for :func:`find_recorded`, or it cannot be made with these options.
    """
    entry, record = find_recorded(catalog, kind, config, where=where), config.parts[kind]
    try:
        return catalog.make(kind, PartSpec(f"{record.distribution}/{record.name}", record.options), **fixed)
    except OptionError as error:
        raise OptionError(advised(f"{where}/{CONFIG}: {error}", version_advice(entry, record))) from error


def with_recorded_options(catalog: Catalog, kind: Kind, spec: PartSpec, config: ModelConfig) -> PartSpec:
    """A part as a person names it; where a model folder names the same part, with the options that the folder records.

    A model may depend on options that its weights do not tell, such as how many heads a transformer has.

    Args:
        catalog: has it.
        kind: of the part.
        spec: names it; its own options count, and not what is recorded of those.
        config: of the folder.

    Raises:
        UnknownPartError, AmbiguousPartError: there is no such part, or there are several.
    """
    entry, record = catalog.find(kind, spec.name), config.parts.get(kind)
    if record is None or not _is(entry, record):
        return spec
    return PartSpec(spec.name, {**record.options, **spec.values})


def make_backend(catalog: Catalog, spec: PartSpec, config: ModelConfig, *, where: str) -> Backend:
    """The backend that a person names, made ``with_recorded_options``.

    Raises:
        SeqgenError: as for ``Catalog.make``; where it is what the folder records that is wrong, the message says so.
    """
    merged = with_recorded_options(catalog, "backend", spec, config)
    try:
        return catalog.make("backend", merged)
    except OptionError as error:
        if merged == spec:
            raise
        if spec.values:
            entry = catalog.find("backend", spec.name)
            checked(entry.load(), spec.values, where=f"backend {entry.name}", example=f"--backend {entry.name}")
        advice = version_advice(catalog.find("backend", spec.name), config.parts["backend"])
        raise OptionError(advised(f"{where}/{CONFIG}: {error}", advice)) from error


def make_tokenizer(entry: PartEntry, state: Mapping[str, Any], config: ModelConfig, *, where: str) -> Tokenizer:
    """A tokenizer as a folder has it.

    Args:
        entry: of the catalog, for the tokenizer that ``config`` records.
        state: what the folder's ``tokenizer.json`` says.
        config: of the folder.
        where: how messages name the folder.

    Raises:
        DamagedModelError: that is no state of it, or not that of the network beside it.
    """
    try:
        tokenizer: Tokenizer = entry.load().from_state(state)
    except DamagedModelError as error:
        message = advised(f"{where}/{TOKENIZER}: {error}", version_advice(entry, config.parts["tokenizer"]))
        raise DamagedModelError(message) from error
    if tokenizer.vocab_size != config.model.vocab_size:
        raise DamagedModelError(
            f"{where}/{TOKENIZER}: {tokenizer.vocab_size} tokens, but the model has {shown(config.model.vocab_size)}."
        )
    return tokenizer


def _absence(catalog: Catalog, kind: Kind, record: PartRecord, where: str) -> PluginError | MissingDependencyError:
    """Why a part that a folder names is not there, and what to do."""
    needs = f"Model {where} needs the {kind} {quoted(record.name)} of {plain(record.distribution)}"
    whose = normal_name(record.distribution)
    owners = [plugin for plugin in catalog.plugins if normal_name(plugin.distribution) == whose]
    for plugin in owners:
        if plugin.problem or plugin.disabled:
            why = plugin.problem or f"{plugin.disabled} disables it"
            return PluginError(f"{needs}, which cannot be used: {why}")
    if catalog.bundled_only and not owners:
        return PluginError(f"{needs}, which cannot be used: --no-plugins or SEQGEN_NO_PLUGINS leaves out all plugins")
    needs += f" {plain(record.version)}"
    if not _NAME.fullmatch(record.distribution):
        return MissingDependencyError(f"{needs}, which is no name of a distribution, so that nothing can be installed.")
    if whose == "seqgen":  # whose name on PyPI is another project's
        return MissingDependencyError(
            f"{needs}, which this seqgen ({__version__}) does not have.  A newer seqgen is needed."
        )
    if not owners:
        return MissingDependencyError(f"{needs}, which is not installed.  pip install {record.distribution}")
    installed, there = owners[0], [entry.name for entry in catalog.entries(kind) if entry.plugin in owners]
    lacks = f"Installed is {installed.distribution} {installed.version}, which has no {kind} of that name"
    lacks += f", but has: {', '.join(there)}" if there else ""
    command = install_of(installed.distribution, installed.version, record.version)
    return MissingDependencyError(f"{needs}.  {lacks}.  {command or f'seqgen list-plugins --kind {kind}'}")


def _is(entry: PartEntry, record: PartRecord) -> bool:
    """Whether a part is the one that a folder names; a distribution may spell its name otherwise than it did."""
    return entry.name == record.name and normal_name(entry.plugin.distribution) == normal_name(record.distribution)


def version_advice(entry: PartEntry, record: PartRecord | None) -> str:
    """What to do where a part does not understand what a folder says, if another version of its plugin wrote that; else nothing."""
    if record is None or not _is(entry, record):
        return ""
    return another_version(entry.plugin.distribution, entry.plugin.version, record.version)
