"""What is wrong with a topology, though each part of it may be well-formed: rules over one index."""

from __future__ import annotations
