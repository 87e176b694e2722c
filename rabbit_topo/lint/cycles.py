"""Which nodes of a graph lie on a circle."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

_Node = TypeVar("_Node")


def cycles(ways: Mapping[_Node, Collection[_Node]]) -> list[list[_Node]]:
    """Return the groups of nodes that reach each other, each in the order of `ways`; in linear time (Tarjan's).

    >>> cycles({1: [2], 2: [3, 1], 3: [], 4: [3, 4]})
    [[1, 2], [4]]
    """
    order = {node: number for number, node in enumerate(ways)}
    number: dict[_Node, int] = {}
    low: dict[_Node, int] = {}
    stack: list[_Node] = []
    inside: set[_Node] = set()
    found: list[list[_Node]] = []

    def enter(node: _Node) -> Iterator[_Node]:
        number[node] = low[node] = len(number)
        stack.append(node)
        inside.add(node)
        return iter([to for to in ways[node] if to in ways])

    for start in ways:
        left = [] if start in number else [(start, enter(start))]
        while left:
            node, more = left[-1]
            for to in more:
                if to not in number:
                    left.append((to, enter(to)))
                    break
                if to in inside:
                    low[node] = min(low[node], number[to])
            else:
                left.pop()
                if left:
                    low[left[-1][0]] = min(low[left[-1][0]], low[node])
                if low[node] == number[node]:
                    group = _since(stack, node)
                    del stack[len(stack) - len(group) :]
                    inside.difference_update(group)
                    if len(group) > 1 or node in ways[node]:
                        found.append(sorted(group, key=order.__getitem__))
    return sorted(found, key=lambda group: order[group[0]])


def _since(stack: list[_Node], node: _Node) -> list[_Node]:
    """Return the end of a stack from a node on, without a look at what lies below."""
    at = len(stack) - 1
    while stack[at] != node:
        at -= 1
    return stack[at:]
