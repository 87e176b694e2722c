import json
from typing import Any

import pytest

from rabbit_topo.adopt.items import templated


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("shop.q", "{name}"),
        ("shop.q.dead", "{name}.dead"),
        ({"exchange": "", "routing_key": "shop.q"}, {"exchange": "", "routing_key": "{name}"}),
        (["shop.q", 1, None], ["{name}", 1, None]),
        ("shop", ""),
        ({"shop.q": 1}, ""),
        ("{name} of shop.q", ""),
    ],
)
def test_a_name_in_a_value_becomes_a_template(value: Any, found: Any) -> None:
    assert templated(json.dumps(value), "shop.q") == (json.dumps(found) if found else "")
