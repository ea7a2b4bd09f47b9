"""What a model writes, measured beside held-out text: real words, variety, repetition, and what it copied."""
