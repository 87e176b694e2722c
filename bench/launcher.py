"""Run one command and note what it took: python launcher.py RESULT COMMAND...

A process of its own and a small one: Linux counts the memory of whoever starts a program into that program's peak.
"""

import os
import sys
import time

result, *command = sys.argv[1:]
began = time.perf_counter()
pid = os.posix_spawnp(command[0], command, os.environ)
_, status, usage = os.wait4(pid, 0)
seconds = time.perf_counter() - began
with open(result, "w", encoding="utf-8") as file:  # noqa: PTH123 - pathlib would double this process
    print(round(seconds, 4), round(usage.ru_maxrss / 1024, 1), file=file)
sys.exit(os.waitstatus_to_exitcode(status))
