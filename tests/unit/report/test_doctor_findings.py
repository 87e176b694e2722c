"""What doctor warns of: certificates, the state of a cluster, and brokers that are not RabbitMQ."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rabbit_topo.report.diagnosis import Certificate, Diagnosis, LoginAttempt, Node, Server
from rabbit_topo.report.doctor_findings import findings

NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
WEB = LoginAttempt("management", "https://shop:15671", "small", cluster_name="rabbit@shop")


def _ends(what: Any, days: float) -> list[str]:
    one = Certificate(what, "ca.pem", "CN=a", "CN=b", (), NOW + timedelta(days=days))
    return [finding.message for finding in findings(Diagnosis(NOW, (WEB,), certificates=(one,)))]


def test_a_certificate_is_warned_of_in_time() -> None:
    assert _ends("broker", 30) == []
    assert _ends("client", 29.9) == ["the client certificate of ca.pem expires in 29 days: 2030-02-01 00:40 UTC"]
    assert _ends("authority", 1) == ["the CA file of ca.pem expires in 1 day: 2030-01-03 03:04 UTC"]
    assert _ends("broker", -0.01) == ["the broker's certificate of ca.pem has expired: 2030-01-02 02:49 UTC"]


def test_what_is_wrong_in_a_cluster() -> None:
    sick = Server(
        "RabbitMQ",
        "3.9.1",
        nodes=(Node("one", running=False), Node("two", running=True, partitions=("one",))),
        alarms=("memory on two",),
        deprecated=("transient_nonexcl_queues (permitted by default)",),
    )
    diagnosis = Diagnosis(NOW, (WEB,), sick, missing_types={"x-delayed-message": 2, "x-our-own": 1})
    assert [finding.message for finding in findings(diagnosis)] == [
        "RabbitMQ 3.9.1 is older than 3.10, the oldest one that is tested here",
        "an alarm is raised: memory on two",
        "node one is not running",
        "node two has lost sight of one",
        "deprecated features are in use: transient_nonexcl_queues (permitted by default)",
        "the broker has no exchange type x-delayed-message, and 2 exchanges are declared with it",
        "the broker has no exchange type x-our-own, and 1 exchange is declared with it",
    ]
    assert all(finding.level == "warning" for finding in findings(diagnosis))


@pytest.mark.parametrize(("product", "said"), [("", "a broker that does not name itself"), ("Other", "but Other")])
def test_another_broker(product: str, said: str) -> None:
    (found,) = findings(Diagnosis(NOW, (WEB,), Server(product, "1.0")))
    assert said in found.message
    assert "was not asked" in found.hint
