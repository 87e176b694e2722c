"""Settle which files and which broker a command works on."""

from __future__ import annotations

import os.path
import stat
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

from rabbit_topo.broker.address import no_url, parse_addresses, resembles_url, split_addresses
from rabbit_topo.broker.target import DEFAULT, Target, Tls
from rabbit_topo.config.file import CONFIG_NAME, find_upwards, read
from rabbit_topo.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rabbit_topo.config.file import ConfigFile, Environment

_MAX_PASSWORD_BYTES = 65_536
_Urls: TypeAlias = tuple[str | None, str | None]


@dataclass(frozen=True, slots=True)
class Sources:
    """What needs no broker: the topology's files, relative to `cwd`, and the configuration they come from."""

    sources: tuple[str, ...]
    config_file: str | None


@dataclass(frozen=True, slots=True)
class Settings:
    """The files, the broker, and what deserves a warning. `environment` is the configured one in use."""

    sources: tuple[str, ...]
    target: Target
    warnings: tuple[str, ...]
    config_file: str | None
    environment: str | None


@dataclass(frozen=True, slots=True)
class _Login:
    """Credentials; those of the levels above the configuration, to begin with."""

    username: str | None
    password: str | None


def resolve_sources(*, cwd: Path, environ: Mapping[str, str], config_path: str | None) -> Sources:
    """Find the topology's files for a command that talks to no broker: no environment need be chosen.

    Raises UsageError or InputError for a configuration that is wrong.
    """
    return _sources(_find(cwd, environ, config_path), cwd, environ)


def resolve(
    *,
    cwd: Path,
    environ: Mapping[str, str],
    config_path: str | None,
    env: str | None,
    broker: str | None,
    amqp: str | None,
    username: str | None,
    password_file: str | None,
) -> Settings:
    """Combine flags, environment and configuration file; the two URLs are one set, never mixed.

    Relative paths of flags and variables start at `cwd`, those of the configuration at its folder;
    `sources` and a definitions file come back relative to `cwd`.
    Raises UsageError, or InputError for problems with a place in the configuration file.
    """
    config = _find(cwd, environ, config_path)
    files = _sources(config, cwd, environ)
    warnings: list[str] = []
    login = _login(cwd, environ, username, password_file, warnings)
    named = _named(config, env or environ.get("RABBIT_TOPO_ENV") or None)
    urls = _urls_above(environ, env, broker, amqp)
    environment = None if urls else named or _only(config)
    if urls:
        target = _target(urls, login, cwd, cwd)
        if broker or amqp:
            warnings += _password_warnings(broker, amqp)
        if named:
            origin = "the command line" if broker or amqp else "the environment"
            warnings.append(f"environment {named.place.raw} is not used: {origin} gives a URL")
    elif environment and config:
        target = _configured(config, environment, cwd, environ, login=login, warnings=warnings)
    else:
        target = Target(DEFAULT, None, login.username, login.password)
    target = replace(target, target_version=config.target_version if config else "")
    used = environment.place.raw if environment else None
    return Settings(files.sources, target, tuple(warnings), files.config_file, used)


def _urls_above(environ: Mapping[str, str], env: str | None, broker: str | None, amqp: str | None) -> _Urls | None:
    """Return the URLs of the flags, else of the variables; None leaves them to the configuration."""
    if broker or amqp:
        return broker, amqp
    variables = (environ.get("RABBIT_TOPO_BROKER") or None, environ.get("RABBIT_TOPO_AMQP") or None)
    if not any(variables):
        return None
    if env:
        # a flag outranks a variable, yet a sandbox's variables must never be left for a configured broker
        variable = "RABBIT_TOPO_BROKER" if variables[0] else "RABBIT_TOPO_AMQP"
        message = f"two targets are named: --env {env} and the variable {variable}"
        raise UsageError(message, f"unset {variable}, or leave --env out")
    return variables


def _configured(
    config: ConfigFile,
    environment: Environment,
    cwd: Path,
    environ: Mapping[str, str],
    *,
    login: _Login,
    warnings: list[str],
) -> Target:
    """Take the target from one configured environment; a login from above beats its own."""
    folder = config.path.parent
    texts = {name: text for name, text in environment.texts.items() if not (login.password and "password" in name)}
    values = {name: text.expand(environ) for name, text in texts.items()}
    password = login.password or values.get("password")
    if "password_file" in values:
        password = _read_password(folder / values["password_file"], f"password_file of {config.shown}", warnings)
    pem = {name: folder / text.expand(environ) for name, text in environment.tls.items()}
    for name, path in pem.items():
        if not path.is_file():
            raise InputError([environment.tls[name].problem(f"{name}: there is no such file", str(path))])
    if not environment.verify:
        warnings.append(f"environment {environment.place.raw} does not verify the broker's certificate")
    target = _target(
        (values.get("broker"), values.get("amqp")),
        _Login(login.username or values.get("username"), password),
        folder,
        cwd,
    )
    return replace(target, tls=Tls(**{name: str(path) for name, path in pem.items()}, verify=environment.verify))


def _find(cwd: Path, environ: Mapping[str, str], config_path: str | None) -> ConfigFile | None:
    """Read the configuration that is named, else the nearest one, else none."""
    named = config_path or environ.get("RABBIT_TOPO_CONFIG") or None
    if named is not None:
        return read(cwd / named, named)
    found = find_upwards(cwd)
    return read(found, _shown(found, cwd)) if found else None


def _sources(config: ConfigFile | None, cwd: Path, environ: Mapping[str, str]) -> Sources:
    if config is None:
        return Sources((), None)
    folder = config.path.parent
    written = [text.expand(environ) for text in config.sources]
    return Sources(tuple(_shown(folder / path, cwd, folder=path.endswith("/")) for path in written), config.shown)


def _named(config: ConfigFile | None, name: str | None) -> Environment | None:
    if name is None:
        return None
    if config is None:
        raise UsageError(f"there is no {CONFIG_NAME} here or above to find environment {name} in")
    if name not in config.environments:
        known = ", ".join(sorted(config.environments)) or "none"
        raise UsageError(f"{config.shown} has no environment {name}", f"it has: {known}")
    return config.environments[name]


def _only(config: ConfigFile | None) -> Environment | None:
    """Return the one environment there is; several need a choice."""
    environments = config.environments if config else {}
    if config and len(environments) > 1:
        names = ", ".join(sorted(environments))
        raise UsageError(f"{config.shown} has several environments: {names}", "choose one with --env NAME")
    return next(iter(environments.values()), None)


def _login(
    cwd: Path, environ: Mapping[str, str], username: str | None, password_file: str | None, warnings: list[str]
) -> _Login:
    user = username or environ.get("RABBIT_TOPO_USERNAME") or None
    if password_file:
        return _Login(user, _read_password(cwd / password_file, "--password-file", warnings))
    password = environ.get("RABBIT_TOPO_PASSWORD") or None
    file = environ.get("RABBIT_TOPO_PASSWORD_FILE") or None
    if password and file:
        raise UsageError("RABBIT_TOPO_PASSWORD and RABBIT_TOPO_PASSWORD_FILE are both set", "keep one of them")
    if file:
        password = _read_password(cwd / file, "RABBIT_TOPO_PASSWORD_FILE", warnings)
    return _Login(user, password)


def _read_password(path: Path, what: str, warnings: list[str]) -> str:
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


def _target(urls: _Urls, login: _Login, folder: Path, cwd: Path) -> Target:
    """Check the two URLs. A definitions file is looked for in `folder` and spelled from `cwd`."""
    broker, amqp = urls
    target = Target(broker or None, amqp or None, login.username, login.password)
    if amqp:
        parse_addresses(amqp, target, ("amqp", "amqps"), "--amqp")
    if not broker:
        return target
    if "://" in broker:
        parse_addresses(broker, target, ("http", "https"), "--broker")
    elif (folder / broker).is_dir():
        raise UsageError(
            f"{folder / broker} is a folder, and no broker",
            "a broker is a URL or a definitions file; topology files and folders are named without --broker",
        )
    elif not (folder / broker).exists() and resembles_url(broker):
        raise no_url("--broker", ("http", "https"))
    elif not (folder / broker).is_file():
        raise UsageError(
            f"there is no definitions file {folder / broker}",
            "the URL of a broker begins with http:// or https://; an empty broker is a file that holds {}",
        )
    elif folder != cwd:
        return replace(target, broker=_shown(folder / broker, cwd))
    return target


def _password_warnings(*lists: str | None) -> list[str]:
    for urls in lists:
        if urls and "://" in urls and any(urlsplit(url).password for url in split_addresses(urls)):
            return ["a password in a URL on the command line can be seen by others: use --password-file"]
    return []


def _shown(path: Path, cwd: Path, *, folder: bool = False) -> str:
    """Spell a path from `cwd`, as a person there would."""
    try:
        text = os.path.relpath(path, cwd)
    except ValueError:  # another drive
        text = str(path)
    return f"{text}/" if folder else text
