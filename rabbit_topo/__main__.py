"""`python -m rabbit_topo`, and the command `rabbit-topo`."""

from __future__ import annotations

import gc
import signal
import sys


def main() -> None:
    """Run the command line and exit with its code."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # no traceback before and after `run`, which does better
    gc.disable()  # it looks at every object again and again, and finds nothing: docs/performance.md

    from rabbit_topo.cli import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
