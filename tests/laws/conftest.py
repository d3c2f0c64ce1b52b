"""Make the generators importable by the laws beside them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
