"""What flags and environment say about the way in: user, password, TLS files, time-out."""

from __future__ import annotations

import math
import os
import stat
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rabbit_topo.broker.target import Target, Tls
from rabbit_topo.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_MAX_PASSWORD_BYTES = 65_536
LONGEST_TIMEOUT = 86_400  # seconds: a day


@dataclass(frozen=True, slots=True)
class Flags:
    """The flags of the command line that say how to log in; None where one is not given."""

    username: str | None = None
    password_file: str | None = None
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    timeout: float | None = None


@dataclass(frozen=True, slots=True, repr=False)
class WayIn:
    """What the levels above the configuration say; None where they are silent."""

    username: str | None
    password: str | None
    tls: Tls
    timeout: float | None

    def into(self, target: Target) -> Target:
        """Give it to a target. Our certificate and its key are one thing: they come from one level."""
        tls = replace(target.tls, ca_file=self.tls.ca_file or target.tls.ca_file)
        if self.tls.cert_file:
            tls = replace(tls, cert_file=self.tls.cert_file, key_file=self.tls.key_file)
        return replace(
            target,
            username=self.username or target.username,
            password=self.password or target.password,
            tls=tls,
            timeout=self.timeout or target.timeout,
        )


def way_in(cwd: Path, environ: Mapping[str, str], flags: Flags, warnings: list[str]) -> WayIn:
    """Read flags and variables; relative paths start at `cwd`. Raises UsageError."""
    user = flags.username or environ.get("RABBIT_TOPO_USERNAME") or None
    timeout = None
    if flags.timeout is not None:
        timeout = check_timeout(flags.timeout, "--timeout")
    elif text := environ.get("RABBIT_TOPO_TIMEOUT"):
        timeout = check_timeout(text, "RABBIT_TOPO_TIMEOUT")
    return WayIn(user, _password(cwd, environ, flags, warnings), _tls(cwd, environ, flags), timeout)


def check_timeout(value: float | str, what: str) -> float:
    """Return a number of seconds. Raises UsageError."""
    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= LONGEST_TIMEOUT:
        raise UsageError(f"{what} is not a number of seconds", f"more than 0 and at most {LONGEST_TIMEOUT}, such as 30")
    return seconds


def _tls(cwd: Path, environ: Mapping[str, str], flags: Flags) -> Tls:
    def variable(name: str) -> str | None:
        return environ.get(f"RABBIT_TOPO_{name}_FILE") or None

    def found(given: str | None, what: str) -> str | None:
        if given is None:
            return None
        if not (cwd / given).is_file():
            raise UsageError(f"{what}: there is no file {given}")
        return str(cwd / given)

    ca_file = found(flags.ca_file, "--ca-file") or found(variable("CA"), "RABBIT_TOPO_CA_FILE")
    if flags.cert_file or flags.key_file:
        pair, names = (flags.cert_file, flags.key_file), ("--cert-file", "--key-file")
    else:
        pair, names = (variable("CERT"), variable("KEY")), ("RABBIT_TOPO_CERT_FILE", "RABBIT_TOPO_KEY_FILE")
    if pair[1] and not pair[0]:
        raise UsageError(f"{names[1]} is given without {names[0]}", "the key's certificate is needed too")
    return Tls(ca_file, found(pair[0], names[0]), found(pair[1], names[1]))


def _password(cwd: Path, environ: Mapping[str, str], flags: Flags, warnings: list[str]) -> str | None:
    if flags.password_file:
        return read_password(cwd / flags.password_file, "--password-file", warnings)
    password = environ.get("RABBIT_TOPO_PASSWORD") or None
    file = environ.get("RABBIT_TOPO_PASSWORD_FILE") or None
    if password and file:
        raise UsageError("RABBIT_TOPO_PASSWORD and RABBIT_TOPO_PASSWORD_FILE are both set", "keep one of them")
    return read_password(cwd / file, "RABBIT_TOPO_PASSWORD_FILE", warnings) if file else password


def read_password(path: Path, what: str, warnings: list[str]) -> str:
    """Return the one line that the file holds, less its line end."""
    try:
        with path.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            data = stream.read(_MAX_PASSWORD_BYTES)
        text = data.decode().removesuffix("\n").removesuffix("\r")
    except OSError as error:
        raise UsageError(f"cannot read {path} ({what}): {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} ({what}) is not UTF-8 text") from None
    if not text or "\n" in text:
        reason = "is empty" if not text else "holds more than one line"
        raise UsageError(f"{path} ({what}) {reason}", "it must hold the password and nothing else")
    if os.name == "posix" and stat.S_ISREG(mode) and mode & (stat.S_IRGRP | stat.S_IROTH):
        warnings.append(f"{path} can be read by other users: chmod 600 it")
    return text
