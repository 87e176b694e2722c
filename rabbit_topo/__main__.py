"""`python -m rabbit_topo`, and the command `rabbit-topo`."""

from __future__ import annotations

import gc
import sys

from rabbit_topo.cli import run


def main() -> None:
    """Run the command line and exit with its code."""
    gc.disable()  # it looks at every object again and again, and finds nothing: docs/performance.md
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
