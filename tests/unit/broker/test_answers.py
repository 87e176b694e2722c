"""What the management API says of a refusal, in its own words."""

from __future__ import annotations

import pytest

from rabbit_topo.broker.http import Answer


@pytest.mark.parametrize(
    ("said", "read"),
    [
        (
            "Validation failed\n\n[{&lt;&lt;&quot;nonsense&quot;&gt;&gt;,3}] are not recognised policy settings\n",
            'Validation failed [{<<"nonsense">>,3}] are not recognised policy settings',
        ),
        ("plain", "plain"),
        ("\n", "HTTP status 400 without a reason"),
        (None, "HTTP status 400 without a reason"),
        (["odd"], "['odd']"),
    ],
)
def test_a_reason_is_read_as_it_was_meant(said: object, read: str) -> None:
    assert Answer(400, {"error": "bad_request", "reason": said}).reason == read
