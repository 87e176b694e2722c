"""A page of GitHub's Markdown: names that cannot break out of it, sections that fold, an end where GitHub has one.

Whatever came from a file or a broker stands in a code span, where nothing is a mention, a link, a tag or an emphasis.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rabbit_topo.report import words

if TYPE_CHECKING:
    from collections.abc import Sequence

LIMIT: Final = 65_536  # bytes: GitHub takes as many characters
_RESERVE: Final = 400
_OPEN_ROWS: Final = 10
_TOKEN: Final = re.compile(r"([(\"']*)(.*?)([)\"'.,;:!?]*)", re.DOTALL)
_FLAG: Final = re.compile(r"(?<!--allow)(?<!--max-delete)(?<!--wait-consumers) ")  # a flag keeps its value
_WORD: Final = re.compile(r"[A-Za-z]+(?:['-][A-Za-z]+)*|%")
_NUMBER: Final = re.compile(r"[0-9]+(?:[.,][0-9]+)*")
_COMMIT: Final = re.compile(r"[0-9a-fA-F]{7,40}")


def code(text: str) -> str:
    r"""Put text into a code span that it cannot leave.

    >>> code("a`b|<c>@d"), code("`"), code("")
    ('``a`b|<c>@d``', '`` ` ``', '`""`')
    """
    shown = words.clean(text) or '""'
    longest = max((len(run) for run in re.findall("`+", shown)), default=0)
    pad = " " if shown[0] in "` " or shown[-1] in "` " else ""
    fence = "`" * (longest + 1)
    return f"{fence}{pad}{shown}{pad}{fence}"


def sentence(text: str) -> str:
    """Write a sentence: plain words stay, whatever else a name may be becomes code.

    >>> sentence("holds 12,408 messages (8 unacknowledged); --migrate moves them to shop.q.")
    'holds 12,408 messages (8 unacknowledged); `--migrate` moves them to `shop.q`.'
    >>> sentence("narrow it, or --allow policy-foreign")
    'narrow it, or `--allow policy-foreign`'
    """
    first, *more = _FLAG.split(words.clean(text))
    return " ".join([_written(first), *(word if word == "-" else _written(word) for word in more)])


def _written(token: str) -> str:
    found = _TOKEN.fullmatch(token)
    before, core, after = found.groups() if found else ("", token, "")
    if not core:
        return code(token) if token else ""
    if _NUMBER.fullmatch(core) and not _COMMIT.fullmatch(core) and after[:1] not in {".", ")"}:
        return token
    if _WORD.fullmatch(core) and not _COMMIT.fullmatch(core):
        return token
    return f"{before}{code(core)}{after}"


@dataclass(frozen=True, slots=True)
class Section:
    """Rows under a heading. What may be folded is folded where there are many; what deletes something never is.

    `above` are the lines that make a table of the rows.
    """

    heading: str
    rows: Sequence[str]
    gloss: str = ""
    folds: bool = False
    folded: bool = False
    above: Sequence[str] = ()

    @property
    def is_folded(self) -> bool:
        """Whether a reader must open it."""
        return self.folded or (self.folds and len(self.rows) > _OPEN_ROWS)


def page(head: str, sections: Sequence[Section], whole: str) -> str:
    """Join a head and sections, as far as they fit; `whole` is the command that shows the rest."""
    text = head.rstrip("\n") + "\n"
    room = LIMIT - _RESERVE - len(text.encode())
    left = 0
    for section in sections:
        if not section.rows:
            continue
        top, bottom = _frame(section)
        room -= len(top.encode()) + len(bottom.encode())
        taken: list[str] = []
        for row in section.rows:
            room -= len(row.encode()) + 1
            if room < 0:
                break
            taken.append(row)
        left += len(section.rows) - len(taken)
        if taken:
            text += top + "\n".join(taken) + "\n" + bottom
    if left:
        rows = "1 row does" if left == 1 else f"{left:,} rows do"
        text += f"\n**{rows} not fit into a comment**: {code(whole)} shows everything.\n"
    return text


def _frame(section: Section) -> tuple[str, str]:
    number = f"{len(section.rows):,}"
    gloss = f", {section.gloss}" if section.gloss else ""
    above = "".join(f"{line}\n" for line in section.above)
    if section.is_folded:
        head = f"\n<details><summary><b>{section.heading}</b> ({number}){gloss}</summary>\n\n"
        return head + above, "\n</details>\n"
    return f"\n**{section.heading}** ({number}){gloss}\n\n{above}", ""
