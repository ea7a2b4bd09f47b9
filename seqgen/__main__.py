"""``python -m seqgen`` is ``seqgen``."""

from seqgen.cli.app import main

if __name__ == "__main__":
    main()
