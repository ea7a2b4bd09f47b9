"""The registry of trained models: a folder, ``models/NAME/VERSION/``, that can be copied, synchronised and backed up.

store.py    names, versions and what a person may call them; publishing
"""

from seqgen.registry.store import ModelVersion, Registry, check_name

__all__ = ["ModelVersion", "Registry", "check_name"]
