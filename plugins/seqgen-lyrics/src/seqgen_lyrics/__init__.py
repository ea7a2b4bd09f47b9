"""A plugin for seqgen: lyrics and verse with form, rhyme and metre."""
