from __future__ import annotations

import time

import pytest

from rabbit_topo.adopt.cover import cover
from rabbit_topo.load import load
from rabbit_topo.model import Kind


def patterns(taken: str, others: str = "") -> list[str]:
    return [one.pattern for one in cover(taken.split(), others.split())]


def test_the_example_is_owned_as_a_person_wrote_it() -> None:
    topology = load("topology")
    mine = {key.name for key in topology.resources if key.kind in (Kind.EXCHANGE, Kind.QUEUE, Kind.POLICY)}

    found = {one.pattern for one in cover(mine, ["amq.topic", "celeryev"])}

    assert found == {r"documents(\..*)?", r"mcard(\..*)?", r"notify(\..*)?", r"platform[.-].*", r"shop\..*"}


@pytest.mark.parametrize(
    ("taken", "others", "wanted"),
    [
        ("orders", "", ["orders"]),
        ("orders mail", "", ["mail", "orders"]),
        ("shop.orders", "", [r"shop\.orders"]),
        ("shop.a shop.b", "", [r"shop\..*"]),
        ("shop shop.a", "", ["shop", r"shop\.a"]),
        ("shop shop.a shop-b", "", ["shop([.-].*)?"]),
        ("shop.a shop-b shop_c shop:d shop/e", "", ["shop[._:/-].*"]),
        ("com.acme.shop.a com.acme.shop.b", "com.other.x", [r"com\.acme\.shop\..*"]),
        ("com.acme.shop.a com.acme.mail.b", "", [r"com\.acme\..*"]),
        ("shop.a shop.b", "shop-x", [r"shop\..*"]),
        ("shop.a shop.b", "shop", [r"shop\..*"]),
        ("shop shop.a", "shop.b", ["shop", r"shop\.a"]),
        ("shop.a shop.b", "shop.c", [r"shop\.a", r"shop\.b"]),
        ("shop.tmp.keep shop.a", "shop.tmp.1", [r"shop\.a", r"shop\.tmp\.keep"]),
        ("a.", "", [r"a\."]),
        (". ..", "", [r"\.", r"\.\."]),
        (".hidden.a .hidden.b .hidden.c -dash", "", ["-dash", r"\.hidden\..*"]),
    ],
)
def test_names_are_covered_from_the_outside_in(taken: str, others: str, wanted: list[str]) -> None:
    assert patterns(taken, others) == wanted


def test_names_that_only_begin_alike_are_no_family() -> None:
    assert [one.pattern for one in cover(["a", "a: b", "- dash", " .c", " .d"], [])] == [
        r" \.c",
        r" \.d",
        "- dash",
        "a",
        "a: b",
    ]


def test_many_of_one_family_are_covered_by_all_but_the_others() -> None:
    many = " ".join(f"shop.{word}" for word in ("orders", "mail", "pay", "ship", "audit"))

    assert patterns(many, "shop.reply shop.tmp.1 shop.tmp.2") == [r"shop\.(?!reply$|tmp\.).*"]
    assert patterns(f"{many} shop.tmp.keep", "shop.tmp") == [r"shop\.(?!tmp$|tmp\.).*", r"shop\.tmp\.keep"]
    assert len(patterns(many, "shop.u shop.v shop.w")) == 5
    assert len(cover([*many.split(), "shop.reply\n"], ["shop.reply"])) == 6


def test_words_that_differ_in_a_number_are_one_family() -> None:
    assert patterns("q1 q2 q10") == ["q[0-9]+"]
    assert patterns("q1 q2") == ["q1", "q2"]
    assert patterns("q1 q2 q3 q.x") == [r"q\.x", "q[0-9]+"]
    assert patterns("1.a 2.a 3.b") == [r"[0-9]+\..*"]
    assert patterns("a1b2 a1b3 a1b4") == ["a1b2", "a1b3", "a1b4"]
    assert patterns("eu1.a eu1.b eu2.a eu3.a eu3.b", "eu3.reply") == [r"eu[0-9]+\.a", r"eu[0-9]+\.b"]


def test_a_number_is_no_family_where_most_are_others() -> None:
    others = " ".join(f"tenant{number}.a" for number in range(2, 30))

    assert patterns("tenant1.a tenant1.b", others) == [r"tenant1\..*"]
    assert patterns("q1 q2 q3", "q4 q5 q6 q7") == ["q1", "q2", "q3"]


def test_a_family_of_numbers_leaves_single_names_out() -> None:
    assert patterns("q1 q2 q3 q4 q5 q6", "q7 q8") == [r"(?!(q7|q8)$)q[0-9]+"]
    assert patterns("q1 q2 q3 q4", "q7") == ["q1", "q2", "q3", "q4"]


def test_words_of_hex_digits_are_one_family() -> None:
    words = ["0a1b2c3d", "deadbeef", "12345678", "e1234567", "0123abcd"]

    assert patterns(" ".join(f"{word}.q" for word in words)) == [r"[0-9a-f]{8}\..*"]
    assert patterns(" ".join([*words, "e1", "e2", "e3"])) == ["[0-9a-f]{8}", "e1", "e2", "e3"]


def test_only_what_must_be_escaped_is() -> None:
    name = "a b-c{1}[x](y)|z\\*+?^$#&~é\x00"

    assert [one.pattern for one in cover([name], [])] == ["a b-c\\{1\\}\\[x\\]\\(y\\)\\|z\\\\\\*\\+\\?\\^\\$#&~é\x00"]


def test_a_name_that_others_have_too_is_not_covered() -> None:
    assert patterns("shop.a shop.b shop.c", "shop.c") == [r"shop\.a", r"shop\.b"]
    assert patterns("", "shop") == []
    assert patterns("shop", "shop") == []


def test_each_cover_names_what_it_matches() -> None:
    assert [one.names for one in cover(["shop.b", "shop.a", "lone"], [])] == [("lone",), ("shop.a", "shop.b")]


def test_thirty_thousand_names_take_about_ten_times_as_long_as_three_thousand() -> None:
    def seconds(count: int) -> float:
        taken = [f"team{number % 40}.{number % 7}.queue.{number}" for number in range(count)]
        others = [f"team{number % 40}.reply.{number}" for number in range(count // 50)]
        start = time.perf_counter()
        cover(taken, others)
        return time.perf_counter() - start

    assert min(seconds(30_000) for _ in range(3)) < 40 * min(seconds(3_000) for _ in range(3))
