"""Read `rabbit-topo.yaml`, and check the form of all of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rabbit_topo.arguments.versions import OLDEST, read_release
from rabbit_topo.config import lint_section
from rabbit_topo.config.file import ConfigFile, Environment, LintFile, Text
from rabbit_topo.config.nodes import Nodes
from rabbit_topo.errors import InputError, Problem, UsageError
from rabbit_topo.model import no_queue_name

if TYPE_CHECKING:
    from pathlib import Path

    from yaml.nodes import Node

MAX_BYTES = 1_000_000
_VERSION = re.compile(r"[0-9]{1,3}\.[0-9]{1,3}(\.[0-9]{1,5})?")
_PROJECT = re.compile(r"[A-Za-z0-9_-]{1,100}")
_NUMBER = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?")
_TOP = ("sources", "target_version", "project", "inventory", "lock_name", "environments", "plugins", "lint")
_ENVIRONMENT = ("broker", "amqp", "username", "password", "password_file", "tls", "timeout", "expect")
_EXPECT = ("cluster_name", "version", "tags")
_TLS = ("ca_file", "cert_file", "key_file", "verify")


def read(path: Path, shown: str) -> ConfigFile:
    """Read and check one file. Raise UsageError if it cannot be read, InputError with every problem in it."""
    from yaml import YAMLError, compose

    from rabbit_topo.load.nodes import origin
    from rabbit_topo.load.yaml_events import explain, first_complaint

    try:
        from yaml import CSafeLoader as Loader
    except ImportError:  # pragma: no cover  (PyYAML without libyaml)
        from yaml import SafeLoader as Loader  # type: ignore[assignment]

    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read the configuration {shown}: {error.strerror}") from None
    if len(data) > MAX_BYTES:
        raise UsageError(f"{shown} is larger than {MAX_BYTES} bytes: not a configuration file")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{shown} is not UTF-8 text") from None
    root = None
    if not (complaint := first_complaint(text)):
        try:
            root = compose(text, Loader=Loader)
        except YAMLError as error:  # what only the composer minds: an alias, a second document
            complaint = explain(error, text)
    if complaint:
        where = origin(shown, complaint.place)
        raise InputError([Problem(shown, where.line, where.column, complaint.message, complaint.hint)])
    reader = _Reader(path, shown)
    config = reader.config(root) if root is not None else ConfigFile(path, shown)
    if reader.problems:
        raise InputError(sorted(reader.problems, key=lambda problem: (problem.line, problem.column)))
    return config


class _Reader(Nodes):
    """Walks the nodes of one file, collecting problems."""

    def __init__(self, path: Path, shown: str) -> None:
        super().__init__(shown)
        self.path = path

    def config(self, root: Node) -> ConfigFile:
        found = {key.raw: value for key, value in self.items(root, "the configuration", _TOP)}
        project = self.project(found["project"]) if "project" in found else None
        inventory = "inventory" in found and self.inventory(found["inventory"])
        if inventory and project is None and not self.says(root, "project"):
            self.complain(
                found["inventory"], "an inventory needs the project's name", "write `project: NAME` beside it"
            )
        listed = lint_section.plugins(self, found["plugins"]) if "plugins" in found else None
        lint = lint_section.lint(self, found["lint"]) if "lint" in found else LintFile()
        return ConfigFile(
            self.path,
            self.shown,
            self.sources(found["sources"]) if "sources" in found else (),
            self.version(found["target_version"]) if "target_version" in found else "",
            project.raw if project and inventory else "",
            self.lock_name(found["lock_name"]) if "lock_name" in found else "",
            self.environments(found["environments"]) if "environments" in found else {},
            listed,
            lint_section.with_types(lint, listed),
        )

    def sources(self, node: Node) -> tuple[Text, ...]:
        return tuple(self.texts(node, "sources must be a list of paths", "a source", "sources: [topology/]"))

    def environments(self, node: Node) -> dict[str, Environment]:
        return {name.raw: self.environment(name, value) for name, value in self.items(node, "environments", None)}

    def environment(self, name: Text, node: Node) -> Environment:
        texts: dict[str, Text] = {}
        tls: dict[str, Text] = {}
        verify = True
        timeout = None
        expect: dict[str, Text] = {}
        tags: dict[str, Text] = {}
        for key, value in self.items(node, f"environment {name.raw}", _ENVIRONMENT):
            if key.raw == "timeout":
                timeout = self.seconds(value)
                continue
            if key.raw == "expect":
                self.expect(value, expect, tags)
                continue
            if key.raw != "tls":
                texts.update(self.text(key.raw, value))
                continue
            for tls_key, tls_value in self.items(value, "tls", _TLS):
                if tls_key.raw == "verify":
                    verify = self.boolean(tls_key.raw, tls_value)
                else:
                    tls.update(self.text(tls_key.raw, tls_value))
        if "key_file" in tls and "cert_file" not in tls:
            self.problems.append(tls["key_file"].problem("key_file is given without cert_file", "name both"))
        if "password" in texts and "password_file" in texts:
            later = max(texts["password"], texts["password_file"], key=lambda text: (text.line, text.column))
            self.problems.append(later.problem("both password and password_file are given", "keep one of them"))
        if not self.says(node, "broker", "amqp"):
            self.problems.append(name.problem(f"environment {name.raw} names no broker", "give it `broker: URL`"))
        return Environment(name, texts, tls, verify, timeout, expect, tags)

    def expect(self, node: Node, expect: dict[str, Text], tags: dict[str, Text]) -> None:
        """Read what the right broker says of itself."""
        for key, value in self.items(node, "expect", _EXPECT):
            match key.raw:
                case "cluster_name":
                    expect.update(self.text(key.raw, value))
                case "version":
                    if self.release(value):
                        expect[key.raw] = self.place(value)
                case _:
                    for tag, tag_value in self.items(value, "tags", None):
                        tags.update(self.text(tag.raw, tag_value))

    def seconds(self, node: Node) -> float | None:
        from rabbit_topo.config.login import LONGEST_TIMEOUT

        if node.tag in {"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"} and _NUMBER.fullmatch(node.value):
            value = float(node.value)
            if 0 < value <= LONGEST_TIMEOUT:
                return value
        self.complain(node, "timeout must be a number of seconds", f"more than 0 and at most {LONGEST_TIMEOUT}")
        return None

    def release(self, node: Node) -> bool:
        right = isinstance(node.value, str) and bool(_VERSION.fullmatch(node.value))
        if not right:
            hint = 'such as "4.3", which any 4.3.x is, or "4.3.6"'
            self.complain(node, "version must be a RabbitMQ release or version", hint)
        return right

    def project(self, node: Node) -> Text | None:
        text = self.text("project", node).get("project")
        if text and not _PROJECT.fullmatch(text.raw):
            self.complain(node, "project must be a short name", "letters, digits, - and _, at most 100 of them")
            return None
        return text

    def inventory(self, node: Node) -> bool:
        if node.value == "broker":
            return True
        self.complain(node, "inventory must be `broker`", "leave it out to keep none")
        return False

    def lock_name(self, node: Node) -> str:
        text = self.text("lock_name", node).get("lock_name")
        if text and (why := no_queue_name(text.raw)):
            self.complain(node, "lock_name must be the name of a queue", why)
        return text.raw if text else ""

    def version(self, node: Node) -> str:
        # the text, not the number: 4.10 would become 4.1
        if isinstance(node.value, str) and _VERSION.fullmatch(node.value):
            if (read_release(node.value) or OLDEST) >= OLDEST:
                return node.value
            message = f"RabbitMQ {node.value} is not supported: target_version must be from 3.10 on"
            self.complain(node, message, "3.10 to 4.3 are tried; newer ones are taken as they are")
            return ""
        self.complain(node, "target_version must be a RabbitMQ version", 'such as "4.3" or "3.13.7"')
        return ""
