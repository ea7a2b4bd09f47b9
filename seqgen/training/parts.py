"""Which part an option of a training means: what a person wrote is looked up as it is, and what nobody wrote is never in doubt."""

from __future__ import annotations

from seqgen.checkpoint import SavedModel
from seqgen.core.catalog import BUNDLED, Catalog
from seqgen.core.kinds import Kind
from seqgen.core.options import PartSpec
from seqgen.origins import asked_for, of_model
from seqgen.recorded_parts import find_recorded


def part_meant(catalog: Catalog, kind: Kind, text: str, *, origin: str, parent: SavedModel | None = None) -> PartSpec:
    """A part as the catalog is to be asked for it.

    A default, a preset or the list of corpora names a bundled part, also where a plugin offers another of that name: who never asked for the
    plugin is not troubled by it.  What is taken over from a model is the part that its folder names.

    Args:
        catalog: the parts.
        kind: of the part.
        text: ``NAME:key=value``, the value of the option.
        origin: where that came from.
        parent: a model that training goes on from.

    Raises:
        OptionError: the text is not of that form.
        DamagedModelError, MissingDependencyError, PluginError: see :func:`seqgen.recorded_parts.find_recorded`.
    """
    spec = PartSpec.parse(text)
    if parent is not None and origin == of_model(parent.where):
        return PartSpec(find_recorded(catalog, kind, parent.config, where=parent.where).reference, spec.values)
    if not asked_for(origin):
        for entry in catalog.entries(kind):
            if entry.name == spec.name and entry.plugin.module == BUNDLED:
                return PartSpec(entry.reference, spec.values)
    return spec
