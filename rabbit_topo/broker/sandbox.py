"""A throwaway RabbitMQ: a node of its own on this machine that leaves no trace.

Management is on, the user is guest / guest, every port is free and on 127.0.0.1 only, and all files
lie in one temporary folder. Where we are root, the node runs as `nobody`. A guard process outlives
us: however we end, SIGKILL included, it ends the node and removes the folder.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

from rabbit_topo.broker.sandbox_host import answers, find_host, free_ports, make_folder, write_files
from rabbit_topo.errors import BrokerError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import FrameType

    from rabbit_topo.broker.sandbox_host import ServerTls

# Waits for the end of the pipe from its parent, whatever ends it.
_GUARD = """
trap '' HUP INT TERM
read -r line
for pid in $(cat "$1"/*.pid); do kill -9 "$pid"; done
for _ in 1 2 3 4 5 6 7 8 9; do rm -rf "$1" && break; sleep 0.1; done
"""
# Notes its own number before it becomes the program, so that the guard always knows it.
_START = 'echo $$ >&0; exec "$@" </dev/null'


class Sandbox:
    """A RabbitMQ node from `rabbitmq-server` of this machine, or of a whole system in the folder `root`.

    A context manager: `with Sandbox() as node: ...`. `plugins` come on top of `rabbitmq_management`;
    `timeout` is how many seconds the node may take until it answers on HTTP and AMQP. With `tls` it listens with
    TLS on two ports more. `definitions` are files by name that it loads at boot, in the order of their names; where
    there are some, RabbitMQ makes no user by itself, and they must hold guest. Raises BrokerError
    where no server is installed, where `root` is given and we are not root, and, with the end of its log,
    where the node does not come up.
    """

    def __init__(
        self,
        root: str | Path | None = None,
        *,
        plugins: Sequence[str] = (),
        timeout: float = 120.0,
        tls: ServerTls | None = None,
        definitions: Mapping[str, bytes] | None = None,
    ) -> None:
        self._host = find_host(Path(root).resolve() if root is not None else None)
        self._plugins = tuple(plugins)
        self._timeout = timeout
        self._tls = tls
        self._definitions = definitions
        self._ports = free_ports()
        self._guard: subprocess.Popen[bytes] | None = None
        self._epmd: subprocess.Popen[bytes] | None = None
        self._node: subprocess.Popen[bytes] | None = None
        self.folder: Path | None = None
        self.version = ""

    @property
    def broker_url(self) -> str:
        """The management URL, without credentials."""
        return f"http://127.0.0.1:{self._ports.http}"

    @property
    def amqp_url(self) -> str:
        """The AMQP URL, without credentials."""
        return f"amqp://127.0.0.1:{self._ports.amqp}"

    @property
    def broker_tls_url(self) -> str:
        """The management URL with TLS, without credentials. Nobody listens there without `tls`."""
        return f"https://127.0.0.1:{self._ports.https}"

    @property
    def amqp_tls_url(self) -> str:
        """The AMQP URL with TLS, without credentials. Nobody listens there without `tls`."""
        return f"amqps://127.0.0.1:{self._ports.amqps}"

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes that run now: the node and its port mapper."""
        return tuple(process.pid for process in (self._node, self._epmd) if process)

    def __enter__(self) -> Self:
        """Start the node and wait until it answers."""
        try:
            self._open()
            self.start_node()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Remove every trace."""
        self.close()

    def start_node(self) -> None:
        """Start the node on the same ports and data as before; come back when it answers. Raises BrokerError."""
        self._node = self._launch("node", self._host.server())
        deadline = time.monotonic() + self._timeout
        while not (version := answers(self._ports, tls=self._tls is not None)):
            if self._node.poll() is not None:
                raise BrokerError(f"the sandbox's RabbitMQ ended with code {self._node.returncode}", self._log_tail())
            if time.monotonic() > deadline:
                raise BrokerError(f"the sandbox's RabbitMQ gave no answer in {self._timeout:g} s", self._log_tail())
            time.sleep(0.1)
        self.version = version

    def stop_node(self) -> None:
        """Stop the node as an administrator would; its data stays for `start_node`."""
        self._end_node(signal.SIGTERM)

    def kill(self) -> None:
        """End the node as a power cut would; its data stays for `start_node`."""
        self._end_node(signal.SIGKILL)

    def wait(self) -> None:
        """Wait until the node ends by itself, and raise BrokerError then."""
        if self._node:
            code = self._node.wait()
            raise BrokerError(f"the sandbox's RabbitMQ ended with code {code}", self._log_tail())

    def close(self) -> None:
        """End the node and its port mapper and remove the folder. May be called again."""
        self.kill()
        if self._epmd:
            self._end("epmd", self._epmd, signal.SIGKILL)
            self._epmd = None
        if self._guard:
            self._guard.communicate()
            self._guard = None
        self.folder = None

    def _open(self) -> None:
        epmd = self._host.epmd()
        self._host.server()  # says so before anything is made where there is none
        self.folder = make_folder(self._host)
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", _GUARD, "sh", str(self.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        write_files(
            self.folder / "home", self._host, self._ports, self._plugins, self._tls, definitions=self._definitions
        )
        self._epmd = self._launch("epmd", epmd, "-port", str(self._ports.epmd), "-address", "127.0.0.1")

    def _launch(self, name: str, *program: str) -> subprocess.Popen[bytes]:
        if self.folder is None:
            raise BrokerError("the sandbox is closed")
        home = self.folder / "home"
        owner = None if self._host.root else self._host.owner  # chroot changes the user itself
        with (self.folder / "log").open("ab") as log, (self.folder / f"{name}.pid").open("wb") as pid:
            return subprocess.Popen(
                ["/bin/sh", "-c", _START, "sh", *self._host.command(home, program)],
                env=self._host.environment(home, self._ports),
                cwd=home,
                stdin=pid,
                stdout=log,
                stderr=log,
                start_new_session=True,
                user=owner and owner[0],
                group=owner and owner[1],
                extra_groups=owner and [],
            )

    def _end_node(self, how: signal.Signals) -> None:
        if self._node:
            self._end("node", self._node, how)
            self._node = None

    def _end(self, name: str, process: subprocess.Popen[bytes], how: signal.Signals) -> None:
        process.send_signal(how)
        try:
            process.wait(self._timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if self.folder:  # its number may soon be somebody else's
            (self.folder / f"{name}.pid").unlink(missing_ok=True)

    def _log_tail(self) -> str:
        if self.folder is None:
            return ""
        lines = (self.folder / "log").read_text(encoding="utf-8", errors="replace").splitlines()
        return "the end of its log:\n" + "\n".join(lines[-15:])


class _Ended(BaseException):
    """SIGINT or SIGTERM came; a BaseException, as KeyboardInterrupt is, so that it passes every handler."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def _signals() -> Iterator[None]:
    """Turn the first SIGINT or SIGTERM into `_Ended`, and ignore the ones that come while we clean up."""
    both = (signal.SIGINT, signal.SIGTERM)

    def end(number: int, _frame: FrameType | None) -> None:
        for each in both:
            signal.signal(each, signal.SIG_IGN)
        raise _Ended(number)

    before = [signal.signal(each, end) for each in both]
    try:
        yield
    finally:
        for each, handler in zip(both, before, strict=True):
            signal.signal(each, handler)


def run(command: Sequence[str] = (), *, announce: Callable[[Sandbox], None] | None = None, grace: float = 10.0) -> int:
    """Run COMMAND beside a throwaway node and answer its exit code; without a command, stay up until a signal comes.

    COMMAND finds the node in RABBIT_TOPO_BROKER and RABBIT_TOPO_AMQP. `announce` is called once, when the node
    answers. A signal is 128 + its number: 130 for Ctrl-C, 143 for SIGTERM, or what ended COMMAND; it is passed on
    to COMMAND, which has `grace` seconds to end. Call it from the main thread. Raises UsageError where COMMAND
    does not exist, before anything is started, and BrokerError as `Sandbox` does.
    """
    if command and shutil.which(command[0]) is None:
        raise UsageError(f"there is no command {command[0]}", "write it after --, as you would type it in a shell")
    try:
        with _signals(), Sandbox() as node:
            if announce:
                announce(node)
            if not command:
                node.wait()
                return 0
            return _run_beside(node, command, grace)
    except _Ended as end:
        return 128 + end.number


def _run_beside(node: Sandbox, command: Sequence[str], grace: float) -> int:
    urls = {"RABBIT_TOPO_BROKER": node.broker_url, "RABBIT_TOPO_AMQP": node.amqp_url}
    process = subprocess.Popen(list(command), env={**os.environ, **urls})
    try:
        code = process.wait()
    except _Ended as end:
        # Ctrl-C on a terminal has reached COMMAND already, and twice means "at once" to many programs.
        if end.number != signal.SIGINT or not os.isatty(0):
            process.send_signal(end.number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(grace)
        raise
    finally:
        process.kill()
        process.wait()
    return code if code >= 0 else 128 - code
