"""The registry of trained models: a folder, ``models/NAME/VERSION/``, that can be copied, synchronised and backed up.

names.py      what models, aliases and tags may be called, and how a version is referred to
folders.py    what lies in its folders, some of which may be another user's
store.py      names, versions, what a person may call them; publishing
order.py      which version was made last, whatever the clock says
labels.py     aliases, tags and notes, which may change where versions do not
summary.py    what a list says of each version
index.py      remembers what was read for it
trash.py      removing, restoring, freeing
moving.py     renaming and copying
"""

from seqgen.registry.names import check_name
from seqgen.registry.store import ModelVersion, Registry

__all__ = ["ModelVersion", "Registry", "check_name"]
