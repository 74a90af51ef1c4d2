"""The metrics of a real daemon: what they tell, what they never tell, and the alerts that read them."""

import re
import shutil
import socket
import subprocess
import urllib.request
from collections.abc import Iterable
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from gateway.edge.metrics import COUNTERS, GAUGES, HISTOGRAMS, PREFIX, Meters, counts_of, word
from tests.house import Gateway, copy_demo

ALERTS = Path(__file__).resolve().parents[2] / "docs" / "alerts.yml"
ON = {"metrics": {"listen": "127.0.0.1:0"}}


def scraped(gateway: Gateway) -> str:
    port = gateway.wait_event("metrics")["port"]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
        return str(answer.read().decode())


def samples(text: str) -> dict[tuple[str, tuple[str, ...]], float]:
    return {
        (sample.name, tuple(value for _, value in sorted(sample.labels.items()) if value)): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_delivery_shows_and_names_nobody(demo_template: Path, tmp_path: Path) -> None:
    with Gateway(copy_demo(demo_template, tmp_path / "gateway"), ON) as gateway:
        file = gateway.root / "demo" / "files" / "WMO_0363_2017H2.csv"
        assert gateway.sftp("amsterdam", f"put {file} /0363/inbox/WMO_0363_2017H2.csv\n").returncode == 0
        gateway.wait_report("0363", "^TR_.*GOEDGEKEURD")
        gateway.wait_report("0363", "^OO_")
        assert gateway.sftp("amsterdam", f"put {file} /0363/inbox/999990019.csv\n").returncode != 0
        gateway.wait_event("refused", code="NAME_BSN")
        gateway.wait_event("mailed", occasion="technical")
        lag = ("gateway_loop_lag_seconds_count", ())
        text = gateway.wait_until(lambda: text if samples(text := scraped(gateway))[lag] else "", "a turn of the loop")
    found = samples(text)
    assert found["gateway_uploads_total", ("received",)] == 1
    assert found["gateway_received_bytes_total", ()] == file.stat().st_size
    assert found["gateway_examinations_total", ("decided",)] == 1
    assert found["gateway_refusals_total", ("NAME_BSN",)] == 1
    assert found["gateway_mails_total", ("sent",)] >= 1
    assert found["gateway_logins_total", ("ok",)] == 2
    assert found["gateway_receive_seconds_count", ()] == 1
    assert found["gateway_examination_seconds_count", ()] == 1
    assert found["gateway_commit_seconds_count", ()] > 3
    assert found["gateway_drops_waiting", ()] == 0
    assert found["gateway_reports_uncollected", ()] >= 2
    assert found["gateway_healthy", ()] == 1
    assert found["gateway_part_late_seconds", ("intake",)] == 0
    for nobody in ("amsterdam", "0363", "999990019", "WMO", "127.0.0.1"):
        assert nobody not in text
    assert {name.removeprefix(PREFIX) for name in gauges(text)} == set(GAUGES) - {"troubles"}


def gauges(text: str) -> set[str]:
    return {name for name in re.findall(r"(?m)^# TYPE (gateway_\w+) gauge$", text) if not name.endswith("_created")}


def test_no_address_no_metrics(gateway: Gateway) -> None:
    assert gateway.events("metrics") == []


def test_an_address_that_is_taken_does_not_stop_the_gateway(demo_template: Path, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        settings = {"metrics": {"listen": f"127.0.0.1:{taken.getsockname()[1]}"}}
        with Gateway(copy_demo(demo_template, tmp_path / "gateway"), settings) as gateway:
            assert gateway.wait_event("metrics_failed")["level"] == "error"
            assert "0363" in gateway.sftp("amsterdam", "ls -1 /\n").stdout


def test_a_ledger_that_is_gone_is_said_and_the_scrape_still_answers(demo_template: Path, tmp_path: Path) -> None:
    with Gateway(copy_demo(demo_template, tmp_path / "gateway"), ON) as gateway:
        gateway.ledger().run("alter table notifications rename to elsewhere")
        found = samples(scraped(gateway))
        gateway.ledger().run("alter table elsewhere rename to notifications")
    assert found["gateway_ledger_readable", ()] == 0
    assert found["gateway_healthy", ()] == 0
    assert found["gateway_troubles", ("LEDGER",)] == 1
    assert ("gateway_drops_waiting", ()) not in found


@given(st.text())
def test_what_a_stranger_says_is_no_label(text: str) -> None:
    assert re.fullmatch(r"[A-Za-z_]{0,40}", word(text))


@given(st.text(), st.dictionaries(st.sampled_from(["code", "reason", "repeat_of"]), st.text() | st.integers()))
def test_any_line_can_be_counted(event: str, facts: dict[str, object]) -> None:
    told: list[str] = []

    def nothing() -> Iterable[tuple[str, str, float]]:
        return ()

    Meters(nothing).counted(lambda said, **_: told.append(said))(event, **facts)
    assert told == [event]
    assert next(name for name, _ in counts_of(event, facts, error=False)) == "events"


def test_logins_and_connections_are_counted_by_their_reasons() -> None:
    assert ("logins", ("failed", "key_expired_on")) in counts_of(
        "login_failed", {"reason": "key expired on 2027-01-31"}, error=False
    )
    assert ("connections_refused", ("connections_per_address",)) in counts_of(
        "connection_refused", {"cap": "connections_per_address"}, error=False
    )


# --- alerts -----------------------------------------------------------------------------------------------------------


def expressions() -> list[tuple[str, str]]:
    groups = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    return [(rule["alert"], rule["expr"]) for group in groups for rule in group["rules"]]


def known() -> set[str]:
    counters = {f"{PREFIX}{name}_total" for name in COUNTERS}
    buckets = {f"{PREFIX}{name}_bucket" for name in HISTOGRAMS}
    return {f"{PREFIX}{name}" for name in GAUGES} | counters | buckets


@pytest.mark.parametrize(("alert", "expression"), expressions())
def test_every_alert_reads_metrics_that_exist(alert: str, expression: str) -> None:
    named = set(re.findall(r"gateway_\w+", expression))
    assert named <= known()
    assert named or alert == "GatewayDown"


def test_the_labels_that_alerts_name_are_those_of_their_metrics() -> None:
    for name, label in (("part_late_seconds", "part"), ("part_failing_seconds", "part"), ("disk_free_bytes", "folder")):
        assert GAUGES[name][1] == label
    assert COUNTERS["logins"][1] == ("result", "reason")
    assert COUNTERS["events"][1] == ("event", "level")


def test_prometheus_itself_takes_the_rules() -> None:
    promtool = shutil.which("promtool")
    command = [promtool, "check", "rules", str(ALERTS)] if promtool else ["true"]
    assert subprocess.run(command, capture_output=True, check=False, timeout=30).returncode == 0
    assert len(expressions()) == len({alert for alert, _ in expressions()}) > 10
