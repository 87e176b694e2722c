"""Is it the broker that is meant? Asked before anything else is read from it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rabbit_topo.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rabbit_topo.broker.target import Expected

WITH_HTTP = "AMQP alone does not show a cluster's tags: give the management URL too (--broker)"
IN_A_FILE = "a definitions file tells them where it was exported with its global parameters"


def refuse_another(
    expected: Expected,
    shown: str,
    *,
    cluster_name: str,
    version: str,
    tags: Mapping[str, str] | None,
    why_untold: str = "",
) -> None:
    """Compare what a broker, spelled as `shown`, says of itself with what is expected.

    What it does not tell is empty; `tags` are None where this road shows none, and `why_untold` is the advice then.
    Raises `Refusal` with everything that differs.

    >>> from rabbit_topo.broker.target import Expected
    >>> refuse_another(Expected(version="4.3"), "http://shop", cluster_name="", version="4.3.6", tags={})
    """
    wrong = list(_differences(expected, cluster_name, version, tags))
    if not wrong:
        return
    place = f" ({expected.where})" if expected.where else ""
    hint = f"nothing was changed; see that the target is the right one, or correct `expect`{place}"
    if why_untold and (tags is None or not (cluster_name and version)):
        hint = f"{why_untold}; {hint}"
    raise Refusal(f"{shown} is not the broker that is expected: {'; '.join(wrong)}", hint)


def clusters_differ(by_http: str, amqp: str, by_amqp: str) -> Refusal:
    """Refuse an AMQP URL, spelled as `amqp`, that leads to another cluster than the management URL."""
    return Refusal(
        f"the two URLs lead to different clusters: management to {by_http!r}, AMQP ({amqp}) to {by_amqp!r}",
        "give two URLs of one cluster",
    )


def cluster_tags(value: object) -> dict[str, str]:
    """Read the tags of a cluster as the broker shows them: older versions and empty ones tell no mapping."""
    return {str(name): str(tag) for name, tag in value.items()} if isinstance(value, dict) else {}


def _differences(expected: Expected, cluster_name: str, version: str, tags: Mapping[str, str] | None) -> Iterator[str]:
    if expected.cluster_name and expected.cluster_name != cluster_name:
        told = f"it is {cluster_name!r}" if cluster_name else "it tells none"
        yield f"the cluster's name should be {expected.cluster_name!r}, {told}"
    if expected.version and not _begins(version, expected.version):
        told = f"it is {version}" if version else "it tells none"
        yield f"the version should be {expected.version}, {told}"
    for name, value in expected.tags:
        if tags is None:
            yield f"the cluster's tag {name} should be {value!r}, and cannot be seen"
        elif tags.get(name) != value:
            told = f"it is {tags[name]!r}" if name in tags else "it has no such tag"
            yield f"the cluster's tag {name} should be {value!r}, {told}"


def _begins(version: str, wanted: str) -> bool:
    parts = wanted.split(".")
    return re.split(r"[.+~-]", version)[: len(parts)] == parts
