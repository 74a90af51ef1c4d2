"""`gateway put` against the real daemon: success, repeat, verdicts, refusals, host keys, logins.

Does: runs the command as a municipality would and holds its exit code against the ledger.
Touches: a gateway in a sandbox.
Does not: hurt the line; test_put_hurt does.
"""

import hashlib
import os
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    PublicFormat,
    load_ssh_private_key,
)

from tests.client.municipality import CODE, WMO, Municipality, told
from tests.house import COMMAND, Gateway, copy_demo
from tests.samples import cost_csv, good


def test_received_means_a_receipt_with_the_files_own_checksum(own_town: Municipality) -> None:
    path = own_town.file()
    answer = own_town.put("--json", path)
    assert answer.returncode == 0, answer.stderr
    (file,) = told(answer)["files"]
    (drop,) = own_town.gateway.drops()
    assert file["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest() == drop.file.sha256
    assert (file["outcome"], file["drop_id"], file["bytes"]) == ("received", drop.short_id, drop.file.size)
    assert file["receipt"] == f"OB_{CODE}_ALLE_ALLE_{drop.short_id}_ONTVANGEN.json"


def test_twice_is_a_repeat_and_a_success(own_town: Municipality) -> None:
    path = own_town.file()
    first, second = told(own_town.put("--json", path)), told(own_town.put("--json", path))
    assert (first["exit_code"], second["exit_code"]) == (0, 0)
    assert second["files"][0]["outcome"] == "repeated"
    assert [drop.repeat_of is None for drop in own_town.gateway.drops()] == [True, False]


def test_no_working_file_is_left(own_town: Municipality) -> None:
    assert own_town.put(own_town.file()).returncode == 0
    with own_town.gateway.paramiko("amsterdam") as sftp:
        names = sftp.listdir(f"/{CODE}/inbox")
    assert [name for name in names if name.endswith(".filepart")] == []


@pytest.mark.parametrize(("faulty", "code", "outcome"), [(False, 0, "approved"), (True, 1, "rejected")])
def test_the_exit_code_is_the_verdict(town: Municipality, faulty: bool, code: int, outcome: str) -> None:
    path = town.bad_file() if faulty else town.file()
    answer = town.put("--wait", "--json", path)
    (file,) = told(answer)["files"]
    assert (answer.returncode, file["outcome"]) == (code, outcome), answer.stderr
    assert len(file["reports"]) == 1
    assert file["drop_id"] in file["reports"][0]


def test_waiting_for_a_repeat_gives_the_first_ones_verdict(town: Municipality) -> None:
    path = town.file("KOSTENWMO_0363_2017H2.csv", cost_csv("KOSTENWMO", CODE))
    assert town.put("--wait", path).returncode == 0
    again = told(town.put("--wait", "--json", path))
    assert (again["files"][0]["repeat"], again["files"][0]["outcome"]) == (True, "approved")


def test_waiting_marks_no_report_as_collected(own_town: Municipality) -> None:
    assert own_town.put("--wait", own_town.bad_file()).returncode == 1
    (report,) = own_town.gateway.reports(CODE, "^TR_")
    assert report.collected_at is None


def test_a_trial_counts_for_nothing(town: Municipality) -> None:
    before = [drop.id for drop in town.gateway.drops() if drop.lane == "inbox"]
    answer = told(town.put("--trial", "--wait", "--json", town.bad_file()))
    assert answer["exit_code"] == 1
    assert answer["files"][0]["reports"][0].endswith("_PROEF-AFGEKEURD.json")
    assert [drop.id for drop in town.gateway.drops() if drop.lane == "inbox"] == before


def test_several_files_each_have_an_ending_and_the_worst_is_the_exit_code(town: Municipality) -> None:
    jeugd = town.file("JEUGD_0363_2017H2.csv", good("JEUGD", CODE))
    answer = town.put("--wait", "--json", jeugd, town.bad_file("WMO_0363_2017H1.csv"), town.file("leeg.csv", b""))
    outcomes = [(file["outcome"], file["refusal"]) for file in told(answer)["files"]]
    assert answer.returncode == 3
    assert outcomes == [("approved", None), ("rejected", None), ("refused", "EMPTY")]


def test_a_zip_goes_to_the_only_municipality_that_the_account_sees(town: Municipality) -> None:
    path = town.file("MSD.zip", (town.gateway.root / "demo" / "files" / "MSD.zip").read_bytes())
    (file,) = told(town.put("--wait", "--json", path))["files"]
    assert (file["municipality"], file["outcome"], len(file["reports"])) == (CODE, "approved", 4)


def test_with_two_municipalities_a_zip_needs_to_be_told_which(town: Municipality) -> None:
    town.login = "bloemendaal"
    path = town.file("MSD.zip")
    answer = town.put(path)
    assert answer.returncode == 2
    assert "--municipality" in answer.stderr
    assert "0377, 0473" in answer.stderr


def test_a_refusal_is_final_and_says_why_in_both_languages(town: Municipality) -> None:
    answer = town.put("--municipality", "0377", town.file())
    assert answer.returncode == 3
    assert "NOT_YOURS" in answer.stderr
    assert "Uw account heeft geen toegang" in answer.stderr
    assert "Your account" in answer.stderr


def test_a_file_that_is_too_large_is_refused_while_it_is_sent(town: Municipality) -> None:
    answer = told(town.put("--json", town.file(body=b"x" * 3_000_000)))
    assert (answer["exit_code"], answer["files"][0]["refusal"]) == (3, "TOO_LARGE")


def test_a_name_with_a_citizen_service_number_is_refused(town: Municipality) -> None:
    answer = told(town.put("--json", "--municipality", CODE, town.file("WMO_999990019.csv")))
    assert (answer["exit_code"], answer["files"][0]["refusal"]) == (3, "NAME_BSN")


def test_before_the_window_waiting_helps_and_the_command_does_not_wait_for_weeks(
    demo_template: Path, town: Municipality, tmp_path: Path
) -> None:
    with Gateway(copy_demo(demo_template, tmp_path / "early"), simulate="2018-01-15T09:00") as early:
        town.gateway = early
        answer = town.put("--json", town.file())
    assert told(answer)["files"][0]["refusal"] == "WINDOW_NOT_OPEN"
    assert answer.returncode == 4
    assert "again" not in answer.stderr


# --- who is there, and who are we ---------------------------------------------------------------------------


def test_the_host_key_is_pinned_at_first_use_and_trusted_after(town: Municipality) -> None:
    first = town.put(town.file())
    pinned = town.known_hosts.read_text()
    fingerprint = (town.gateway.config / "host_key_ed25519.pub").read_text().split()[1]
    assert first.returncode == 0
    assert pinned.split()[:3] == [f"[127.0.0.1]:{town.gateway.port}", "ssh-ed25519", fingerprint]
    assert "SHA256:" in first.stderr
    second = town.put(town.file())
    assert (second.returncode, town.known_hosts.read_text()) == (0, pinned)
    assert "SHA256:" not in second.stderr


def test_another_host_key_than_the_pinned_one_stops_everything(town: Municipality) -> None:
    stranger = (town.gateway.root / "demo" / "keys" / "cbs.pub").read_text().split()[1]
    line = f"[127.0.0.1]:{town.gateway.port} ssh-ed25519 {stranger}\n"
    town.known_hosts.write_text(line)
    before = len(town.gateway.drops())
    answer = town.put(town.file())
    assert answer.returncode == 5
    assert "GEVAAR" in answer.stderr
    assert town.known_hosts.read_text() == line
    assert len(town.gateway.drops()) == before


def test_a_pinned_key_of_another_type_is_another_key(town: Municipality) -> None:
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    key = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    town.known_hosts.write_text(f"[127.0.0.1]:{town.gateway.port} {key}\n")
    assert town.put(town.file()).returncode == 5


def test_a_given_fingerprint_goes_before_what_is_pinned(town: Municipality) -> None:
    with town.gateway.transport("amsterdam") as transport:
        right = transport.get_remote_server_key().fingerprint
    assert town.put("--host-key", right, town.file()).returncode == 0
    assert town.put("--host-key", f"{right.removeprefix('SHA256:')}=", town.file()).returncode == 0
    assert town.put("--host-key", "SHA256:" + "A" * 43, town.file()).returncode == 5
    assert not town.known_hosts.exists()


def test_a_wrong_key_or_login_is_no_use_to_try_again(town: Municipality) -> None:
    town.extra["GATEWAY_KEY"] = str(town.gateway.key("cbs"))
    answer = town.put(town.file())
    assert answer.returncode == 5
    assert "amsterdam" in answer.stderr
    assert "again" not in answer.stderr


@pytest.mark.parametrize("content", ["", "no key", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n"])
def test_a_file_that_is_no_key_is_named(town: Municipality, content: str) -> None:
    bad = town.folder / "key"
    bad.write_text(content)
    answer = town.put("--key", bad, town.file())
    assert answer.returncode == 5
    assert str(bad) in answer.stderr


def test_a_key_with_a_passphrase_asks_for_it_and_takes_it(town: Municipality) -> None:
    secret = load_ssh_private_key(town.gateway.key("amsterdam").read_bytes(), None)
    locked = town.folder / "locked"
    locked.write_bytes(secret.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, BestAvailableEncryption(b"open")))
    answer = town.put("--key", locked, town.file())
    assert answer.returncode == 5
    assert "GATEWAY_KEY_PASSPHRASE" in answer.stderr
    town.extra["GATEWAY_KEY_PASSPHRASE"] = "open"
    assert town.put("--key", locked, town.file()).returncode == 0


# --- how it speaks ------------------------------------------------------------------------------------------


def test_quiet_says_nothing_about_success(town: Municipality) -> None:
    assert town.put(town.file()).returncode == 0
    answer = town.put("--quiet", town.file())
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")


def test_results_are_in_dutch_first_then_english(town: Municipality) -> None:
    nl, en = town.put(town.file()).stdout.rstrip().split(" | ")
    assert nl.startswith(f"{WMO}: ")
    assert "ontvangen" in nl
    assert "received" in en


def test_without_a_host_it_is_a_usage_error(town: Municipality) -> None:
    town.extra["GATEWAY_HOST"] = ""
    answer = town.put(town.file())
    assert answer.returncode == 2
    assert "--host" in answer.stderr


def test_on_a_terminal_it_says_the_same_beside_a_bar(town: Municipality) -> None:
    ours, theirs = os.openpty()
    command = [str(COMMAND), "put", "--wait", str(town.file())]
    environment = {**town.environment(), "TERM": "xterm", "COLUMNS": "250"}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=theirs, text=True, check=False)
    os.close(theirs)
    shown = bytearray()
    with suppress(OSError):  # a terminal whose other side is closed ends in an error
        while data := os.read(ours, 65536):
            shown += data
    os.close(ours)
    text = shown.decode()
    assert done.returncode == 0, text
    assert "goedgekeurd" in done.stdout
    assert f"{WMO}: " in text
    assert "waiting for the technical report" in text
    assert "\x1b[" in text
