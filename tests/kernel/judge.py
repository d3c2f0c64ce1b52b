"""Judge the judge: `python tests/kernel/judge.py --seed S --limit N [--kernel] [--write]`."""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from kernel.judging_command import main

    raise SystemExit(main())
