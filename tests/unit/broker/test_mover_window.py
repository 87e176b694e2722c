"""What may be acknowledged at the source, in whichever order the target confirms."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rabbit_topo.broker.mover_window import Window


def window(count: int, first: int = 1) -> Window:
    made = Window(first)
    for number in range(count):
        made.sent(100 + number, 10)
    return made


def test_confirms_in_order_and_out_of_it() -> None:
    made = window(5, first=7)
    made.confirm(8, multiple=False)
    assert made.acknowledgeable() is None
    made.confirm(7, multiple=False)
    assert (made.acknowledgeable(), made.acknowledgeable()) == (101, None)
    made.confirm(10, multiple=True)
    assert (made.acknowledgeable(), len(made), made.bytes, made.acknowledged) == (103, 1, 10, 4)


def test_nothing_behind_a_refused_message_is_acknowledged_with_it() -> None:
    made = window(4)
    made.confirm(1, multiple=False)
    made.refuse(2, multiple=False)
    made.confirm(4, multiple=True)
    assert (made.acknowledgeable(), made.leftovers()) == (100, [102, 103])
    assert made.is_settled
    assert (made.acknowledged, made.unsure) == (3, 0)


def test_no_confirm_is_believed_once_a_message_came_back() -> None:
    made = window(4)
    made.confirm(1, multiple=False)
    made.came_back()
    made.came_back()
    made.confirm(3, multiple=True)
    settled = made.is_settled
    made.confirm(4, multiple=False)
    assert (settled, made.is_settled) == (False, True)
    assert (made.acknowledgeable(), made.leftovers(), made.acknowledged, made.unsure) == (100, [], 1, 1)


@given(
    st.lists(
        st.tuples(st.integers(1, 30), st.booleans(), st.sampled_from(["confirm", "confirm", "refuse"])), max_size=40
    )
)
def test_only_what_was_confirmed_is_acknowledged(answers: list[tuple[int, bool, str]]) -> None:
    made, confirmed, refused, acknowledged = window(30), set[int](), set[int](), set[int]()
    for number, multiple, what in answers:
        one = confirmed if what == "confirm" else refused
        one |= set(range(1 if multiple else number, number + 1)) - confirmed - refused
        getattr(made, what)(number, multiple=multiple)
        if (tag := made.acknowledgeable()) is not None:
            acknowledged = set(range(1, tag - 100 + 2))
        assert acknowledged <= confirmed
    acknowledged |= {tag - 100 + 1 for tag in made.leftovers()}
    assert acknowledged == confirmed
    assert made.unsure == 30 - len(confirmed) - len(refused)
    assert made.is_settled == (made.unsure == 0)
