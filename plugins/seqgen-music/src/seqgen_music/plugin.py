"""What seqgen finds of this plugin: names and summaries.  Nothing heavy is imported to list them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import seqgen

if TYPE_CHECKING:
    import typer

    from seqgen.core.hookspecs import Register

SEQGEN_CONTRACT = "1.0"


_MIDI = ("miditok", "symusic")


@seqgen.hookimpl
def register_tokenizers(register: Register) -> None:
    """How tunes become tokens."""
    register("abc", "seqgen_music.abc.tokenizer:AbcTokenizer", summary="musical tokens of ABC tunes")
    register(
        "midi",
        "seqgen_music.midi.tokenizer:MidiTokenizer",
        summary="MIDI by schemes of MidiTok",
        requires=_MIDI,
        extra="midi",
    )


@seqgen.hookimpl
def register_datasets(register: Register) -> None:
    """Where tunes come from."""
    register("abc", "seqgen_music.abc.dataset:AbcDataset", summary="tune books in ABC, each tune one document")
    register("midi", "seqgen_music.midi.dataset:MidiDataset", summary="MIDI files", requires="symusic", extra="midi")


@seqgen.hookimpl
def register_samplers(register: Register) -> None:
    """How tunes are kept well-formed."""
    register(
        "midi-grammar",
        "seqgen_music.midi.sampler:MidiGrammar",
        summary="only MIDI tokens that mean something where they stand",
        requires=_MIDI,
        extra="midi",
    )
    register("abc-bars", "seqgen_music.abc.bars:AbcBars", summary="tunes in ABC whose bars add up, and that end")
    register("scale", "seqgen_music.abc.scale:Scale", summary="notes of the key that the tune is in, with some freedom")


@seqgen.hookimpl
def register_commands(app: typer.Typer) -> None:
    """``seqgen music``, a group of commands."""
    from seqgen_music.commands import evaluate, info, play, render  # noqa: F401  they add themselves
    from seqgen_music.commands.group import music

    app.add_typer(music, name="music")
