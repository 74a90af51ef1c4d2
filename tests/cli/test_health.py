"""gateway health as a monitor runs it: beside a real daemon, one whose workers stopped, and none at all."""

import json
import os
import signal
import subprocess
from datetime import datetime, timedelta
from email import message_from_bytes
from email.policy import SMTP
from pathlib import Path
from typing import Any

import pytest

from gateway.cli import health
from gateway.store.ledger import mails
from tests.house import COMMAND, Gateway, copy_demo

MINUTE_A_SECOND = 60.0


def asked(config: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [str(COMMAND), "health", "--config", str(config), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def document(config: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(asked(config, "--json").stdout)
    return found


def codes(config: Path) -> list[str]:
    return [each["code"] for each in document(config)["troubles"]]


def put(gateway: Gateway) -> None:
    file = gateway.root / "demo" / "files" / "WMO_0363_2017H2.csv"
    said = gateway.sftp("amsterdam", f"put {file} /0363/inbox/WMO_0363_2017H2.csv\n")
    assert said.returncode == 0, said.stderr


def test_a_gateway_that_works_is_green_and_one_that_ended_red(gateway: Gateway) -> None:
    put(gateway)
    gateway.wait_report("0363", "^OO_")
    said = asked(gateway.config)
    assert (said.returncode, said.stderr) == (0, "")
    line, *rest = said.stdout.splitlines()
    assert line.startswith("GROEN: alles loopt | waiting=0 held=0 ")
    assert rest == []
    assert document(gateway.config)["processes"][0]["alive"] is True
    gateway.stop()
    ended = asked(gateway.config)
    assert ended.returncode == 1
    assert ended.stdout.startswith("ROOD: 1 melding: Het proces met de rol all ")
    assert asked(gateway.config, "--nagios").returncode == 2
    assert document(gateway.config)["processes"][0]["ended"] is True


def test_a_gateway_that_was_killed_or_froze_is_red(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway.process.send_signal(signal.SIGSTOP)
    monkeypatch.setattr("gateway.workflow.health.SILENT_SECONDS", 0.5)
    found = gateway.wait_until(lambda: [each.code for each in health.look(gateway.config).troubles], "silence")
    assert found == ["NOT_RUNNING"]
    gateway.process.send_signal(signal.SIGCONT)
    gateway.kill()
    assert gateway.wait_until(lambda: [each.code for each in health.look(gateway.config).troubles]) == ["NOT_RUNNING"]


def test_wrong_use_is_two() -> None:
    assert asked(Path("config"), "--no-such-option").returncode == 2


def alarm_of(gateway: Gateway) -> mails.Notification | None:
    found = [each for each in mails.everything(gateway.ledger()) if each.occasion == "alarm" and each.state == "sent"]
    return found[0] if found else None


@pytest.mark.parametrize("role", ["all", "sftp"])
def test_when_nothing_is_checked_the_desk_has_a_mail_within_fifteen_minutes(
    demo_template: Path, tmp_path: Path, role: str
) -> None:
    root = copy_demo(demo_template, tmp_path / "gateway")
    with Gateway(root, speed=MINUTE_A_SECOND, role=role) as gateway:
        if role == "all":
            # The workers hang; in the other role there are none.
            for worker in gateway.wait_until(lambda: workers(gateway.process.pid), "workers"):
                os.kill(worker, signal.SIGSTOP)
        put(gateway)
        received = gateway.drops()[0].received_at
        alarm = gateway.wait_until(lambda: alarm_of(gateway), "the alarm")
        assert alarm is not None
        assert alarm.sent_at is not None
        assert timedelta(minutes=10) < alarm.sent_at - received <= timedelta(minutes=15)
        assert "WAITING" in codes(gateway.config)
        assert asked(gateway.config).returncode == 1
        gateway.wait_event("alarm", trouble="WAITING")
        letters = [message_from_bytes(path.read_bytes(), policy=SMTP) for path in (root / "outbox/.mail").glob("*.eml")]
        assert [each["To"] for each in letters if "aandacht" in str(each["Subject"])] != []
        for worker in workers(gateway.process.pid) if role == "all" else ():
            os.kill(worker, signal.SIGCONT)


def workers(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += map(int, (task / "children").read_text().split())
    return found


# --- without a daemon -------------------------------------------------------------------------------------------------


@pytest.fixture
def idle(demo_template: Path, tmp_path: Path) -> Path:
    """A demo that nobody serves."""
    return copy_demo(demo_template, tmp_path / "gateway")


def test_a_broken_configuration_is_a_trouble_and_no_crash(idle: Path) -> None:
    (idle / "config" / "participants.yaml").write_text("municipalities: {0363: x}\n")
    assert set(codes(idle / "config")) == {"CONFIG", "NOT_RUNNING"}
    (idle / "config" / "gateway.yaml").write_text("sftp: [\n")
    assert asked(idle / "config").returncode == 1


def test_a_ledger_that_is_damaged_or_gone_is_a_trouble_and_none_is_made(idle: Path) -> None:
    ledger = idle / "var" / "ledger.db"
    body = bytearray(ledger.read_bytes())
    body[4096 * 3 : 4096 * 6] = b"\xff" * (4096 * 3)
    ledger.write_bytes(bytes(body))
    assert "LEDGER" in codes(idle / "config")
    ledger.write_bytes(b"no database at all" * 1000)
    assert "LEDGER" in codes(idle / "config")
    ledger.unlink()
    said = asked(idle / "config")
    assert said.returncode == 1
    assert "Het register is niet te lezen" in said.stdout
    assert not ledger.exists()


def test_there_is_nothing_at_all(tmp_path: Path) -> None:
    said = asked(tmp_path / "nowhere")
    assert said.returncode == 1
    assert said.stdout.startswith("ROOD: ")
    assert list(tmp_path.iterdir()) == []


def test_what_it_says_is_one_line_for_a_monitor(idle: Path) -> None:
    first = asked(idle / "config").stdout.splitlines()[0]
    assert first.count("|") == 1
    drawn = dict(pair.split("=") for pair in first.partition(" | ")[2].split())
    assert all(value.isdigit() for value in drawn.values())
    assert {"waiting", "oldest_seconds", "breached", "uncollected", "held", "mails"} <= set(drawn)
    assert datetime.fromisoformat(document(idle / "config")["at"]).tzinfo is not None


def test_it_mails_itself_when_nobody_else_can(idle: Path) -> None:
    health.mail_alarm(idle / "config", wait=0.0)
    letters = list((idle / "outbox" / ".mail").glob("*.eml"))
    assert len(letters) == 2
    health.mail_alarm(idle / "config", wait=0.0)
    assert len(list((idle / "outbox" / ".mail").glob("*.eml"))) == 2
