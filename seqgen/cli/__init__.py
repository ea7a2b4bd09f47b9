"""The command line: words and options only; what they do is in :mod:`seqgen.api`."""
