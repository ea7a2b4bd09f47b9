"""Where seqgen keeps things: one folder, ``SEQGEN_HOME``."""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    """The folder for models, training runs, token stores and downloaded corpora.

    ``SEQGEN_HOME`` names it; otherwise it is where the system keeps a user's data.
    """
    if chosen := os.environ.get("SEQGEN_HOME"):
        return Path(os.path.expanduser(chosen))  # noqa: PTH111  Path.expanduser raises where ~name is nobody
    import platformdirs

    return Path(platformdirs.user_data_dir("seqgen", appauthor=False))


def config_file() -> Path:
    """What a person has settled for all commands; it need not exist."""
    return home() / "config.toml"


def history_file() -> Path:
    """What was written at the prompt of interactive sessions."""
    return home() / "history"


def models_folder() -> Path:
    """The model registry."""
    return home() / "models"


def training_folder() -> Path:
    """The training states of runs that have not ended."""
    return home() / "training"


def tokens_folder() -> Path:
    """Token stores: encoded corpora, safe to delete."""
    return home() / "tokens"


def corpora_folder() -> Path:
    """Downloaded corpora."""
    return home() / "corpora"


def sweeps_folder() -> Path:
    """Searches over options: what was tried, and from which they go on."""
    return home() / "sweeps"
