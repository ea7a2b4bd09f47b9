"""The commands of ``seqgen lyrics``."""
