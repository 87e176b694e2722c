"""The public names are what the documentation says, in whatever order they are imported."""

from __future__ import annotations

import itertools
import subprocess
import sys

import pytest

import rabbit_topo

FUNCTIONS = ("load", "connect", "diff", "make_plan", "apply")


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("first", ["apply", "diff", "load", "broker.connect"])
def test_a_submodule_never_takes_the_place_of_a_function(first: str) -> None:
    checks = "".join(f"from rabbit_topo import {name}; assert callable({name}), {name}\n" for name in FUNCTIONS)
    python(f"import importlib; importlib.import_module('rabbit_topo.{first}')\n{checks}")


@pytest.mark.parametrize("order", list(itertools.permutations(("load", "diff", "apply"))))
def test_the_order_of_imports_does_not_matter(order: tuple[str, ...]) -> None:
    names = ", ".join(order)
    python(f"from rabbit_topo import {names}\nassert all(map(callable, ({names})))")


def test_every_public_name_exists_and_others_do_not() -> None:
    assert set(dir(rabbit_topo)) == set(rabbit_topo.__all__)
    assert all(getattr(rabbit_topo, name) is not None for name in rabbit_topo.__all__)
    with pytest.raises(AttributeError, match="no attribute 'manager'"):
        _ = getattr(rabbit_topo, "manager")  # noqa: B009 - a type checker knows that it is not there


def test_importing_the_package_imports_next_to_nothing() -> None:
    heavy = ("kombu", "yaml", "jsonschema", "urllib3", "rich", "click", "dataclasses")
    assert python(f"import rabbit_topo, sys; print([m for m in {heavy} if m in sys.modules])") == "[]\n"
