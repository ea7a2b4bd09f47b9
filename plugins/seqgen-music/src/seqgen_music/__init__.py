"""A plugin for seqgen: tunes in ABC and MIDI that are always well-formed."""
