from typing import Any

import pytest

from rabbit_topo.adopt.sharing import Described, Shared, share

WORKER = {"type": "quorum", "delivery_limit": 5, "dead_letter": {"exchange": "dead", "routing_key": "all"}}


def shared(*objects: tuple[str, str, dict[str, Any]], with_type: bool = True) -> Shared:
    return share([Described(file, name, options) for file, name, options in objects], with_type=with_type)


def test_a_set_of_options_in_several_files_becomes_a_profile() -> None:
    found = shared(*[(f"f{number % 2}", f"queue.{number}", WORKER) for number in range(4)])

    assert found.profiles == {"quorum-to-dead-limit-5": WORKER}
    assert found.users == {"quorum-to-dead-limit-5": frozenset({"f0", "f1"})}
    assert found.options == ({"use": "quorum-to-dead-limit-5"},) * 4
    assert found.defaults == {}


def test_what_all_objects_of_one_file_say_is_its_default() -> None:
    found = shared(*[("f", f"queue.{number}", WORKER) for number in range(4)])

    assert found.defaults == {"f": WORKER}
    assert found.profiles == {}
    assert found.options == ({},) * 4


def test_a_name_that_queues_give_themselves_becomes_a_template() -> None:
    names = [f"queue.{number}" for number in range(4)]
    found = shared(*[("f", name, {**WORKER, "dead_letter": {"exchange": "", "routing_key": name}}) for name in names])

    assert found.profiles == {
        "quorum-to-queue-limit-5": {**WORKER, "dead_letter": {"exchange": "", "routing_key": "{name}"}}
    }


def test_braces_that_are_meant_are_never_lifted() -> None:
    options = {**WORKER, "dead_letter": {"exchange": "", "routing_key": "{name}"}, "overflow": "drop-head"}
    found = shared(*[(f"f{number}", f"queue.{number}", options) for number in range(9)])

    assert {one["dead_letter"]["routing_key"] for one in found.options} == {"{name}"}
    assert all("dead_letter" not in profile for profile in found.profiles.values())


def test_a_single_other_value_is_said_beside_the_profile() -> None:
    odd = {**WORKER, "delivery_limit": 2}
    found = shared(*[(f"f{number % 2}", f"queue.{number}", WORKER) for number in range(4)], ("f0", "odd", odd))

    assert found.options[-1] == {"use": "quorum-to-dead-limit-5", "delivery_limit": 2}


@pytest.mark.parametrize(
    "odd",
    [
        {**WORKER, "dead_letter": {"exchange": "other"}},
        {**WORKER, "delivery_limit": 2, "dead_letter": {"exchange": "other"}},
        {"type": "quorum", "delivery_limit": 5},
    ],
)
def test_what_differs_in_more_says_all_itself(odd: dict[str, Any]) -> None:
    """Mappings merge, and a profile's key cannot be left out."""
    found = shared(*[(f"f{number % 2}", f"queue.{number}", WORKER) for number in range(4)], ("f0", "odd", odd))

    assert found.options[-1] == odd


def test_a_profile_for_queues_of_several_types_leaves_the_type_to_them() -> None:
    odd = {**WORKER, "type": "classic"}
    found = shared(*[(f"f{number % 2}", f"queue.{number}", WORKER) for number in range(4)], ("f0", "odd", odd))

    assert found.options[-1] == {"use": "to-dead-limit-5", "type": "classic"}


def test_the_type_that_most_queues_of_a_file_have_is_its_default() -> None:
    kinds = ["classic", "classic", "classic", "quorum"]
    found = shared(*[("f", f"queue.{number}", {"type": kind}) for number, kind in enumerate(kinds)])

    assert found.defaults == {"f": {"type": "classic"}}
    assert found.options == ({}, {}, {}, {"type": "quorum"})


@pytest.mark.parametrize(
    "kinds", [["classic"] * 3 + ["quorum"] * 3, ["classic"] * 2, ["classic"] * 3 + [None]], ids=str
)
def test_a_type_that_is_not_that_of_most_is_no_default(kinds: list[str | None]) -> None:
    options = [{"type": kind} if kind else {} for kind in kinds]
    found = shared(*[("f", f"queue.{number}", one) for number, one in enumerate(options)])

    assert found.defaults == {}
    assert found.options == tuple(options)


def test_an_exchange_keeps_its_type() -> None:
    options = {"type": "topic", "durable": False}
    found = shared(*[("f", f"exchange.{number}", options) for number in range(3)], with_type=False)

    assert found.defaults == {"f": {"durable": False}}
    assert found.options == ({"type": "topic"},) * 3


def test_raw_arguments_are_shared_one_by_one() -> None:
    options = {"type": "classic", "max_length": 1, "arguments": {"x-a": 1, "x-b": {"c": 1}}}
    own = [{**options, "arguments": {**options["arguments"], "x-own": 1.0 * n}} for n in range(4)]  # type: ignore[dict-item]
    found = shared(*[(f"f{n % 2}", f"queue.{n}", one) for n, one in enumerate([options, *own])])

    (name,) = found.profiles
    assert found.profiles[name] == options
    assert found.options[0] == {"use": name}
    assert found.options[2] == {"use": name, "arguments": {"x-own": 1.0}}


def test_values_of_other_classes_are_not_shared() -> None:
    values: list[Any] = [1, 1.0, True]
    options: list[dict[str, Any]] = [
        {"max_length": 1, "arguments": {"x-a": 1, "x-b": value}} for value in values for _ in range(5)
    ]
    found = shared(*[(f"f{number % 2}", f"queue.{number}", one) for number, one in enumerate(options)])

    written = [
        [*{**found.profiles[one["use"]]["arguments"], **one.get("arguments", {})}.values()] for one in found.options
    ]
    assert [repr(one["x-b"]) for one in (o["arguments"] for o in options)] == [repr(one[1]) for one in written]


def test_a_file_of_very_different_queues_shares_nothing() -> None:
    options = [{"type": "classic", "max_length": number, "expires": f"{number}s"} for number in range(1, 200)]
    found = shared(*[("f", f"queue.{number}", one) for number, one in enumerate(options)])

    assert found.profiles == {}
    assert found.defaults == {"f": {"type": "classic"}}


def test_no_more_profiles_than_a_person_can_know() -> None:
    sets = [{"type": "classic", "max_length": n, "expires": f"{n}s", "overflow": f"{n}"} for n in range(1, 40)]
    found = shared(*[(f"f{n % 2}", f"queue.{n}.{m}", one) for n, one in enumerate(sets) for m in range(5)])

    assert len(found.profiles) == 24
