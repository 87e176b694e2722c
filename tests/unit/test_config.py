"""Which files, which broker, which login: three levels, and what is wrong with its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from rabbit_topo.broker.target import DEFAULT, Expected, Target, Tls
from rabbit_topo.config import Flags, LintSettings, Settings, resolve, resolve_sources
from rabbit_topo.errors import InputError, TopoError, UsageError

SCHEMA = json.loads((Path(__file__).parents[2] / "schemas" / "config.schema.json").read_text(encoding="utf-8"))
ONE = "environments:\n  dev: {broker: 'http://dev:15672', amqp: 'amqp://dev', username: deploy, password: 's3cret'}\n"
TWO = ONE + "  prod: {broker: 'https://prod:15671', username: '${PROD_USER}', password: '${PROD_PASSWORD}'}\n"


def settle(cwd: Path, text: str | None = None, environ: dict[str, str] | None = None, **flags: Any) -> Settings:
    """Resolve in `cwd`, with a configuration file of this text."""
    if text is not None:
        (cwd / "rabbit-topo.yaml").write_text(text, encoding="utf-8")
    names = ("config_path", "env", "broker", "amqp")
    given: dict[str, Any] = {name: flags.pop(name, None) for name in names}
    return resolve(cwd=cwd, environ=environ or {}, **given, flags=Flags(**flags))


def secret(folder: Path, text: str = "from-file\n", mode: int = 0o600, name: str = "pw") -> str:
    """Write a password file and return its name."""
    (folder / name).write_bytes(text.encode())
    (folder / name).chmod(mode)
    return name


def problems(cwd: Path, text: str, environ: dict[str, str] | None = None) -> list[str]:
    """Return the problems of a configuration, as shown."""
    with pytest.raises(InputError) as caught:
        settle(cwd, text, environ)
    return [str(problem) for problem in caught.value.problems]


def test_with_nothing_configured_it_is_the_broker_that_rabbitmqs_own_tools_use(tmp_path: Path) -> None:
    assert settle(tmp_path) == Settings((), Target(DEFAULT), (), None, None)


def test_a_login_given_beside_the_default_broker_is_used(tmp_path: Path) -> None:
    target = settle(tmp_path, environ={"RABBIT_TOPO_PASSWORD": "x"}, username="me").target
    assert (target.broker, target.username, target.password) == (DEFAULT, "me", "x")


def test_the_nearest_file_upwards_wins_and_nothing_is_merged(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "rabbit-topo.yaml").write_text(ONE, encoding="utf-8")
    (tmp_path / "a" / "rabbit-topo.yaml").write_text("sources: [topology/, x.yaml]\n", encoding="utf-8")
    settings = settle(inner)
    assert settings.sources == ("../topology/", "../x.yaml")
    assert settings.config_file == "../rabbit-topo.yaml"
    assert settings.target.broker == DEFAULT


@pytest.mark.parametrize("level", ["flag", "variable"])
def test_a_named_configuration_replaces_the_search(tmp_path: Path, level: str) -> None:
    (tmp_path / "other.yaml").write_text(ONE, encoding="utf-8")
    variable = {"RABBIT_TOPO_CONFIG": "other.yaml"} if level == "variable" else {"RABBIT_TOPO_CONFIG": "missing.yaml"}
    flags = {"config_path": "other.yaml"} if level == "flag" else {}
    settings = settle(tmp_path, "sources: [x]\n", variable, **flags)
    assert (settings.config_file, settings.environment, settings.sources) == ("other.yaml", "dev", ())


def test_one_environment_is_used_with_all_that_it_says(tmp_path: Path) -> None:
    settings = settle(tmp_path, ONE + "target_version: 4.10\n")
    assert settings.environment == "dev"
    assert settings.target == Target("http://dev:15672", "amqp://dev", "deploy", "s3cret", target_version="4.10")


def test_of_several_environments_one_must_be_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="several environments: dev, prod") as caught:
        settle(tmp_path, TWO)
    assert "--env" in caught.value.hint
    assert settle(tmp_path, TWO, env="dev").target.username == "deploy"
    assert settle(tmp_path, TWO, {"RABBIT_TOPO_ENV": "dev"}).environment == "dev"
    assert settle(tmp_path, TWO, broker="http://x").environment is None


def test_the_environment_flag_beats_the_variable(tmp_path: Path) -> None:
    environ = {"RABBIT_TOPO_ENV": "prod"}
    assert settle(tmp_path, TWO, environ, env="dev").environment == "dev"


def test_commands_without_a_broker_need_no_choice_and_no_password(tmp_path: Path) -> None:
    (tmp_path / "rabbit-topo.yaml").write_text("sources: ['${DIR}/']\n" + TWO, encoding="utf-8")
    found = resolve_sources(cwd=tmp_path, environ={"DIR": "topology"}, config_path=None)
    assert found.sources == ("topology/",)


def test_an_unknown_environment_is_refused_even_beside_a_url(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no environment prd") as caught:
        settle(tmp_path, TWO, env="prd", broker="http://x")
    assert "dev, prod" in caught.value.hint
    (tmp_path / "rabbit-topo.yaml").unlink()
    with pytest.raises(UsageError, match=r"no rabbit-topo\.yaml"):
        settle(tmp_path, env="prd")


def test_the_two_urls_are_one_set_and_the_configured_login_stays_with_its_own(tmp_path: Path) -> None:
    target = settle(tmp_path, ONE, broker="http://flag").target
    assert target == Target("http://flag")
    target = settle(tmp_path, ONE, {"RABBIT_TOPO_BROKER": "http://variable"}).target
    assert target == Target("http://variable")
    environ = {"RABBIT_TOPO_BROKER": "http://variable", "RABBIT_TOPO_AMQP": "amqp://variable"}
    assert settle(tmp_path, ONE, environ).target.amqp == "amqp://variable"
    assert settle(tmp_path, ONE, environ, broker="http://flag").target.amqp is None


def test_a_login_from_above_beats_the_configured_one(tmp_path: Path) -> None:
    environ = {"RABBIT_TOPO_USERNAME": "variable", "RABBIT_TOPO_PASSWORD": "variable-pw"}
    target = settle(tmp_path, ONE, environ).target
    assert (target.username, target.password) == ("variable", "variable-pw")
    target = settle(tmp_path, ONE, environ, username="flag", password_file=secret(tmp_path)).target
    assert (target.username, target.password) == ("flag", "from-file")


def test_an_empty_variable_is_no_variable(tmp_path: Path) -> None:
    names = ("BROKER", "AMQP", "USERNAME", "PASSWORD", "PASSWORD_FILE", "ENV", "CONFIG")
    environ = {f"RABBIT_TOPO_{name}": "" for name in names}
    assert settle(tmp_path, ONE, environ).target.username == "deploy"


def test_a_flag_and_a_variable_that_name_two_targets_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="two targets"):
        settle(tmp_path, TWO, {"RABBIT_TOPO_BROKER": "http://elsewhere"}, env="dev")


def test_an_environment_that_a_url_displaces_is_warned_about(tmp_path: Path) -> None:
    settings = settle(tmp_path, TWO, env="dev", broker="http://x")
    assert settings.warnings == ("environment dev is not used: the command line gives a URL",)


@pytest.mark.parametrize(
    ("text", "environ", "flags"),
    [
        (None, {}, {"amqp": "amqp://x"}),
        (None, {"RABBIT_TOPO_AMQP": "amqp://x"}, {}),
        ("environments: {dev: {amqp: 'amqp://x'}}\n", {}, {}),
        (ONE, {}, {"amqp": "amqp://x"}),
    ],
)
def test_amqp_alone_is_enough(tmp_path: Path, text: str | None, environ: dict[str, str], flags: dict[str, str]) -> None:
    target = settle(tmp_path, text, environ, **flags).target
    assert (target.broker, target.amqp) == (None, "amqp://x")


def test_a_definitions_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no definitions file .*broker\.json"):
        settle(tmp_path, broker="broker.json")
    (tmp_path / "broker.json").write_text("{}", encoding="utf-8")
    assert settle(tmp_path, broker="broker.json").target.broker == "broker.json"


def test_a_configured_definitions_file_lies_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "broker.json").write_text("{}", encoding="utf-8")
    (tmp_path / "rabbit-topo.yaml").write_text("environments: {f: {broker: broker.json}}\n", encoding="utf-8")
    inner = tmp_path / "inner"
    inner.mkdir()
    assert settle(inner).target.broker == "../broker.json"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"broker": "amqp://u:s3cret@x"}, "broker: the URL must begin with http:// or https://"),
        ({"broker": "http://u:s3cret@x:port"}, "--broker is not a URL"),
        ({"broker": "http://[u:s3cret@x"}, "--broker is not a URL"),
        ({"broker": "http://"}, "--broker: the URL names no host"),
        ({"broker": "http:///u:s3cret"}, "--broker: the URL names no host"),
        ({"broker": "http://u:12/s3cret@x"}, "--broker: the URL has an '@' behind its host"),
        ({"broker": "http://u:12?s3cret@x"}, "--broker: the URL has an '@' behind its host"),
        ({"broker": "http://u:12#s3cret@x"}, "--broker: the URL has an '@' behind its host"),
        ({"broker": "u:s3cret@x:15672"}, "--broker is not a URL"),
        ({"broker": "http:/u:s3cret@x"}, "--broker is not a URL"),
        ({"broker": "HTTP:u:s3cret"}, "--broker is not a URL"),
        ({"broker": "amqps:s3cret"}, "--broker is not a URL"),
        ({"broker": "s3cret://u@x"}, "--broker is not a URL"),
        ({"broker": "u_s3cret://x"}, "--broker is not a URL"),
        ({"broker": "http://x", "amqp": "u:s3cret@x"}, "--amqp is not a URL"),
        ({"broker": "http://x", "amqp": "s3cret:u@x"}, "--amqp is not a URL"),
        ({"broker": "http://x", "amqp": "s3cret"}, "--amqp is not a URL"),
        ({"broker": "http://x", "amqp": "amqp:u:s3cret@x"}, "--amqp is not a URL"),
        ({"broker": "http://x", "amqp": "http://u:s3cret@x"}, "amqp: the URL must begin with amqp:// or amqps://"),
    ],
)
def test_a_wrong_url_is_refused_and_its_password_not_repeated(
    tmp_path: Path, flags: dict[str, str], message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        settle(tmp_path, None, None, **flags)
    assert message in caught.value.message
    assert "s3cret" not in f"{caught.value.message} {caught.value.hint}"


def test_a_secret_for_a_scheme_in_a_configuration_is_not_repeated(tmp_path: Path) -> None:
    text = "environments: {d: {broker: 'http://x', amqp: 'S3CRETX:${PW}@host'}}\n"
    for wrong in (text, text.replace("http://x", "S3CRETX:${PW}@host")):
        with pytest.raises(UsageError) as caught:
            settle(tmp_path, wrong, {"PW": "s3cret"})
        assert "is not a URL" in caught.value.message
        assert "s3cret" not in f"{caught.value.message} {caught.value.hint}".lower()


def test_a_file_whose_name_resembles_a_url_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "me@shop.json").write_text("{}", encoding="utf-8")
    assert settle(tmp_path, broker="me@shop.json").target.broker == "me@shop.json"


def test_a_password_on_the_command_line_works_and_is_warned_about(tmp_path: Path) -> None:
    settings = settle(tmp_path, broker="http://u:s3cret@x")
    assert settings.target.broker == "http://u:s3cret@x"
    assert len(settings.warnings) == 1
    assert "s3cret" not in settings.warnings[0]
    assert settle(tmp_path, environ={"RABBIT_TOPO_BROKER": "http://u:s3cret@x"}).warnings == ()


def test_a_password_file_that_others_can_read_is_warned_about(tmp_path: Path) -> None:
    assert "chmod 600" in settle(tmp_path, password_file=secret(tmp_path, mode=0o644)).warnings[0]
    assert settle(tmp_path, password_file=secret(tmp_path)).warnings == ()


@pytest.mark.parametrize(("text", "reason"), [("", "is empty"), ("\n", "is empty"), ("a\nb\n", "more than one line")])
def test_a_password_file_holds_one_line(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        settle(tmp_path, password_file=secret(tmp_path, text))


def test_a_password_file_that_cannot_be_read_is_a_usage_error(tmp_path: Path) -> None:
    for name in ("missing", "."):
        with pytest.raises(UsageError, match="cannot read"):
            settle(tmp_path, password_file=name)
    (tmp_path / "latin").write_bytes(b"\xff")
    with pytest.raises(UsageError, match="UTF-8"):
        settle(tmp_path, password_file="latin")


def test_a_windows_line_end_and_blanks_inside_are_kept_apart(tmp_path: Path) -> None:
    assert settle(tmp_path, password_file=secret(tmp_path, " a b \r\n")).target.password == " a b "


def test_two_password_variables_are_refused(tmp_path: Path) -> None:
    environ = {"RABBIT_TOPO_PASSWORD": "a", "RABBIT_TOPO_PASSWORD_FILE": secret(tmp_path)}
    with pytest.raises(UsageError, match="both set"):
        settle(tmp_path, environ=environ)
    environ.pop("RABBIT_TOPO_PASSWORD")
    assert settle(tmp_path, environ=environ).target.password == "from-file"


def test_a_configured_password_file_lies_beside_the_configuration(tmp_path: Path) -> None:
    text = "environments: {d: {broker: 'http://d', password_file: pw}}\n"
    secret(tmp_path)
    assert settle(tmp_path, text).target.password == "from-file"
    (tmp_path / "pw").unlink()
    with pytest.raises(UsageError, match="password_file of rabbit-topo"):
        settle(tmp_path, text)
    assert settle(tmp_path, text, {"RABBIT_TOPO_PASSWORD": "x"}).target.password == "x"


def test_variables_are_filled_in_where_they_are_used(tmp_path: Path) -> None:
    environ = {"PROD_USER": "root", "PROD_PASSWORD": "a${b"}
    target = settle(tmp_path, TWO, environ, env="prod").target
    assert (target.username, target.password) == ("root", "a${b")
    assert settle(tmp_path, TWO, env="dev").environment == "dev"


def test_a_missing_variable_is_named_with_its_place(tmp_path: Path) -> None:
    text = "environments:\n  dev:\n    broker: http://x\n    password: 'hush${NOPE}'\n"
    (shown,) = problems(tmp_path, text)
    assert shown.startswith("rabbit-topo.yaml:4:15: the environment variable NOPE is not set")
    assert "hush" not in shown


def test_a_literal_dollar_brace_can_be_written(tmp_path: Path) -> None:
    text = "environments: {d: {broker: 'http://x', password: '$${A}$B$'}}\n"
    assert settle(tmp_path, text).target.password == "${A}$B$"
    (shown,) = problems(tmp_path, text.replace("$${A}", "${A"))
    assert "a literal ${ is $${" in shown


def test_tls_files_lie_beside_the_configuration(tmp_path: Path) -> None:
    text = "environments: {d: {broker: 'https://x', tls: {ca_file: ca.pem, verify: false}}}\n"
    (shown,) = problems(tmp_path, text)
    assert shown.startswith("rabbit-topo.yaml:1:56: ca_file: there is no such file")
    (tmp_path / "ca.pem").touch()
    settings = settle(tmp_path, text)
    assert settings.target.tls.ca_file == str(tmp_path / "ca.pem")
    assert settings.target.tls.verify is False
    assert settings.warnings == ("environment d does not verify the broker's certificate",)


def pem(folder: Path, *names: str) -> list[str]:
    """Make empty files of these names, and answer their paths."""
    for name in names:
        (folder / name).touch()
    return [str(folder / name) for name in names]


def test_tls_files_by_flags_beat_variables_and_those_beat_the_configuration(tmp_path: Path) -> None:
    tls = "tls: {ca_file: ca, cert_file: cert, key_file: key, verify: false}"
    text = f"environments: {{d: {{broker: 'https://x', {tls}}}}}\n"
    ca, cert, key, ca2, cert2, key2, ca3 = pem(tmp_path, "ca", "cert", "key", "ca2", "cert2", "key2", "ca3")
    variables = {
        "RABBIT_TOPO_CA_FILE": "ca2",
        "RABBIT_TOPO_CERT_FILE": "cert2",
        "RABBIT_TOPO_KEY_FILE": "key2",
    }
    assert settle(tmp_path, text).target.tls == Tls(ca, cert, key, verify=False)
    assert settle(tmp_path, text, variables).target.tls == Tls(ca2, cert2, key2, verify=False)
    assert settle(tmp_path, text, variables, ca_file="ca3").target.tls == Tls(ca3, cert2, key2, verify=False)
    assert settle(tmp_path, text, variables, broker="https://y").target.tls == Tls(ca2, cert2, key2)


def test_a_certificate_and_its_key_come_from_one_level(tmp_path: Path) -> None:
    text = "environments: {d: {broker: 'https://x', tls: {cert_file: cert, key_file: key}}}\n"
    _, key, both = pem(tmp_path, "cert", "key", "both")
    assert settle(tmp_path, text, cert_file="both").target.tls == Tls(None, both, None)
    assert settle(tmp_path, text, {"RABBIT_TOPO_CERT_FILE": "both"}).target.tls == Tls(None, both, None)
    assert settle(tmp_path, text, {"RABBIT_TOPO_CA_FILE": "key"}).target.tls.ca_file == key
    with pytest.raises(UsageError, match="--key-file is given without --cert-file"):
        settle(tmp_path, text, {"RABBIT_TOPO_CERT_FILE": "both"}, key_file="key")
    with pytest.raises(UsageError, match="RABBIT_TOPO_KEY_FILE is given without RABBIT_TOPO_CERT_FILE"):
        settle(tmp_path, text, {"RABBIT_TOPO_KEY_FILE": "key"})
    (shown,) = problems(tmp_path, text.replace("cert_file: cert, ", ""))
    assert "key_file is given without cert_file" in shown


def test_a_tls_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^--ca-file: there is no file none\.pem$"):
        settle(tmp_path, broker="https://x", ca_file="none.pem")
    with pytest.raises(UsageError, match=r"^RABBIT_TOPO_CERT_FILE: there is no file none\.pem$"):
        settle(tmp_path, environ={"RABBIT_TOPO_CERT_FILE": "none.pem"}, broker="https://x")


def test_tls_files_beside_plain_urls_are_warned_about(tmp_path: Path) -> None:
    pem(tmp_path, "ca")
    text = "environments: {d: {broker: 'http://x', tls: {ca_file: ca}}}\n"
    assert "nothing is encrypted" in settle(tmp_path, text).warnings[0]
    assert "nothing is encrypted" in settle(tmp_path, text, broker="http://x", ca_file="ca").warnings[0]
    for broker, amqp in (("HTTPS://x", None), ("http://x", "amqp://x;amqps://y"), (None, "amqps://x")):
        assert settle(tmp_path, text, broker=broker, amqp=amqp, ca_file="ca").warnings == ()
    assert settle(tmp_path, text, {"RABBIT_TOPO_CA_FILE": "ca"}, broker="http://x").warnings == ()


def test_a_time_out_by_flag_variable_and_configuration(tmp_path: Path) -> None:
    text = "environments: {d: {broker: 'http://x', timeout: 2.5}}\n"
    variable = {"RABBIT_TOPO_TIMEOUT": "7"}
    assert settle(tmp_path, text).target.timeout == 2.5
    assert settle(tmp_path, text, variable).target.timeout == 7.0
    assert settle(tmp_path, text, variable, timeout=0.5).target.timeout == 0.5
    assert settle(tmp_path, text, broker="http://y").target.timeout == 30.0
    assert settle(tmp_path, text, {"RABBIT_TOPO_TIMEOUT": ""}).target.timeout == 2.5


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "86401", "30s"])
def test_a_time_out_is_a_number_of_seconds(tmp_path: Path, value: str) -> None:
    with pytest.raises(UsageError, match="RABBIT_TOPO_TIMEOUT is not a number of seconds"):
        settle(tmp_path, environ={"RABBIT_TOPO_TIMEOUT": value})
    if value != "30s":
        with pytest.raises(UsageError, match="--timeout is not a number of seconds"):
            settle(tmp_path, timeout=float(value))
    (shown,) = problems(tmp_path, f"environments: {{d: {{broker: 'http://x', timeout: {value}}}}}\n")
    assert "timeout must be a number of seconds" in shown


def test_several_urls_are_each_checked_and_each_warned_about(tmp_path: Path) -> None:
    urls = "amqp://one;amqps://two"
    assert settle(tmp_path, amqp=urls).target.amqp == urls
    assert "can be seen by others" in settle(tmp_path, amqp="amqp://a@one;amqp://b:s3cret@two").warnings[0]
    with pytest.raises(UsageError, match="must begin with http:// or https://"):
        settle(tmp_path, broker="http://one;amqp://two")


def test_every_problem_is_shown_with_its_place(tmp_path: Path) -> None:
    text = """\
source: [x]
sources: topology/
target_version: new
environments:
  dev: {brokr: http://x, username: 1, password: a, password_file: b}
  dev: {}
  ? [x]
  : 1
  web: {broker: '', tls: {verify: maybe, ca: x}}
  bad: nothing
"""
    assert [problem.split("\n")[0] for problem in problems(tmp_path, text)] == [
        "rabbit-topo.yaml:1:1: unknown key source in the configuration",
        "rabbit-topo.yaml:2:10: sources must be a list of paths, not a string",
        "rabbit-topo.yaml:3:17: target_version must be a RabbitMQ version",
        "rabbit-topo.yaml:5:9: unknown key brokr in environment dev",
        "rabbit-topo.yaml:5:36: username must be a string, not a number or another value",
        "rabbit-topo.yaml:5:67: both password and password_file are given",
        "rabbit-topo.yaml:6:3: dev is given twice; the first is on line 5",
        "rabbit-topo.yaml:7:5: a name is expected here, not a list",
        "rabbit-topo.yaml:9:17: broker is empty",
        "rabbit-topo.yaml:9:35: verify must be true or false, not a string",
        "rabbit-topo.yaml:9:42: unknown key ca in tls",
        "rabbit-topo.yaml:10:8: environment bad must be a mapping of names to values, not a string",
    ]


def test_an_unknown_key_gets_a_suggestion(tmp_path: Path) -> None:
    assert "did you mean sources?" in problems(tmp_path, "source: []\n")[0]
    known = "possible here: sources, target_version, project, inventory, lock_name, environments"
    assert known in problems(tmp_path, "zzz: 1\n")[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", ":2:1: this is no YAML"),
        ("\tsources: []", ":1:1: a tab stands where YAML wants spaces"),
        ("sources:\n\t- a", ":2:1: a tab stands where YAML wants spaces"),
        ("a: 1\n---\nb: 2\n", ":2:1: this is no YAML"),
        ("[" * 100_000, ":1:41: nested more than 40 levels deep"),
        ("{a: " * 100_000, ":1:161: nested more than 40 levels deep"),
        ("a: \x01", ":1:4: this is no YAML"),
        ("sources: [*]", ":1:11: YAML takes `*` for an alias"),
        ("- a", ":1:1: the configuration must be a mapping"),
        ("a: *b", ":1:4: this is no YAML: found undefined alias"),
        ("sources: &a [*a]", ":1:10: a source must be a string, not a list"),
    ],
)
def test_what_is_no_configuration_is_refused_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    shown = problems(tmp_path, text)
    assert message in shown[0]
    assert shown[0].startswith("rabbit-topo.yaml:1:" if ":2:1: " not in message else "rabbit-topo.yaml:2:")
    assert len(shown) == 1


def test_files_that_cannot_be_read_are_usage_errors(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read the configuration no\.yaml"):
        settle(tmp_path, config_path="no.yaml")
    (tmp_path / "big.yaml").write_bytes(b"#" * 1_000_001)
    with pytest.raises(UsageError, match="larger than"):
        settle(tmp_path, config_path="big.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"a: \xff")
    with pytest.raises(UsageError, match="UTF-8"):
        settle(tmp_path, config_path="latin.yaml")


@pytest.mark.parametrize("version", ["3.9", "'3.9.29'", "2.10", "3.1", "0.1"])
def test_a_version_that_is_too_old_is_refused(tmp_path: Path, version: str) -> None:
    (shown,) = problems(tmp_path, f"target_version: {version}\n")
    assert "is not supported: target_version must be from 3.10 on" in shown
    assert "3.10 to 4.3 are tried" in shown


@pytest.mark.parametrize("version", ["3.10", "'3.10'", "3.13.7", "4.0", "4.3", "4.10", "5.0", "10.1"])
def test_a_version_is_taken_as_it_is_written(tmp_path: Path, version: str) -> None:
    assert settle(tmp_path, f"target_version: {version}\n").target.target_version == version.strip("'")


def test_a_misspelt_key_is_not_missing_too(tmp_path: Path) -> None:
    (shown,) = problems(tmp_path, "environments: {d: {brokr: 'http://x'}}\n")
    assert shown.endswith("did you mean broker?")
    (shown,) = problems(tmp_path, "environments: {d: {brokr: 'http://x', broker: 'http://x'}}\n")
    assert "possible here: broker, amqp" in shown
    (shown,) = problems(tmp_path, "environments: {d: {user: x}}\n")[:1]
    assert "names no broker" in shown


@pytest.mark.parametrize("port", ["0", "65536", "99999"])
@pytest.mark.parametrize(("name", "url"), [("broker", "http://u:s3cret@x:"), ("amqp", "amqp://u:s3cret@x:")])
def test_a_port_out_of_range_is_said_to_be(tmp_path: Path, name: str, url: str, port: str) -> None:
    with pytest.raises(UsageError, match=f"^--{name}: the port of the URL is out of range$"):
        settle(tmp_path, None, None, **{"broker": "http://x", name: url + port})


def test_a_folder_is_no_broker(tmp_path: Path) -> None:
    (tmp_path / "topology").mkdir()
    with pytest.raises(UsageError, match="is a folder, and no broker") as caught:
        settle(tmp_path, broker="topology/")
    assert "named without --broker" in caught.value.hint


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "environments:\n", "{}"])
def test_an_empty_configuration_says_nothing(tmp_path: Path, text: str) -> None:
    assert settle(tmp_path, text).target == Target(DEFAULT)


@pytest.mark.parametrize(
    "text",
    [
        TWO,
        "sources: [a, b]\ntarget_version: '4.3'\n",
        "environments: {d: {broker: x.json}}",
        "environments: {d: {broker: 'https://x', tls: {verify: true, ca_file: ca.pem}}}",
        "environments: {d: {amqp: 'amqp://x'}}",
        "environments: {d: {broker: 'https://x', tls: {key_file: k}}}",
        "environments: {d: {broker: 'http://x', timeout: 0}}",
        "environments: {d: {broker: 'http://x', timeout: 2.5}}",
        "environments: {d: {broker: 'http://x', timeout: '30'}}",
        "environments: {d: {broker: 'http://x', timeout: true}}",
        "environments: {d: {broker: 'http://x', timeout: 86401}}",
        "sources: x",
        "sources: [1]",
        "target_version: new",
        "target_version: '3.9'",
        "target_version: 3.9",
        "target_version: '3.10.8'",
        "target_version: 4.3",
        "target_version: '10.0'",
        "target_version: [4]",
        "environments: {d: {}}",
        "environments: {d: {broker: 'http://x', password: a, password_file: b}}",
        "environments: {d: {broker: 'http://x', password: 1}}",
        "environments: {d: {broker: ''}}",
        "environments: {d: {broker: 'http://x', tls: {verify: 1}}}",
        "environments: {d: {broker: 'http://x', tls: {nope: x}}}",
        "environments: []",
        "nope: 1",
        "environments: {a: {broker: b, expect: {cluster_name: x, version: 4.3, tags: {a: b}}}}",
        "environments: {a: {broker: b, expect: {version: 4.3.6, tags: }}}",
        "environments: {a: {broker: b, expect: {version: x}}}",
        "environments: {a: {broker: b, expect: {tags: {a: 1}}}}",
        "environments: {a: {broker: b, expect: {tag: {a: b}}}}",
        "{inventory: broker, project: shop}",
        "lock_name: shop.lock",
        "lock_name: amq.lock",
        "lock_name: ''",
        "{inventory: broker}",
        "{inventory: here, project: shop}",
        "project: shop.eu",
        "plugins: []",
        "plugins: [rabbitmq_management, x-consistent-hash]",
        "plugins: x-random",
        "plugins: ['']",
        "plugins: [1]",
        "plugins:",
        "lint: {}",
        "lint: []",
        "lint:",
        "lint: {select: [RT2, all], ignore: [RT203], extend_select: [queue-unreachable]}",
        "lint: {select: RT2}",
        "lint: {ignore: [2]}",
        "lint: {extend_select: ['']}",
        "lint: {fail_on: never, baseline: a.json, nodes: 3}",
        "lint: {fail_on: always}",
        "lint: {fail_on: [error]}",
        "lint: {baseline: ''}",
        "lint: {nodes: 0}",
        "lint: {nodes: '3'}",
        "lint: {nodes: 1.5}",
        "lint: {naming: {exchanges: a, queues: b, policies: c}}",
        "lint: {naming: {queue: a}}",
        "lint: {naming: {queues: 1}}",
        "lint: {nope: 1}",
    ],
)
def test_the_schema_and_the_reader_agree(tmp_path: Path, text: str) -> None:
    (tmp_path / "rabbit-topo.yaml").write_text(text, encoding="utf-8")
    try:
        resolve_sources(cwd=tmp_path, environ={}, config_path=None)
        accepted = True
    except TopoError:
        accepted = False
    assert jsonschema.Draft202012Validator(SCHEMA).is_valid(yaml.safe_load(text)) == accepted


def test_the_schema_is_one_and_its_examples_fit_it() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    for example in SCHEMA["examples"]:
        jsonschema.validate(example, SCHEMA)


def test_no_password_is_shown_by_repr(tmp_path: Path) -> None:
    assert "s3cret" not in repr(settle(tmp_path, ONE))


EXPECTING = """\
environments:
  prod:
    broker: http://prod
    expect: {cluster_name: '${NAME}', version: 4.10, tags: {region: eu, env: prod}}
"""


def test_what_is_expected_of_an_environment_goes_with_its_own_urls(tmp_path: Path) -> None:
    expected = settle(tmp_path, EXPECTING, {"NAME": "shop"}).target.expected
    assert expected == Expected("shop", "4.10", (("env", "prod"), ("region", "eu")), "rabbit-topo.yaml:4:28")
    assert settle(tmp_path, EXPECTING, broker="http://elsewhere").target.expected == Expected()
    assert settle(tmp_path, "environments: {dev: {broker: 'http://x', expect: {}}}").target.expected == Expected()


def test_expectations_of_the_wrong_form_are_told_with_their_places(tmp_path: Path) -> None:
    text = (
        "environments:\n  a: {broker: 'http://x', expect: {version: '4', tags: {region: 1}, clustername: x}}\n"
        "  b: {broker: 'http://x', expect: [x]}\n  c: {broker: 'http://x', expect: {version: [4], tags: {a: ''}}}\n"
    )
    found = problems(tmp_path, text)
    assert [line.partition("\n")[0] for line in found] == [
        "rabbit-topo.yaml:2:45: version must be a RabbitMQ release or version",
        "rabbit-topo.yaml:2:65: region must be a string, not a number or another value",
        "rabbit-topo.yaml:2:69: unknown key clustername in expect",
        "rabbit-topo.yaml:3:35: expect must be a mapping of names to values, not a list",
        "rabbit-topo.yaml:4:45: version must be a RabbitMQ release or version",
        "rabbit-topo.yaml:4:60: a is empty",
    ]
    assert "did you mean cluster_name?" in found[2]


def test_an_inventory_is_kept_under_the_projects_name(tmp_path: Path) -> None:
    assert settle(tmp_path, "project: shop\ninventory: broker\n").target.project == "shop"
    assert settle(tmp_path, "project: shop\ninventory: broker\n", broker="http://x").target.project == "shop"
    assert settle(tmp_path, "project: shop\n").target.project == ""


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("inventory: broker\n", "1:12: an inventory needs the project's name"),
        ("inventory: yes\nproject: shop\n", "1:12: inventory must be `broker`"),
        ("inventory: [broker]\nproject: shop\n", "1:12: inventory must be `broker`"),
        ("inventory: broker\nproject: shop.eu\n", "2:10: project must be a short name"),
        ("inventory: broker\nproject: 1\n", "2:10: project must be a string"),
    ],
)
def test_an_inventory_of_the_wrong_form_is_one_problem(tmp_path: Path, text: str, problem: str) -> None:
    [found] = problems(tmp_path, text)
    assert problem in found


def test_the_lock_may_have_another_name(tmp_path: Path) -> None:
    assert settle(tmp_path, "lock_name: shop.lock\n").lock_name == "shop.lock"
    assert settle(tmp_path, "sources: []\n").lock_name == ""
    assert problems(tmp_path, "lock_name: amq.lock\n") == [
        (
            "rabbit-topo.yaml:1:12: lock_name must be the name of a queue\n"
            "    a name has 1 to 255 bytes, no control characters, and does not begin with amq."
        )
    ]


LINTING = """\
target_version: "3.13"
plugins: [rabbitmq_consistent_hash_exchange, rabbitmq_management, x-mine]
lint:
  select: [RT1, "RT203"]
  ignore: [RT102]
  extend_select: [queue-unreachable]
  fail_on: error
  baseline: ${NAME}.json
  nodes: 3
  naming: {exchanges: "[a-z]+", queues: "q$", policies: p}
"""


def test_what_the_linter_is_told_needs_no_broker(tmp_path: Path) -> None:
    (tmp_path / "rabbit-topo.yaml").write_text(LINTING, encoding="utf-8")
    below = tmp_path / "topology"
    below.mkdir()
    found = resolve_sources(cwd=below, environ={"NAME": "known"}, config_path=None)
    assert found.target_version == "3.13"
    assert found.plugins == ("rabbitmq_consistent_hash_exchange", "rabbitmq_management", "x-mine")
    assert found.lint == LintSettings(
        select=("RT1", "RT203"),
        ignore=("RT102",),
        extend_select=("queue-unreachable",),
        fail_on="error",
        baseline="../known.json",
        nodes=3,
        naming={"exchange": "[a-z]+", "queue": "q$", "policy": "p"},
        exchange_types=frozenset({"x-consistent-hash", "rabbitmq_management", "x-mine"}),
    )


@pytest.mark.parametrize(
    ("text", "types"),
    [("lint: {}", None), ("plugins: []", set()), ("plugins: [rabbitmq_random_exchange]", {"x-random"})],
)
def test_an_empty_list_of_plugins_is_not_the_same_as_none(tmp_path: Path, text: str, types: set[str] | None) -> None:
    (tmp_path / "rabbit-topo.yaml").write_text(text, encoding="utf-8")
    found = resolve_sources(cwd=tmp_path, environ={}, config_path=None)
    assert found.lint == LintSettings(exchange_types=None if types is None else frozenset(types))


def test_what_is_wrong_for_the_linter_is_told_with_its_place(tmp_path: Path) -> None:
    text = (
        "plugins: [rabbitmq_random_exchang, x-consistent_hash, x-of-my-own]\n"
        "lint:\n  select: RT2\n  fail_on: [a]\n  nodes: many\n  naming: {queues: '(', queue: a}\n  ignored: []\n"
    )
    unbalanced = "missing ), unterminated subpattern at position 0"
    assert problems(tmp_path, text) == [
        "rabbit-topo.yaml:1:11: there is no plugin rabbitmq_random_exchang\n    did you mean rabbitmq_random_exchange?",
        "rabbit-topo.yaml:1:36: there is no plugin x-consistent_hash\n    did you mean x-consistent-hash?",
        "rabbit-topo.yaml:3:11: select must be a list of rules, not a string\n    select: [RT203, RT3]",
        "rabbit-topo.yaml:4:12: fail_on must be one of error, warning, info, never",
        "rabbit-topo.yaml:5:10: nodes must be a number of nodes, at least 1\n    how many the cluster has",
        "rabbit-topo.yaml:6:20: queues must be a regular expression for whole names\n    " + unbalanced,
        "rabbit-topo.yaml:6:25: unknown key queue in naming\n    possible here: exchanges, queues, policies",
        "rabbit-topo.yaml:7:3: unknown key ignored in lint\n    did you mean ignore?",
    ]
