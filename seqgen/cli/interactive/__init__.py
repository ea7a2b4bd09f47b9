"""``seqgen generate --interactive``: the session itself, and the terminal that it is held in."""
