"""The road that needs no server: a RabbitMQ `definitions.json` taken for the broker."""

from __future__ import annotations

import json
import os
import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rabbit_topo.atomic import draft
from rabbit_topo.broker.address import no_url, resembles_url
from rabbit_topo.broker.definitions_state import Malformed, State
from rabbit_topo.broker.expected import IN_A_FILE, cluster_tags, refuse_another
from rabbit_topo.broker.lock import BY_FILE
from rabbit_topo.broker.target import Expected
from rabbit_topo.errors import BrokerError, UsageError
from rabbit_topo.model import (
    Binding,
    Counts,
    Exchange,
    Facts,
    Inventory,
    Kind,
    Observed,
    Policy,
    Queue,
    Topology,
    Vhost,
    parameter_name,
)
from rabbit_topo.plan.operations import Declare, Done, Failed, NotAttempted, Recreate

try:
    import fcntl
except ImportError:  # pragma: no cover  (no such thing on Windows)
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rabbit_topo.broker.lock import Wait
    from rabbit_topo.model import Key, Resource
    from rabbit_topo.plan.operations import Operation, Outcome

NEWEST = "4.3"
EMPTY = Counts(0, 0, 0)
NOTHING = Expected()
_VERSIONS = ("rabbitmq_version", "rabbit_version")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
CHANGED = "the file was changed by somebody else since it was read; nothing was written"


class Definitions:
    """A definitions file as a broker. Raises `UsageError` where there is no such file.

    The file's own version counts, else `target_version`, else the newest that is supported.
    """

    def __init__(self, path: str, target_version: str = "", expected: Expected = NOTHING, project: str = "") -> None:
        """Nothing is read yet."""
        if not Path(path).is_file():
            if resembles_url(path) and not Path(path).exists():
                raise no_url("--broker", ("http", "https"))
            what = "is no file" if Path(path).exists() else "does not exist"
            raise UsageError(
                f"{path} {what}", "a broker is a URL (http://host:15672) or a definitions file; `{}` is an empty one"
            )
        self.path = path
        self._target_version = target_version
        self._expected = expected
        self._project = project
        self._seen: bytes | None = None
        self._state: State | None = None
        self._home = "/"

    @property
    def document(self) -> tuple[dict[str, Any], str]:
        """What the file says, and the vhost of what names none in it."""
        state = self._state or self._read()
        return state.document, state.home

    @property
    def tells_version(self) -> bool:
        """Whether the file says which broker it is of."""
        return any(map(self.document[0].get, _VERSIONS))

    def observe(self, declared: Topology) -> Observed:
        """Read the file. Raises `UsageError` where it is no definitions file."""
        vhosts = declared.vhosts
        self._home = vhosts[0] if len(vhosts) == 1 else "/"
        state = self._read()
        document = state.document
        told = str(next(filter(None, map(document.get, _VERSIONS)), ""))
        cluster_name = str(document.get("original_cluster_name") or state.global_parameter("cluster_name") or "")
        refuse_another(
            self._expected,
            self.path,
            cluster_name=cluster_name,
            version=told,
            tags=cluster_tags(state.global_parameter("cluster_tags")),
            why_untold=IN_A_FILE,
        )
        looked_at = {
            key: one for key, one in state.resources.items() if key.vhost in state.vhosts and key.vhost in vhosts
        }
        resources: dict[Any, Resource] = {key: one for key, one in looked_at.items() if not _servers_own(one)}
        facts = Facts(
            target=self.path,
            version=told or self._target_version or NEWEST,
            cluster_name=cluster_name,
            vhosts=state.vhosts,
            unlisted=frozenset(key.vhost for key in state.resources) - state.vhosts,
            default_queue_types={vhost: state.default_types.get(vhost, "classic") for vhost in state.vhosts},
            counts={key: EMPTY for key in resources if key.kind is Kind.QUEUE},
            operator_policies=tuple(policy for policy in state.operator_policies if policy.vhost in vhosts),
            hidden=tuple(one for one in looked_at.values() if isinstance(one, Queue) and _is_server_named(one.key)),
            hidden_bindings=tuple(
                one for one in looked_at.values() if isinstance(one, Binding) and _is_server_named(one.destination_key)
            ),
            writes_null=False,
            road="file",
            tells_internal=_tells_internal(document),
            inventory=Inventory.read(self._project, vhosts, state.global_values()) if self._project else None,
        )
        return Observed(Topology(resources=resources), facts)

    def execute(self, wave: Sequence[Operation]) -> Iterator[Outcome]:
        """Change the file, once for the whole wave; see `Broker.execute`."""
        try:
            self._compare()
            state = self._state or self._read()
        except _ChangedError:
            yield from (Failed(operation, CHANGED, "run again") for operation in wave)
            return
        except (OSError, UsageError) as error:
            yield from (NotAttempted(operation, f"{self.path} cannot be read: {error}") for operation in wave)
            return
        reasons = [_carry_out(state, operation) for operation in wave]
        try:
            state.rewrite()
            self._write(state.document)
        except _ChangedError:
            self._state = None
            yield from (Failed(operation, CHANGED, "run again") for operation in wave)
            return
        except (OSError, ValueError) as error:
            self._state = None
            yield from (Failed(operation, f"{self.path} cannot be written: {error}") for operation in wave)
            return
        for operation, reason in zip(wave, reasons, strict=True):
            yield Failed(operation, reason) if reason else Done(operation)

    def lock(self, _vhosts: Sequence[str], _wait: Wait) -> str:
        """Say that a file has no lock; see `Broker.lock`."""
        return BY_FILE

    def pulse(self) -> None:
        """There is no lock to lose."""

    def remember(self, inventory: Inventory, vhosts: Sequence[str]) -> None:
        """Write the inventory into the file's global parameters; see `Broker.remember`."""
        try:
            self._compare()
            state = self._state or self._read()
            for vhost in vhosts:
                state.set_global_parameter(parameter_name(inventory.project, vhost), inventory.value(vhost))
            self._write(state.document)
        except _ChangedError:
            self._state = None
            raise BrokerError(f"{self.path}: {CHANGED}", "run again") from None
        except (OSError, ValueError) as error:
            self._state = None
            raise BrokerError(f"{self.path} cannot be written: {error}") from None

    def close(self) -> None:
        """Nothing is left to do: every wave was written."""

    def _read(self) -> State:
        try:
            self._seen = Path(self.path).read_bytes()
            text = self._seen.decode("utf-8-sig")
            document = json.loads(text, parse_constant=_no_constant)
        except OSError as error:
            raise UsageError(f"{self.path} cannot be read: {error.strerror or error}") from None
        except json.JSONDecodeError as error:
            message = f"{self.path}:{error.lineno}:{error.colno}: no JSON: {error.msg}"
            raise UsageError(message, self._hint()) from None
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{self.path}:1:1: no JSON: {error}", self._hint()) from None
        if not isinstance(document, dict):
            raise UsageError(f"{self.path}:1:1: no definitions file: it holds no JSON object", self._hint())
        if half := _half_a_character(text, document):
            raise UsageError(f"{self.path}: no definitions file: {half} is half of a character, which no broker holds")
        try:
            self._state = State(document, self._home)
        except Malformed as error:
            raise UsageError(f"{self.path}: no definitions file: {error}") from None
        return self._state

    def _hint(self) -> str:
        if Path(self.path).suffix in {".yaml", ".yml"}:
            return "topology files are given without --broker, which names the broker that they are compared with"
        return "a definitions file is what `rabbitmqctl export_definitions` writes; `{}` is an empty broker"

    def _compare(self) -> None:
        """Raise `_ChangedError` where the file is not what was read."""
        if self._seen is not None and Path(self.path).read_bytes() != self._seen:
            raise _ChangedError

    def _write(self, document: dict[str, Any]) -> None:
        """Put a new file in the old one's place, all at once; a link stays a link, mode and owner stay.

        Raises `_ChangedError` where it is another file by now, or somebody else is about to replace it.
        """
        before = (self._seen or b"").decode("utf-8-sig")
        after = _dump(document, before).encode()
        if after == self._seen:
            return
        real = Path(self.path).resolve()
        made = draft(real, after)
        try:
            with _sole_writer(real):
                self._compare()
                made.replace(real)
        except BaseException:
            made.unlink(missing_ok=True)
            raise
        self._seen = after


class _ChangedError(Exception):
    """The file is not the one that was read."""


@contextmanager
def _sole_writer(path: Path) -> Iterator[None]:
    """Keep other writers of this kind from replacing the file meanwhile. Raises `_ChangedError` where one is at it.

    The lock is on the file itself, so that none is left behind; one on a file that was replaced before it was locked
    keeps nobody away, and counts as a change.
    """
    with path.open("rb") as file:
        if fcntl is not None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise _ChangedError from None
            except OSError:  # a file system that knows no locks: the comparison alone must do
                pass
            if not os.path.samestat(os.fstat(file.fileno()), path.stat()):
                raise _ChangedError
        yield


def _carry_out(state: State, operation: Operation) -> str:
    if isinstance(operation, Declare):
        return state.declare(operation.resource)
    if isinstance(operation, Recreate):
        if not operation.resumed:
            return state.replace(operation.after)
        lacking = [one for one in (operation.after, *operation.restore) if one.key not in state.resources]
        reasons = [state.declare(one) for one in lacking]
        return next(filter(None, reasons), "") or state.remove(operation.cause.key)
    return state.remove(operation.key)


def _servers_own(resource: Resource) -> bool:
    match resource:
        case Queue():
            return _is_server_named(resource.key)
        case Exchange():
            return not resource.name
        case Binding():
            return not resource.source or _is_server_named(resource.destination_key)
        case Vhost() | Policy():
            return False


def _tells_internal(document: Mapping[str, Any]) -> bool:
    exchanges = document.get("exchanges")
    return not exchanges or any("internal" in item for item in exchanges)


def _is_server_named(key: Key) -> bool:
    return key.kind is Kind.QUEUE and key.name.startswith("amq.")


def _half_a_character(text: str, document: dict[str, Any]) -> str:
    r"""Return the first escape that stands for half of a surrogate pair (`\\ud800`); empty where there is none."""
    if _SURROGATE.search(text) is None:
        return ""
    try:
        json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        return f"\\u{ord(error.object[error.start]):04x}"
    return ""


def _no_constant(word: str) -> float:
    raise ValueError(f"{word} is no number in JSON")


def _dump(document: dict[str, Any], before: str) -> str:
    """Write in the manner of the file as it was: its indentation, its separators, its last newline."""
    indented = re.search(r"\n([ \t]+)\S", before)
    plain = not before.strip("{} \t\r\n")
    indent: str | None = indented.group(1) if indented else "  " if plain else None
    compact = indent is None and '": ' not in before
    text = json.dumps(
        document,
        indent=indent,
        separators=(",", ":") if compact else None,
        ensure_ascii=before.isascii() and "\\u" in before,
        allow_nan=False,
    )
    return text + "\n" if plain or before.endswith("\n") else text
