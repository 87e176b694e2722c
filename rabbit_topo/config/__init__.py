"""The configuration: which files, which broker, which login.

Three levels say it, and the highest that does wins: a flag of the command line, a variable of the
environment (`RABBIT_TOPO_…`), the file `rabbit-topo.yaml`. Nothing here reads the process
environment; whoever calls passes it in.
"""

from __future__ import annotations

from rabbit_topo.config.file import LintSettings
from rabbit_topo.config.login import Flags
from rabbit_topo.config.settings import Settings, Sources, resolve, resolve_sources
from rabbit_topo.filenames import CONFIG_NAME

__all__ = ["CONFIG_NAME", "Flags", "LintSettings", "Settings", "Sources", "resolve", "resolve_sources"]
