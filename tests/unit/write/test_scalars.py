"""How a text is written in YAML."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from rabbit_topo.load.nodes import plain
from rabbit_topo.load.problems import Problems
from rabbit_topo.load.yaml_nodes import parse
from rabbit_topo.write.scalars import spell

PLAIN_WORDS = "order.# a-b a:b shop/orders größe order.*.paid 1.2.3 10.0.0.1 it's 7d x#y ja"
SIGNS = "# * *x &x !x | > %x @x `x 'x - ? -1 = << --- ... [ ] {a} a] a: , what? a\\b"
WORDS = "1 1.10 1e3 1_0.5e+3 0x1 0o7 007 1:30 2024-01-01 on Off yes y N true null ~ .inf .nan _1"
PLAIN = [*PLAIN_WORDS.split(), "a b", "a 'b'"]
QUOTED = [
    *SIGNS.split(),
    *WORDS.split(),
    *("", " ", " a", "a ", "a #b", "a: b", "- a", "? a", "--- a", "a, b", "a\nb", "a\tb"),
    *("\0", "\x85", "\u2028", "\ufeff", "\xa0", "a\u200bb", "\x7f", "\uffff"),
]
TEXTS = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=20),
    st.text(" ,:#-?[]{}&*!|>'\"%@`\\\t\n.~=<0123456789_eExoNny+T\x85\u2028\ufeff", max_size=10),
    st.sampled_from(PLAIN + QUOTED),
)


@pytest.mark.parametrize("text", PLAIN)
def test_what_nobody_could_misread_is_plain(text: str) -> None:
    assert spell(text) == text


@pytest.mark.parametrize("text", QUOTED)
def test_everything_else_is_in_double_quotes(text: str) -> None:
    assert spell(text)[0] == spell(text)[-1] == '"'
    assert spell(text).isprintable()


def test_outside_of_brackets_commas_and_patterns_are_plain() -> None:
    assert spell("first, then second", flow=False) == "first, then second"
    assert spell("^(a|b)\\.", flow=False) == "^(a|b)\\."
    assert spell("^(a|b)\\.") == '"^(a|b)\\\\."'


@given(TEXTS)
@example("1_0.5e+3")
@example("a:\t#")
def test_every_reader_reads_back_what_was_spelled(text: str) -> None:
    flow, block = spell(text), spell(text, flow=False)
    document = f"{block}:\n  - {block}\n  - {{{flow}: {flow}}}\n  - [{flow}, {flow}]\n  - - {block} # a comment\n"
    wanted = {text: [text, {text: text}, [text, text], [text]]}
    assert yaml.load(document, yaml.SafeLoader) == wanted
    assert yaml.load(document, yaml.CSafeLoader) == wanted
    for pure in (True, False):
        problems = Problems()
        [read] = parse(document, "x.yaml", problems, pure=pure)
        assert not problems.all()
        assert plain(read.root) == wanted
