"""Read `rabbit-topo.yaml`: what it says, each value with its place.

Checked here is the form, of all of it. `${VAR}` is filled in later and only in what is used, so
that a laptop without the production password can still work on its own broker.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rabbit_topo.arguments.versions import OLDEST, read_release
from rabbit_topo.errors import InputError, Problem, UsageError
from rabbit_topo.model import no_queue_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from yaml.nodes import Node

CONFIG_NAME = "rabbit-topo.yaml"
MAX_BYTES = 1_000_000
_VERSION = re.compile(r"[0-9]{1,3}\.[0-9]{1,3}(\.[0-9]{1,5})?")
_PROJECT = re.compile(r"[A-Za-z0-9_-]{1,100}")
_NUMBER = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?")
_VARIABLE = re.compile(r"\$(?P<escaped>\$\{)|\$\{(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*)\})?")
_TOP = ("sources", "target_version", "project", "inventory", "lock_name", "environments")
_ENVIRONMENT = ("broker", "amqp", "username", "password", "password_file", "tls", "timeout", "expect")
_EXPECT = ("cluster_name", "version", "tags")
_TLS = ("ca_file", "cert_file", "key_file", "verify")
_YAML_BOOLEANS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


@dataclass(frozen=True, slots=True)
class Text:
    """A string as written, and where. `file` is spelled as messages show it."""

    raw: str = field(repr=False)
    file: str
    line: int
    column: int

    def problem(self, message: str, hint: str = "") -> Problem:
        """Say what is wrong with it, at its place."""
        return Problem(self.file, self.line, self.column, message, hint)

    def expand(self, environ: Mapping[str, str]) -> str:
        """Fill in `${VAR}`; `$${` is a literal `${`. Raise InputError for a variable that is not set."""

        def replace(match: re.Match[str]) -> str:
            if match["escaped"]:
                return "${"
            name = match["name"]
            if name is None:
                raise InputError([self.problem("'${' opens a variable, but no NAME} follows", "a literal ${ is $${")])
            if name not in environ:
                message = f"the environment variable {name} is not set"
                raise InputError([self.problem(message, f"set {name}; a literal ${{ is written $${{")])
            return environ[name]

        return _VARIABLE.sub(replace, self.raw)


@dataclass(frozen=True, slots=True)
class Environment:
    """One entry of `environments`; `place` is where its name stands."""

    place: Text
    texts: Mapping[str, Text]
    tls: Mapping[str, Text]
    verify: bool = True
    timeout: float | None = None  # seconds
    expect: Mapping[str, Text] = field(default_factory=dict)
    tags: Mapping[str, Text] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A configuration file as written. `path` is where it lies, `shown` how messages call it.

    `project` is set where an inventory is to be kept on the broker, under this name. `lock_name` is the queue that
    keeps two applies apart, where it is not the usual one.
    """

    path: Path
    shown: str
    sources: tuple[Text, ...] = ()
    target_version: str = ""
    project: str = ""
    lock_name: str = ""
    environments: Mapping[str, Environment] = field(default_factory=dict)


def find_upwards(folder: Path) -> Path | None:
    """Return the nearest `rabbit-topo.yaml`, in `folder` or above it."""
    for place in (folder, *folder.parents):
        candidate = place / CONFIG_NAME
        if candidate.is_file():
            return candidate
    return None


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


class _Reader:
    """Walks the nodes of one file, collecting problems."""

    def __init__(self, path: Path, shown: str) -> None:
        self.path = path
        self.shown = shown
        self.problems: list[Problem] = []
        self.meant: set[tuple[int, str]] = set()  # keys that stand misspelt in a mapping, known by its identity

    def config(self, root: Node) -> ConfigFile:
        sources: tuple[Text, ...] = ()
        version = ""
        project: Text | None = None
        inventory: Node | None = None
        lock_name = ""
        environments: dict[str, Environment] = {}
        for key, value in self.items(root, "the configuration", _TOP):
            match key.raw:
                case "sources":
                    sources = tuple(self.texts(value))
                case "target_version":
                    version = self.version(value)
                case "project":
                    project = self.project(value)
                case "inventory":
                    inventory = value if self.inventory(value) else None
                case "lock_name":
                    lock_name = self.lock_name(value)
                case _:
                    for name, node in self.items(value, "environments", None):
                        environments[name.raw] = self.environment(name, node)
        if inventory is not None and project is None and not self.says(root, "project"):
            self.complain(inventory, "an inventory needs the project's name", "write `project: NAME` beside it")
        kept = project.raw if project and inventory is not None else ""
        return ConfigFile(self.path, self.shown, sources, version, kept, lock_name, environments)

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

    def says(self, node: Node, *keys: str) -> bool:
        """Say whether one of the keys stands in a mapping, well or badly; of what is none, no key is missed."""
        from yaml import MappingNode

        if not isinstance(node, MappingNode):
            return True
        written = {str(key.value) for key, _ in node.value}
        return any(key in written or (id(node), key) in self.meant for key in keys)

    def items(self, node: Node, what: str, known: tuple[str, ...] | None) -> Iterator[tuple[Text, Node]]:
        from yaml import MappingNode, ScalarNode

        if not isinstance(node, MappingNode):
            if not (known is None and _is_null(node)):
                self.complain(node, f"{what} must be a mapping of names to values, not {_kind(node)}")
            return
        seen: dict[str, Text] = {}
        for key_node, value in node.value:
            if not isinstance(key_node, ScalarNode):
                self.complain(key_node, f"a name is expected here, not {_kind(key_node)}")
                continue
            key = self.place(key_node)
            if key.raw in seen:
                self.complain(key_node, f"{key.raw} is given twice; the first is on line {seen[key.raw].line}")
            elif known is not None and key.raw not in known:
                written = {str(other.value) for other, _ in node.value}
                close = difflib.get_close_matches(key.raw, [name for name in known if name not in written], n=1)
                hint = f"did you mean {close[0]}?" if close else f"possible here: {', '.join(known)}"
                self.meant.update((id(node), name) for name in close)
                self.complain(key_node, f"unknown key {key.raw} in {what}", hint)
            else:
                seen[key.raw] = key
                yield key, value

    def texts(self, node: Node) -> Iterator[Text]:
        from yaml import SequenceNode

        if not isinstance(node, SequenceNode):
            self.complain(node, f"sources must be a list of paths, not {_kind(node)}", "sources: [topology/]")
            return
        for item in node.value:
            yield from self.text("a source", item).values()

    def text(self, name: str, node: Node) -> dict[str, Text]:
        if node.tag != "tag:yaml.org,2002:str":
            self.complain(node, f"{name} must be a string, not {_kind(node)}", "put it in quotes")
        elif not node.value:
            self.complain(node, f"{name} is empty")
        else:
            return {name: self.place(node)}
        return {}

    def boolean(self, name: str, node: Node) -> bool:
        if node.tag == "tag:yaml.org,2002:bool":
            return _YAML_BOOLEANS[node.value.lower()]
        self.complain(node, f"{name} must be true or false, not {_kind(node)}")
        return True

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

    def place(self, node: Node) -> Text:
        return Text(node.value, self.shown, node.start_mark.line + 1, node.start_mark.column + 1)

    def complain(self, node: Node, message: str, hint: str = "") -> None:
        mark = node.start_mark
        self.problems.append(Problem(self.shown, mark.line + 1, mark.column + 1, message, hint))


def _is_null(node: Node) -> bool:
    return bool(node.tag == "tag:yaml.org,2002:null")


def _kind(node: Node) -> str:
    names = {"map": "a mapping", "seq": "a list", "str": "a string", "null": "nothing", "bool": "true or false"}
    return names.get(node.tag.rpartition(":")[2], "a number or another value")
