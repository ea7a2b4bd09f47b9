"""The contracts, and what bundled and third-party parts share.  Imports no framework and nothing else of seqgen."""
