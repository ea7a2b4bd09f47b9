"""``seqgen music``: one module a command.  What a command needs is imported when it is called."""
