"""What seqgen finds of this plugin: names and summaries.  Nothing heavy is imported to list them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import seqgen

if TYPE_CHECKING:
    import typer

    from seqgen.core.hookspecs import Register

SEQGEN_CONTRACT = "1.0"


@seqgen.hookimpl
def register_datasets(register: Register) -> None:
    """``songs``."""
    register("songs", "seqgen_lyrics.songs:SongsDataset", summary="songs: text, JSON Lines, CSV or LRC, with sections")


@seqgen.hookimpl
def register_tokenizers(register: Register) -> None:
    """``lyrics``."""
    register(
        "lyrics",
        "seqgen_lyrics.tokenizer:LyricsTokenizer",
        summary="words, pieces and characters, with tokens for line, stanza and section",
    )


@seqgen.hookimpl
def register_samplers(register: Register) -> None:
    """``rhyme``, ``syllables``, ``form`` and ``no-repeat-line``, which work together where several are given."""
    register("rhyme", "seqgen_lyrics.samplers:Rhyme", summary="lines rhyme by a scheme, as ABAB")
    register("syllables", "seqgen_lyrics.samplers:Syllables", summary="lines have so many syllables, or a metre")
    register("form", "seqgen_lyrics.samplers:Form", summary="verse, chorus, ...; a chorus comes back the same")
    register("no-repeat-line", "seqgen_lyrics.samplers:NoRepeatLine", summary="no line comes twice")


@seqgen.hookimpl
def register_commands(app: typer.Typer) -> None:
    """``seqgen lyrics``, a group of commands."""
    from seqgen_lyrics.commands import evaluate  # noqa: F401  adds its command
    from seqgen_lyrics.commands.group import lyrics

    app.add_typer(lyrics, name="lyrics")
