"""Tunes as one hears and reads them: MIDI, sound, scores and piano rolls."""
