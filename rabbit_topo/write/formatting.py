"""The canonical form of a topology file: the same data, every comment, one order and one spelling."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from rabbit_topo.load.comments import comments
from rabbit_topo.load.problems import NOWHERE, Problems
from rabbit_topo.load.yaml_nodes import parse
from rabbit_topo.write.formatting_kind import refuse_others
from rabbit_topo.write.formatting_order import arrange, usual
from rabbit_topo.write.formatting_reading import Refused, pages
from rabbit_topo.write.formatting_text import text_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rabbit_topo.load.yaml_nodes import Document
    from rabbit_topo.model import Plain

_BREAK: Final = re.compile("\r\n?|\x85")
_A_BUG: Final = (
    "this is a bug in rabbit-topo: nothing was written; please report it, with this file, and format the others alone"
)


def formatted(text: str, file: str, problems: Problems, *, by_name: bool = False, any_yaml: bool = False) -> str | None:
    r"""Return the canonical text of a file, or None with the reason in `problems`.

    With `by_name`, exchanges, queues and the like are sorted by their names. What is no topology file is refused, but
    with `any_yaml`: the order of its keys is not ours to choose. The result says what the text says, in the same words
    but for the spelling of numbers and units, and has all of its comments; that is made sure of here.

    >>> text = "queues:\n  q: # mine\n    message_ttl: '3600s'\n    type: classic\nversion: 1\n"
    >>> print(formatted(text, "q.yaml", Problems()), end="")
    version: 1
    <BLANKLINE>
    queues:
      q: # mine
        type: classic
        message_ttl: 1h
    """
    text = _BREAK.sub("\n", text)
    before = problems.noted
    documents = parse(text, file, problems)
    if not any_yaml:
        for document in documents:
            refuse_others(document, problems)
    if problems.noted > before:
        return None
    try:
        found = pages(text)
        for page in found:
            arrange(page, by_name=by_name)
        result = text_of(found)
    except Refused as error:
        problems.add(file, error.place, error.message, error.hint)
        return None
    if why := what_is_lost(documents, text, result):
        problems.add(file, NOWHERE, f"fmt would not keep {why}", _A_BUG)
        return None
    return result


def what_is_lost(documents: Sequence[Document], text: str, result: str) -> str:
    """Say what a result lacks of a file's documents or of its comments; empty where it has all."""
    problems = Problems()
    after = parse(result, "", problems)
    if len(problems) or len(after) != len(documents):
        return "this file readable"
    if not all(_same(usual(one.root), usual(two.root)) for one, two in zip(documents, after, strict=True)):
        return "what this file says"
    return "" if Counter(comments(result)) == Counter(comments(text)) else "every comment of this file"


def _same(one: Plain, two: Plain) -> bool:
    """Say whether two values are the same, be it in another order of keys; 1 is not true, and not 1.0."""
    match one, two:
        case dict(), dict():
            return one.keys() == two.keys() and all(_same(value, two[key]) for key, value in one.items())
        case list(), list():
            return len(one) == len(two) and all(map(_same, one, two))
        case _:
            return type(one) is type(two) and one == two
