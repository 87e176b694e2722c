"""Settle which files and which broker a command works on."""

from __future__ import annotations

import os.path
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

from rabbit_topo.broker.address import no_url, parse_addresses, resembles_url
from rabbit_topo.broker.target import DEFAULT, Expected, Target, Tls, split_addresses
from rabbit_topo.config.file import LintSettings, find_upwards
from rabbit_topo.config.login import Flags, read_password, way_in
from rabbit_topo.config.reading import read
from rabbit_topo.errors import InputError, UsageError
from rabbit_topo.filenames import CONFIG_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rabbit_topo.config.file import ConfigFile, Environment
    from rabbit_topo.config.login import WayIn

_Urls: TypeAlias = tuple[str | None, str | None]


@dataclass(frozen=True, slots=True)
class Sources:
    """What needs no broker: the topology's files, relative to `cwd`, and the configuration they come from.

    `target_version` is the release of RabbitMQ that the files are for, empty where the configuration does not say.
    `plugins` are those that its broker is said to have, None where nobody says. `lint` is what the linter is told; its
    `baseline` is relative to `cwd`.
    """

    sources: tuple[str, ...]
    config_file: str | None
    target_version: str = ""
    plugins: tuple[str, ...] | None = None
    lint: LintSettings = field(default_factory=LintSettings)


@dataclass(frozen=True, slots=True)
class Settings:
    """The files, the broker, and what deserves a warning. `environment` is the configured one in use."""

    sources: tuple[str, ...]
    target: Target
    warnings: tuple[str, ...]
    config_file: str | None
    environment: str | None
    lock_name: str = ""


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
    flags: Flags = Flags(),  # noqa: B008 - a frozen value
    login: Mapping[str, str] | None = None,
) -> Settings:
    """Combine flags, environment and configuration file; the two URLs are one set, never mixed.

    `login` are the variables that may name a broker and log in to it, all of `environ` where None are given; what
    stands in the configuration as `${VAR}` is filled in from `environ`.
    Relative paths of flags and variables start at `cwd`, those of the configuration at its folder;
    `sources` and a definitions file come back relative to `cwd`.
    Raises UsageError, or InputError for problems with a place in the configuration file.
    """
    config = _find(cwd, environ, config_path)
    files = _sources(config, cwd, environ)
    warnings: list[str] = []
    variables = environ if login is None else login
    above = way_in(cwd, variables, flags, warnings)
    named = _named(config, env or variables.get("RABBIT_TOPO_ENV") or None)
    urls = _urls_above(variables, env, broker, amqp)
    environment = None if urls else named or _only(config)
    if urls:
        target = _checked(above.into(_target(urls, Target(), cwd, cwd)))
        if broker or amqp:
            warnings += _password_warnings(broker, amqp)
        if named:
            origin = "the command line" if broker or amqp else "the environment"
            warnings.append(f"environment {named.place.raw} is not used: {origin} gives a URL")
    elif environment and config:
        target = _configured(config, environment, cwd, environ, above=above, warnings=warnings)
    else:
        target = above.into(Target(DEFAULT))
    if config:
        target = replace(target, target_version=config.target_version, project=config.project)
    if (flags.ca_file or flags.cert_file or (environment and environment.tls)) and not _is_secure(target):
        warnings.append("TLS files are given, and no URL begins with https:// or amqps://: nothing is encrypted")
    used = environment.place.raw if environment else None
    return Settings(files.sources, target, tuple(warnings), files.config_file, used, config.lock_name if config else "")


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
    above: WayIn,
    warnings: list[str],
) -> Target:
    """Take the target from one configured environment; what the levels above say beats its own."""
    folder = config.path.parent
    texts = {name: text for name, text in environment.texts.items() if not (above.password and "password" in name)}
    values = {name: text.expand(environ) for name, text in texts.items()}
    password = values.get("password")
    if "password_file" in values:
        password = read_password(folder / values["password_file"], f"password_file of {config.shown}", warnings)
    pem = {name: folder / text.expand(environ) for name, text in environment.tls.items()}
    for name, path in pem.items():
        if not path.is_file():
            raise InputError([environment.tls[name].problem(f"{name}: there is no such file", str(path))])
    if not environment.verify:
        warnings.append(f"environment {environment.place.raw} does not verify the broker's certificate")
    configured = Target(
        username=values.get("username"),
        password=password,
        tls=Tls(**{name: str(path) for name, path in pem.items()}, verify=environment.verify),
        timeout=environment.timeout or Target().timeout,
        expected=_expected(environment, environ),
    )
    return _checked(above.into(_target((values.get("broker"), values.get("amqp")), configured, folder, cwd)))


def _expected(environment: Environment, environ: Mapping[str, str]) -> Expected:
    said = {name: text.expand(environ) for name, text in environment.expect.items()}
    tags = tuple(sorted((name, text.expand(environ)) for name, text in environment.tags.items()))
    if not (said or tags):
        return Expected()
    first = min((*environment.expect.values(), *environment.tags.values()), key=lambda text: (text.line, text.column))
    where = f"{first.file}:{first.line}:{first.column}"
    return Expected(said.get("cluster_name", ""), said.get("version", ""), tags, where)


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
    sources = tuple(_shown(folder / path, cwd, folder=path.endswith("/")) for path in written)
    return Sources(sources, config.shown, config.target_version, config.plugins, _lint(config, cwd, environ))


def _lint(config: ConfigFile, cwd: Path, environ: Mapping[str, str]) -> LintSettings:
    lint = config.lint
    if lint.baseline is None:
        return lint.settings
    return replace(lint.settings, baseline=_shown(config.path.parent / lint.baseline.expand(environ), cwd))


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


def _target(urls: _Urls, target: Target, folder: Path, cwd: Path) -> Target:
    """Give two URLs to a target. A definitions file is looked for in `folder` and spelled from `cwd`."""
    broker, amqp = urls
    target = replace(target, broker=broker or None, amqp=amqp or None)
    if not broker or "://" in broker:
        return target
    if (folder / broker).is_dir():
        raise UsageError(
            f"{folder / broker} is a folder, and no broker",
            "a broker is a URL or a definitions file; topology files and folders are named without --broker",
        )
    if not (folder / broker).exists() and resembles_url(broker):
        raise no_url("--broker", ("http", "https"))
    if not (folder / broker).is_file():
        raise UsageError(
            f"there is no definitions file {folder / broker}",
            "the URL of a broker begins with http:// or https://; an empty broker is a file that holds {}",
        )
    return target if folder == cwd else replace(target, broker=_shown(folder / broker, cwd))


def _checked(target: Target) -> Target:
    """Read the URLs as the roads will. Raises UsageError."""
    if target.amqp:
        parse_addresses(target.amqp, target, ("amqp", "amqps"), "--amqp")
    if target.broker and "://" in target.broker:
        parse_addresses(target.broker, target, ("http", "https"), "--broker")
    return target


def _is_secure(target: Target) -> bool:
    return any(
        url.lower().startswith(("https:", "amqps:"))
        for urls in (target.broker, target.amqp)
        for url in split_addresses(urls or "")
    )


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
