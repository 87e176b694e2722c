"""What files of this tool are called. It imports nothing: the pytest plugin asks it of every file that there is."""

from __future__ import annotations

from typing import Final

CONFIG_NAME: Final = "rabbit-topo.yaml"
TEST_ENDINGS: Final = (".test.yaml", ".test.yml")  # of files that hold route tests only
