"""gateway.yaml: everything has a default, and what is wrong is told with its place."""

import re
from pathlib import Path

import pytest

from gateway.config import Settings, load
from gateway.config.addresses import is_general, socket_address
from gateway.config.sections import absolute
from gateway.domain.model import Desk, Limits
from gateway.errors import ConfigError
from tests.config.conftest import SHIPPED, Tell


def test_an_empty_file_serves(config: Path) -> None:
    (config / "gateway.yaml").write_text("")
    loaded = load(config)
    assert loaded.settings == absolute(Settings(), config.resolve())
    assert loaded.settings.sftp.address == ("127.0.0.1", 2222)
    assert loaded.settings.mail is None
    assert loaded.desks[Desk.ACCESS].mail == "servicedesk@inlichtingenbureau.nl"
    assert loaded.desks[Desk.CONTENT].phone == "070 337 49 94"


def test_sections_whose_lines_are_all_comments_serve(config: Path) -> None:
    (config / "gateway.yaml").write_text("sftp:\n  # listen: x\nmail:\nlimits:\nlanguage:\n")
    assert load(config).settings == absolute(Settings(), config.resolve())


def test_the_shipped_comments_show_the_defaults(config: Path) -> None:
    """Each commented line of the shipped file, made active, changes nothing but what is off by default."""
    text = (SHIPPED / "gateway.yaml").read_text()
    active = re.sub(r"(?m)^( *)# (?=( *[a-z_]+:|  +2018))", r"\1", text)
    for secret in ("mail_password", "push_key_ed25519"):
        (config / secret).write_text("x")
        (config / secret).chmod(0o600)
    (config / "gateway.yaml").write_text(active)
    shown = load(config).settings
    plain = absolute(Settings(), config.resolve())
    assert shown.mail is not None
    assert shown.push is not None
    assert shown.metrics.address == ("127.0.0.1", 9464)
    assert [str(day) for day in shown.calendar.extra_closed] == ["2018-05-11"]
    changed = {"mail", "metrics", "calendar", "watch", "push"}
    assert shown.model_dump(exclude=changed) == plain.model_dump(exclude=changed)
    assert shown.watch.model_dump(exclude={"accounts"}) == plain.watch.model_dump(exclude={"accounts"})
    sections = set(re.findall(r"(?m)^([a-z_]+):", active))
    assert sections == set(Settings.model_fields)


def test_paths_are_absolute_and_the_ledger_lies_in_the_state_folder(config: Path) -> None:
    (config / "gateway.yaml").write_text("paths: {state: /var/lib/gateway, inbox: in}\nsftp: {host_keys: [a, /b]}\n")
    settings = load(config).settings
    assert settings.paths.state == Path("/var/lib/gateway")
    assert settings.paths.inbox == config.resolve() / "in"
    assert settings.paths.outbox == config.resolve().parent / "outbox"
    assert settings.ledger.url == "sqlite:////var/lib/gateway/ledger.db"
    assert settings.sftp.host_keys == (config.resolve() / "a", Path("/b"))


def test_limits_of_the_file_are_laid_over_the_defaults(config: Path) -> None:
    (config / "gateway.yaml").write_text("limits: {upload_bytes: 1000, zip_members: 2}\n")
    assert load(config).settings.limits == Limits(upload_bytes=1000, zip_members=2)


WRONG = {
    "sftp: {listen: 127.0.0.1}": (
        'gateway.yaml:1:16: sftp.listen: "127.0.0.1" is no address; write host:port, for example "127.0.0.1:2222"'
    ),
    "sftp: {listen: 'h:70000'}": (
        'gateway.yaml:1:16: sftp.listen: "h:70000" is no address; write host:port, for example "127.0.0.1:2222"'
    ),
    "sftp: {lisen: 'h:1'}": "gateway.yaml:1:8: sftp.lisen: unknown key `lisen`; did you mean `listen`?",
    "sftp: {host_keys: []}": "gateway.yaml:1:19: sftp.host_keys: at least 1 is needed",
    "sftp: {idle_seconds: 0}": "gateway.yaml:1:22: sftp.idle_seconds: must be at least 1",
    "sftp: {idle_seconds: 15m}": (
        "gateway.yaml:1:22: sftp.idle_seconds: write a whole number of seconds, digits only: 900"
    ),
    "workers: {count: 65}": "gateway.yaml:1:18: workers.count: must be at most 64",
    "watch: {quiet_seconds: 0}": "gateway.yaml:1:24: watch.quiet_seconds: must be more than 0",
    'watch: {quiet_seconds: "2,5"}': (
        "gateway.yaml:1:24: watch.quiet_seconds: a number is expected, with a point and not a comma"
    ),
    "watch: {leases: off}": (
        "gateway.yaml:1:17: watch.leases: off without quotes is false to YAML; "
        'write "off" for the word, false for a switch'
    ),
    "limits: {name_min: 0}": "gateway.yaml:1:20: limits.name_min: must be at least 1",
    "limits: {upload_bytes: 2.5MB}": (
        "gateway.yaml:1:24: limits.upload_bytes: write a whole number of bytes, digits only: 2500000 (times 1000) or "
        "2621440 (times 1024)"
    ),
    "language: fr": "gateway.yaml:1:11: language: `fr` is not one of nl, en",
    "quality: internal": "gateway.yaml:1:10: quality: `internal` is not one of builtin, external",
    "mail: {host: h}": "gateway.yaml:1:7: mail.from: is missing",
    "mail: {host: h, from: nobody}": 'gateway.yaml:1:23: mail.from: "nobody" is no e-mail address',
    "mail: {host: h, from: a@b.example, password: x}": (
        "gateway.yaml:1:36: mail.password: unknown key `password`; did you mean `password_file`?"
    ),
    "calendar: {extra_closed: {vrijdag: x}}": (
        "gateway.yaml:1:27: calendar.extra_closed.vrijdag: no day; write year-month-day, for example 2018-02-12"
    ),
    "calendar: {country: BE}": "gateway.yaml:1:21: calendar.country: `BE` is not one of NL",
    "ledger: {url: 'mysql://x'}": (
        "gateway.yaml:1:15: ledger.url: write sqlite:///{state}/ledger.db or postgresql://user@host/database"
    ),
    "desks: {access: {name: x}}": "gateway.yaml:1:17: desks.access.phone: is missing",
    "- sftp": "gateway.yaml:1:1: (file): keys with values are expected here",
    "nothing": "gateway.yaml:1:1: (file): keys with values are expected here",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_told_with_its_place_and_cure(text: str, tell: Tell) -> None:
    assert tell("gateway.yaml", text)[0] == WRONG[text]


def test_a_password_in_the_url_is_refused_and_not_repeated(tell: Tell) -> None:
    [line] = tell("gateway.yaml", "ledger: {url: 'postgresql://me:hunter2@db/ledger'}")
    assert "ledger.password_file" in line
    assert "hunter2" not in line


def test_a_missing_password_file_is_a_problem_and_an_open_one_a_warning(config: Path, tell: Tell) -> None:
    text = "ledger: {url: 'postgresql://me@db/ledger', password_file: secret}"
    [line] = tell("gateway.yaml", text)
    assert line.startswith("gateway.yaml:1:59: ledger.password_file: ")
    assert line.endswith("No such file or directory")
    secret = config / "secret"
    secret.write_text("x")
    secret.chmod(0o644)
    [warning] = [w for w in load(config).warnings if w.file == "gateway.yaml"]
    assert "mode 644" in warning.what
    assert "chmod 600" in warning.what
    secret.chmod(0o600)
    assert [w for w in load(config).warnings if w.file == "gateway.yaml"] == []


def test_an_open_host_key_is_warned_of(config: Path) -> None:
    key = config / "host_key_ed25519"
    key.write_text("x")
    key.chmod(0o644)
    assert any(w.path == "sftp.host_keys[0]" or "host_key" in w.what for w in load(config).warnings)


WATCH = {
    '{"0999": amsterdam}': ['1:20: watch.accounts["0999"]: municipality "0999" is not in participants.yaml'],
    '{"0363": amsterdm}': [
        '1:28: watch.accounts["0363"]: no account `amsterdm` in participants.yaml; did you mean `amsterdam`?'
    ],
    '{"0363": operator}': [
        '1:28: watch.accounts["0363"]: `operator` may not deliver: it has not the role productbeheerder',
        '1:28: watch.accounts["0363"]: `operator` does not work for municipality "0363", nor for the lead of it',
    ],
    '{"0363": bloemendaal}': [
        '1:28: watch.accounts["0363"]: `bloemendaal` does not work for municipality "0363", nor for the lead of it'
    ],
    '{"0473": bloemendaal, "0377": bloemendaal, "0363": amsterdam}': [],
}


@pytest.mark.parametrize("accounts", WATCH)
def test_watch_folders_are_held_against_the_accounts(accounts: str, tell: Tell) -> None:
    lines = tell("gateway.yaml", f"watch: {{accounts: {accounts}}}")
    assert [line.removeprefix("gateway.yaml:").split("; known")[0] for line in lines] == WATCH[accounts]


def test_a_broken_section_does_not_hide_what_is_wrong_with_another(tell: Tell) -> None:
    text = 'language: fr\nwatch: {accounts: {"0363": nobody}}\nlimits: {columns: 0}\n'
    places = [line.split(": ")[0] for line in tell("gateway.yaml", text)]
    assert places == ["gateway.yaml:1:11", "gateway.yaml:2:28", "gateway.yaml:3:19"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("127.0.0.1:0", ("127.0.0.1", 0)),
        (":2222", ("", 2222)),
        ("[::1]:22", ("::1", 22)),
        ("h.example:22", ("h.example", 22)),
    ],
)
def test_addresses_to_listen_on(text: str, found: tuple[str, int]) -> None:
    assert socket_address(text) == found


@pytest.mark.parametrize("text", ["", "h", "h:", "h:x", "::1:22", "h:65536", "h :22", "h:²"])
def test_what_is_no_address_to_listen_on(text: str) -> None:
    with pytest.raises(ValueError, match="is no address"):
        socket_address(text)


@pytest.mark.parametrize(
    "email", ["info@x", "Sociaaldomein@x", "wmo-team2@x", "gemeente.zandvoort@x", "post@x", "no-reply@x"]
)
def test_general_mailboxes(email: str) -> None:
    assert is_general(email, {"zandvoort"})


@pytest.mark.parametrize("email", ["j.jansen@x", "info.jansen@x", "post.jan@x", "jan@x", "1@x"])
def test_personal_mailboxes(email: str) -> None:
    assert not is_general(email, {"zandvoort"})


def test_a_fault_of_reading_inside_a_section_is_the_only_problem(tell: Tell) -> None:
    [line] = tell("gateway.yaml", 'watch: {accounts: {"0363": &a }}\nlanguage: en\n')
    assert line.startswith('gateway.yaml:1:28: watch.accounts["0363"]: the anchor')


def test_settings_are_frozen() -> None:
    name = "language"
    with pytest.raises(ValueError, match="frozen"):
        setattr(Settings(), name, "en")


def test_every_problem_of_every_file_comes_at_once(config: Path) -> None:
    (config / "gateway.yaml").write_text("language: fr\n")
    (config / "participants.yaml").write_text("acounts: []\n")
    (config / "rounds" / "2017H2.yaml").write_text("name: [x\n")
    (config / "kinds" / "SBW.yaml").write_text("\tx")
    (config / "codelists" / "eenheid.yaml").unlink()
    with pytest.raises(ConfigError) as caught:
        load(config)
    files = [problem.file for problem in caught.value.problems]
    assert files == sorted(files)
    assert set(files) == {"gateway.yaml", "participants.yaml", "rounds/2017H2.yaml", "kinds/SBW.yaml", "kinds/WMO.yaml"}


@pytest.mark.parametrize("url", ["https://docs.example/bevindingen", "docs.example/{code}", "https://x/{code}/{code}"])
def test_the_address_of_the_pages_has_a_place_for_the_code(tell: Tell, url: str) -> None:
    (line,) = tell("gateway.yaml", f'docs_url: "{url}"\n')
    assert line.startswith("gateway.yaml:1:11: docs_url:")
    assert "{code}.html" in line
    assert tell("gateway.yaml", 'docs_url: "https://docs.example/{code}.html"\n') == []
