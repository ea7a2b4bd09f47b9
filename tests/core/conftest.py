"""Makes ``contract_description.py``, also a script, and ``contract_promises.py`` modules that tests can import."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
