"""Music as MIDI: reading files, tokens over MidiTok, which may follow which, and the corpus of files."""
