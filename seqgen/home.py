"""Where seqgen keeps things: one folder, ``SEQGEN_HOME``."""

from __future__ import annotations

import os
from pathlib import Path

from seqgen.core.errors import UsageError


def home() -> Path:
    """The folder for models, training runs, token stores and downloaded corpora.

    ``SEQGEN_HOME`` names it; otherwise it is where the system keeps a user's data.

    Raises:
        UsageError: the system does not know where that is.
    """
    if chosen := os.environ.get("SEQGEN_HOME"):
        return Path(os.path.expanduser(chosen))  # noqa: PTH111  Path.expanduser raises where ~name is nobody
    import platformdirs

    try:
        folder = Path(platformdirs.user_data_dir("seqgen", appauthor=False))
    except RuntimeError:
        folder = Path("~")  # with which earlier versions of platformdirs let it begin
    if not folder.is_absolute():  # each folder that one is in would have models of its own
        msg = "It is not known where your home folder is.  Say where models go: SEQGEN_HOME=/some/folder"
        raise UsageError(msg)
    return folder


def elsewhere(refusal: str) -> str:
    """What to do where a refusal to write is one to make the home folder itself, which nobody has chosen; else nothing."""
    if os.environ.get("SEQGEN_HOME"):
        return ""
    try:
        folder = str(home())
    except UsageError:
        return ""
    if folder not in refusal or os.path.isdir(folder):  # noqa: PTH112  Path.is_dir raises where one may not look
        return ""
    return "  To have models elsewhere: SEQGEN_HOME=/some/folder"


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
