"""Whatever a document holds, every reader of its text reads that, and our own has nothing to complain of."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from rabbit_topo.adopt.types import File
from rabbit_topo.load.nodes import plain
from rabbit_topo.load.problems import Problems
from rabbit_topo.load.yaml_nodes import parse
from rabbit_topo.write.yaml_text import dump

ODD = " ,:#-?[]{}&*!|>'\"%@`\\\t\n.~=<0123456789_eExoNny+T\x00\x85\xa0\u2028\ufeff\U0001f407"
TEXTS = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=60),
    st.text(ODD, max_size=12),
    st.sampled_from(["on", "1.10", "0x1", "2024-01-01", "~", "", "=", "<<", "no", "a " * 80, "order.created"]),
)
SCALARS = st.one_of(
    TEXTS,
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4), max_leaves=12
)
SECTIONS = st.sampled_from(["owns", "defaults", "profiles", "exchanges", "queues", "bindings", "policies"])
DOCUMENTS = st.dictionaries(SECTIONS | TEXTS, VALUES, max_size=5)


@given(st.lists(DOCUMENTS, min_size=1, max_size=3))
def test_every_reader_reads_back_what_was_written(documents: list[dict[str, Any]]) -> None:
    text = dump(File("x.yaml", tuple(documents)), "s.json")
    wanted = repr(documents)  # which tells 1 from true and 1.0, and -0.0 from 0.0
    assert repr(list(yaml.load_all(text, yaml.SafeLoader))) == wanted
    assert repr(list(yaml.load_all(text, yaml.CSafeLoader))) == wanted
    for pure in (True, False):
        problems = Problems()
        found = [plain(document.root) for document in parse(text, "x.yaml", problems, pure=pure)]
        assert not problems.all()
        assert repr(found) == wanted
