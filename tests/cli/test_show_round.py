"""gateway missing, deadlines, log and status: what the desk sees of a round, for people and for programs."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli import commands
from gateway.cli.show import chain, log_rows
from gateway.domain.model import Report, ReportFile, ReportKind
from gateway.domain.workdays import end_of_day
from gateway.errors import ConfigError
from gateway.store.ledger import deadlines, facts, handovers, log, mails, reports, retention
from gateway.store.ledger.deadlines import Deadline
from gateway.store.spool import Spool
from gateway.store.sqlite import SQLite
from gateway.workflow.restored import close_gate
from tests.house import copy_demo
from tests.samples import wmo_csv
from tests.world import World

NOW = datetime(2018, 2, 20, 9, 0, tzinfo=UTC)


@pytest.fixture
def demo(demo_template: Path, tmp_path: Path) -> Path:
    """A demo whose sandbox clock stands on 20 February."""
    return copy_demo(demo_template, tmp_path / "gateway")


@pytest.fixture
def ledger(demo: Path) -> Iterator[SQLite]:
    engine = SQLite(demo / "var" / "ledger.db")
    facts.set_setting(engine, "sandbox", "1")
    log.append(engine, log.Line(NOW, "login", "0363", "amsterdam"))
    yield engine
    engine.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path).open("amsterdam")
    yield made
    made.close()


def run(demo: Path, *arguments: str) -> Result:
    return CliRunner().invoke(commands, [*arguments, "--config", str(demo / "config")])


def owe(ledger: SQLite, kind: str, day: int) -> None:
    due_at = end_of_day(datetime(2018, 2, day, tzinfo=UTC).date())
    deadlines.insert(ledger, Deadline(kind, f"{kind}-{day}", "0363", due_at, "NL-x", None))


def test_missing_names_who_and_what(demo: Path, ledger: SQLite) -> None:
    said = run(demo, "missing", "--json")
    assert said.exit_code == 1
    document = json.loads(said.output)
    assert document["round"] == "2017H2"
    assert [each["municipality"] for each in document["missing"]] == ["0363", "0377", "0473"]
    assert {each["standing"] for each in document["missing"]} == {"nothing"}
    assert [each["lead"] for each in document["missing"]] == [None, None, "0377"]
    assert {"kind": "WMO", "period": "2017H2", "lack": "none"} in document["missing"][0]["items"]
    assert document["missing"][0]["closes"] == "2018-03-09T23:59:59+01:00"
    table = run(demo, "missing").output
    assert "Zandvoort" in table
    assert "missing in round 2017H2: 3" in table


def test_deadlines_say_what_is_open_at_risk_and_late(demo: Path, ledger: SQLite) -> None:
    assert run(demo, "deadlines").exit_code == 0
    owe(ledger, "technical", 23)
    owe(ledger, "technical", 21)
    said = run(demo, "deadlines", "--json")
    assert said.exit_code == 0
    assert [each["state"] for each in json.loads(said.output)["deadlines"]] == ["at risk", "open"]
    owe(ledger, "technical", 19)
    said = run(demo, "deadlines", "--json")
    assert said.exit_code == 1
    first = json.loads(said.output)["deadlines"][0]
    assert (first["state"], first["due"], first["municipality"]) == ("late", "2018-02-19T23:59:59+01:00", "0363")
    assert "late" in run(demo, "deadlines").output


def test_the_log_of_two_days_as_table_csv_and_json(demo: Path, ledger: SQLite) -> None:
    log.append(ledger, log.Line(NOW, "mailed", "0377", "bloemendaal", detail={"occasion": "technical"}))
    log.append(ledger, log.Line(NOW, "refused", "0363", "amsterdam", detail={"name": "x_999990019.csv"}))
    days = ("--from", "2018-02-20", "--to", "2018-02-20")
    rows = json.loads(run(demo, "log", *days, "--format", "json").output)
    assert [(row["event"], row["municipality"]) for row in rows] == [
        ("login", "0363"),
        ("mailed", "0377"),
        ("refused", "0363"),
    ]
    own = json.loads(run(demo, "log", *days, "--municipality", "0363", "--format", "json").output)
    assert {row["municipality"] for row in own} == {"0363"}
    body = run(demo, "log", *days, "--format", "csv").stdout_bytes.decode("utf-8-sig")
    assert [row[2:4] for row in csv.reader(io.StringIO(body), delimiter=";")] == [
        ["Gemeente", "Gebeurtenis"],
        ["0363", "ingelogd"],
        ["0377", "mail verstuurd"],
        ["0363", "bestand geweigerd"],
    ]
    mine = run(demo, "log", *days, "--municipality", "0363", "--format", "csv").stdout_bytes.decode("utf-8-sig")
    assert mine.startswith("Datum;Tijd;Gebeurtenis;")
    table = run(demo, "log", *days).output
    assert "2018-02-20 10:00" in table
    assert "technisch rapport" in " ".join(table.split())
    assert "999990019" not in table + body


def test_a_log_of_no_days_or_of_nobody_is_refused(demo: Path, ledger: SQLite) -> None:
    assert run(demo, "log", "--from", "2018-02-21", "--to", "2018-02-20").exit_code != 0
    assert run(demo, "log", "--from", "2018-02-20", "--to", "2018-02-20", "--municipality", "9999").exit_code != 0


def test_status_names_mails_that_do_not_arrive(demo: Path, ledger: SQLite) -> None:
    mails.add(ledger, mails.Notification("m", "technical", "x", "amsterdam", "0363", {}, NOW, NOW))
    mails.note_reason(ledger, "m", "451 later")
    document = json.loads(run(demo, "status", "--json").output)
    assert document["mails"] == {"pending": 1}
    [trouble] = document["mail_troubles"]
    assert (trouble["account"], trouble["reason"], trouble["state"]) == ("amsterdam", "451 later", "pending")


def test_status_tells_that_mail_is_held_after_a_restore(demo: Path, ledger: SQLite) -> None:
    assert json.loads(run(demo, "status", "--json").output)["mail_gate"] is None
    mails.add(ledger, mails.Notification("m", "technical", "x", "amsterdam", "0363", {}, NOW, NOW))
    close_gate(ledger, NOW, NOW)
    gate = json.loads(run(demo, "status", "--json").output)["mail_gate"]
    assert (gate["closed_since"], gate["held"]) == ("2018-02-20T10:00:00+01:00", 1)
    assert "1 mails held: gateway mail release" in run(demo, "status").output


def test_status_and_doctor_name_a_landing_that_can_never_be_received(demo: Path, ledger: SQLite) -> None:
    landing = demo / "inbox" / "0363" / ".landed" / "0199aa00-0000-7000-8000-000000000001"
    assert json.loads(run(demo, "status", "--json").output)["spoilt"] == []
    Spool(demo / "inbox", demo / "outbox").prepare(["0363", "0377", "0473"])
    landing.mkdir()
    [spoilt] = json.loads(run(demo, "status", "--json").output)["spoilt"]
    assert (spoilt["municipality"], spoilt["landing"]) == ("0363", landing.name)
    told = run(demo, "doctor", "--json")
    assert told.exit_code == 1
    assert spoilt["what"] in [each["what"] for each in json.loads(told.output)]
    assert "ask 0363 to deliver it again" in spoilt["what"]


def test_status_names_legal_holds_and_pushes_that_do_not_arrive(demo: Path, ledger: SQLite) -> None:
    retention.add_hold(ledger, retention.Hold("0377", "rechtszaak", "anna", NOW), held=True)
    retention.add_hold(ledger, retention.Hold("0363", "klaar", "anna", NOW), held=True)
    retention.add_hold(ledger, retention.Hold("0363", "klaar", "anna", NOW), held=False)
    handovers.add_push(ledger, "delivery", "d", "2017H2", "d.csv", NOW)
    handovers.add_push(ledger, "delivery", "e", "2017H2", "e.csv", NOW)
    handovers.postpone(ledger, 1, NOW, "connection refused")
    document = json.loads(run(demo, "status", "--json").output)
    assert [(each["municipality"], each["reason"]) for each in document["legal_holds"]] == [("0377", "rechtszaak")]
    [trouble] = document["push_troubles"]
    assert (trouble["file"], trouble["attempts"], trouble["reason"]) == ("d.csv", 1, "connection refused")
    assert document["pushes"] == {"pending": 2}
    table = run(demo, "status").output
    assert "push_troubles: 1" in table
    assert "rechtszaak" in table


def test_status_names_deadlines_at_risk_and_late(demo: Path, ledger: SQLite) -> None:
    for day in (19, 21, 26):
        owe(ledger, "technical", day)
    owed = json.loads(run(demo, "status", "--json").output)["owed"]
    assert [(each["state"], each["late"]) for each in owed] == [("late", True), ("at risk", False), ("open", False)]
    assert "at risk" in run(demo, "status").output


def test_a_pick_up_is_open_or_late_and_never_at_risk(demo: Path, ledger: SQLite) -> None:
    for number, day in enumerate((19, 20)):
        due_at = end_of_day(datetime(2018, 2, day, tzinfo=UTC).date())
        made = Report(ReportKind.TECHNICAL, f"TR_{number}", "AFGEKEURD", (ReportFile(f"TR_{number}.json", b"{}"),))
        reports.insert(ledger, f"r{number}", "0363", made, 0)
        deadlines.insert(ledger, Deadline("pickup", f"r{number}", "0363", due_at, "NL-x", None))
    owed = json.loads(run(demo, "status", "--json").output)["owed"]
    assert [(each["kind"], each["state"]) for each in owed] == [("pickup", "late"), ("pickup", "open")]


def test_status_of_one_municipality_for_people_and_for_programs(demo: Path, ledger: SQLite) -> None:
    log.append(ledger, log.Line(NOW, "refused", "0363", "amsterdam", detail={"name": "x.exe", "code": "NO_EXEC"}))
    said = run(demo, "status", "0363").output
    for part in ("0363 Amsterdam at 2018-02-20 10:00", "open until 2018-03-09, last safe day 2018-03-01", "x.exe"):
        assert part in said
    assert "WMO 2017H2" in said
    document = json.loads(run(demo, "status", "0363", "--json").output)
    assert (document["schema"], document["municipality"]) == ("gateway/status/1", "0363")
    assert run(demo, "status", "9999").exit_code != 0


def test_show_names_the_versions_before_and_after_and_what_happened(world: World) -> None:
    first, second = (world.drop("WMO_0363_2017H2.csv", wmo_csv(3, seed=seed)) for seed in (1, 2))
    world.judge_all()
    rows = list(chain(world.ctx, first, {("WMO", "2017H2")}))
    assert [(row["version"], row["state"], row["id"], row["this"]) for row in rows] == [
        (1, "superseded", first.short_id, True),
        (2, "approved", second.short_id, False),
    ]
    told = log_rows(world.ctx, log.of_drop(world.engine, second.id))
    assert "aanlevering vervangen door een nieuwere" in [row["event"] for row in told]


def test_status_with_a_broken_configuration_says_where_and_what(demo: Path) -> None:
    participants = demo / "config" / "participants.yaml"
    participants.write_text(participants.read_text().replace('"0363": {', "0363: {", 1))
    said = run(demo, "status")
    assert isinstance(said.exception, ConfigError)
    [problem] = said.exception.problems
    assert (Path(problem.file).name, problem.line > 1, problem.column > 0) == ("participants.yaml", True, True)
    assert '"0363"' in problem.what
