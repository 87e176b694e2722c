from typing import Any

import pytest

from rabbit_topo.adopt.items import Items, items_of
from rabbit_topo.adopt.profile_names import profile_names


def items(options: dict[str, Any]) -> Items:
    return frozenset(items_of(options))


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"type": "quorum", "delivery_limit": 5, "dead_letter": {"exchange": "a.dead"}}, "quorum-to-a.dead-limit-5"),
        ({"dead_letter": {"exchange": ""}, "message_ttl": "1h", "max_length": 9, "overflow": "drop-head"},
         "to-queue-ttl-1h-max-9"),
        ({"dead_letter": {"routing_key": "x"}, "single_active_consumer": True}, "dead-letter-single-consumer"),
        ({"durable": False, "auto_delete": True, "arguments": {"x-Own!": 1}}, "auto-delete-transient-own"),
        ({"overflow": "reject-publish", "arguments": {"x-t": {"a": 1}}}, "reject-publish-t"),
        ({"arguments": {"x-!": 1}, "overflow": "!"}, "shared"),
        ({"alternate_exchange": "a" * 60, "internal": True}, f"else-{'a' * 30}-internal"),
    ],
)  # fmt: skip
def test_a_name_tells_what_is_in_it(options: dict[str, Any], name: str) -> None:
    assert [*profile_names([items(options)]).values()] == [name]


def test_profiles_that_tell_the_same_get_longer_names_and_then_numbers() -> None:
    base = {"type": "classic", "message_ttl": "1h", "expires": "2h", "max_length": 1}
    profiles = [items(base), items({**base, "overflow": "drop-head"}), items({**base, "arguments": {"x-!": 1}})]

    assert sorted(profile_names(profiles).values()) == [
        "classic-ttl-1h-expires-2h-max-1",
        "classic-ttl-1h-expires-2h-max-1-2",
        "classic-ttl-1h-expires-2h-max-1-drop-head",
    ]
