"""A real daemon and its mail: into the folder, to a server of this machine, and to one that is dead."""

import time
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from pathlib import Path

from tests.channel.server import SILENCE, Behaviour, MailServer
from tests.house import Gateway, copy_demo

FAST = 3600.0


def mails(folder: Path) -> list[EmailMessage]:
    found = []
    for path in sorted(folder.glob("*.eml")):
        message = message_from_bytes(path.read_bytes(), policy=WIRE)
        assert isinstance(message, EmailMessage)
        found.append(message)
    return found


def put(gateway: Gateway) -> None:
    file = gateway.root / "demo" / "files" / "WMO_0363_2017H2.csv"
    said = gateway.sftp("amsterdam", f"put {file} /0363/inbox/WMO_0363_2017H2.csv\n")
    assert said.returncode == 0, said.stderr


def test_without_a_mail_server_every_mail_lies_in_the_folder(demo_template: Path, tmp_path: Path) -> None:
    with Gateway(copy_demo(demo_template, tmp_path / "gateway"), speed=FAST) as gateway:
        put(gateway)
        gateway.wait_event("mailed", occasion="technical", account="amsterdam")
        gateway.wait_event("mailed", occasion="opening", account="amsterdam")
        gateway.wait_event("mailed", occasion="overview", account="@desk")
        found = mails(gateway.outbox / ".mail")
    subjects = {message["Subject"] for message in found if message["To"] == "anna.devries@amsterdam.example"}
    assert "SANDBOX: Technisch rapport klaar voor Amsterdam (0363)" in subjects
    assert len({message["Message-ID"] for message in found}) == len(found)


def test_a_mail_server_on_this_machine_gets_them_also_in_a_sandbox(demo_template: Path, tmp_path: Path) -> None:
    with MailServer() as server:
        mail = {"host": "127.0.0.1", "port": server.port, "from": "gateway@desk.example", "tls": "none"}
        with Gateway(copy_demo(demo_template, tmp_path / "gateway"), {"mail": mail}) as gateway:
            put(gateway)
            gateway.wait_event("mailed", occasion="technical", account="amsterdam")
            server.wait(lambda: bool(server.accepted))
            assert not (gateway.outbox / ".mail").exists()
    assert server.accepted[0].recipients == ["anna.devries@amsterdam.example"]


def test_a_mail_server_that_hangs_delays_no_receipt_no_report_and_no_stop(demo_template: Path, tmp_path: Path) -> None:
    with MailServer(Behaviour(data=lambda _n: SILENCE)) as server:
        mail = {"host": "127.0.0.1", "port": server.port, "from": "gateway@desk.example", "tls": "none"}
        settings = {"mail": {**mail, "timeout_seconds": 3600}}
        with Gateway(copy_demo(demo_template, tmp_path / "gateway"), settings) as gateway:
            put(gateway)
            server.wait(lambda: len(server.taken) == 1)
            put(gateway)
            gateway.wait_report("0363", "HERHALING")
            begun = time.monotonic()
            assert gateway.stop() == 0
            assert time.monotonic() - begun < 15
