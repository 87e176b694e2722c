"""Only the broker that is expected is read any further."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from rabbit_topo.broker.connect import connect_target
from rabbit_topo.broker.expected import cluster_tags, refuse_another
from rabbit_topo.broker.target import Expected, Target
from rabbit_topo.errors import Refusal
from rabbit_topo.model import Topology

if TYPE_CHECKING:
    from pathlib import Path

EU = (("region", "eu"),)


def said(expected: Expected, **told: Any) -> str:
    """Return the refusal with its hint, empty where there is none."""
    given: dict[str, Any] = {"cluster_name": "", "version": "", "tags": {}, **told}
    try:
        refuse_another(expected, "http://shop", **given)
    except Refusal as refusal:
        return f"{refusal.message}\n{refusal.hint}"
    return ""


@pytest.mark.parametrize(
    ("wanted", "version"),
    [("4.3", "4.3.6"), ("4.3", "4.3"), ("4.3.6", "4.3.6"), ("4.3.6", "4.3.6-rc.1"), ("4.3", "4.3+1")],
)
def test_a_version_that_begins_with_the_expected_one_part_by_part_is_it(wanted: str, version: str) -> None:
    assert said(Expected(version=wanted), version=version) == ""


@pytest.mark.parametrize(
    ("wanted", "version"), [("4.3", "4.30.1"), ("4.3.6", "4.3"), ("4.3.6", "4.3.60"), ("4.3", "3.10.8")]
)
def test_another_version_is_refused(wanted: str, version: str) -> None:
    assert f"the version should be {wanted}, it is {version}" in said(Expected(version=wanted), version=version)


def test_everything_that_differs_is_named_with_the_place_that_expects_it() -> None:
    expected = Expected("production", "4.3", (*EU, ("tier", "1")), "rabbit-topo.yaml:7:9")
    words = said(expected, cluster_name="test", version="4.0.5", tags={"region": "us"})
    assert words == (
        "http://shop is not the broker that is expected: the cluster's name should be 'production', it is 'test'; "
        "the version should be 4.3, it is 4.0.5; the cluster's tag region should be 'eu', it is 'us'; "
        "the cluster's tag tier should be '1', it has no such tag\n"
        "nothing was changed; see that the target is the right one, or correct `expect` (rabbit-topo.yaml:7:9)"
    )
    assert (
        said(expected, cluster_name="production", version="4.3.1", tags={"region": "eu", "tier": "1", "x": "y"}) == ""
    )


def test_what_is_not_told_is_refused_with_the_way_to_have_it_told() -> None:
    assert "it tells none" in said(Expected("production"))
    assert "it tells none" in said(Expected(version="4.3"))
    words = said(Expected(tags=EU), cluster_name="x", version="4.3", tags=None, why_untold="give --broker")
    assert "tag region should be 'eu', and cannot be seen\ngive --broker; " in words


def test_tags_that_are_no_mapping_are_none() -> None:
    assert cluster_tags([]) == cluster_tags(None) == {}
    assert cluster_tags({"region": "eu"}) == {"region": "eu"}


def of_file(folder: Path, document: dict[str, Any], expected: Expected) -> str:
    (folder / "broker.json").write_text(json.dumps(document), encoding="utf-8")
    try:
        connect_target(Target(str(folder / "broker.json"), expected=expected)).observe(Topology.naming("/"))
    except Refusal as refusal:
        return f"{refusal.message}\n{refusal.hint}"
    return ""


def test_a_definitions_file_is_compared_by_what_it_tells(tmp_path: Path) -> None:
    parameters = [{"name": "cluster_name", "value": "production"}, {"name": "cluster_tags", "value": {"region": "eu"}}]
    exported = {"rabbitmq_version": "4.3.6", "global_parameters": parameters}
    assert of_file(tmp_path, exported, Expected("production", "4.3", EU)) == ""
    assert of_file(tmp_path, {"original_cluster_name": "production"}, Expected("production")) == ""
    assert "it is 'production'" in of_file(tmp_path, exported, Expected("test"))
    for expected in (Expected("production"), Expected(version="4.3"), Expected(tags=EU)):
        assert "global parameters" in of_file(tmp_path, {}, expected)


def test_the_version_that_a_file_is_taken_for_is_not_what_it_tells(tmp_path: Path) -> None:
    (tmp_path / "broker.json").write_text("{}", encoding="utf-8")
    target = Target(str(tmp_path / "broker.json"), target_version="4.3", expected=Expected(version="4.3"))
    with pytest.raises(Refusal, match="it tells none"):
        connect_target(target).observe(Topology.naming("/"))
