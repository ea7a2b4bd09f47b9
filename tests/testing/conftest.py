"""Makes the folder ``mutants`` a package that tests and the processes that laws start can import."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
