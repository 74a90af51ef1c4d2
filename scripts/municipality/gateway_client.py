#!/usr/bin/env python3
"""Deliver files and fetch reports with plain Python and paramiko: an example to copy and change.

    python3 gateway_client.py put [--wait] FILE...
    python3 gateway_client.py fetch [--confirm] [DIRECTORY]

Does: as little as a sound script can do. put uploads under a working name, renames, and counts a file as received only
when a receipt bears its SHA-256; fetch verifies every report against the checksums in its JSON before it keeps it.
Needs: Python 3.9 or newer and `pip install paramiko`. Environment: GATEWAY_HOST, GATEWAY_LOGIN, GATEWAY_KEY, and if
need be GATEWAY_PORT (22), GATEWAY_KNOWN_HOSTS (~/.config/gateway/known_hosts), GATEWAY_MUNICIPALITY.
Does not: try again; it ends with 4 and is started again by cron or by you. Sending twice does no harm.

Exit codes: 0 received (with --wait: approved; fetch: nothing is wrong), 1 rejected (fetch: a checksum is wrong),
2 wrong arguments, 3 refused, 4 try again later, 5 wrong host key or login.

A host key is never accepted unseen. Put the line that the service desk gives you in the known_hosts file, or make it
with `ssh-keyscan -p PORT HOST` and compare the fingerprint (`ssh-keygen -lf FILE`) with the service desk's.
"""

import argparse
import errno
import hashlib
import json
import os
import re
import sys
import time
import uuid
from pathlib import Path

import paramiko

REPORT = re.compile(r"(OB|TR|OO|IB|HB)_[0-9]{4}_[A-Za-z0-9_-]+\.(json|html|csv)")
WAIT_SECONDS = 600


class End(Exception):
    """The script ends: exit code and what to say."""

    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


# --- put ----------------------------------------------------------------------------------------------------


def put(sftp, path, wait):
    """Deliver one file; returns the exit code."""
    body = path.read_bytes()
    digest = hashlib.sha256(body).hexdigest()
    code = municipality_of(path.name)
    outbox = f"/{code}/outbox"
    before = set(receipts(sftp, outbox))
    working = f"/{code}/inbox/{path.name}.{uuid.uuid4().hex[:8]}.filepart"
    with sftp.open(working, "wb") as file:
        # Not pipelined: each write is answered, so a refusal is seen where it happens.
        for start in range(0, len(body), 32768):
            file.write(body[start : start + 32768])
    sftp.rename(working, f"/{code}/inbox/{path.name}")
    receipt = find_receipt(sftp, outbox, before, digest)
    if receipt is None:
        raise End(4, f"{path.name}: nog geen ontvangstbevestiging | no receipt yet")
    print(f"{path.name}: {receipt['outcome']}, {receipt['drop_id']}")
    if not wait:
        return 0
    # A repeat was checked when it first came.
    return verdict(sftp, outbox, path.name, receipt["first_drop"] or receipt["drop_id"])


def municipality_of(name):
    """The code in the file's name, or the one that is set."""
    found = {part for part in re.split(r"[._-]", name) if re.fullmatch(r"[0-9]{4}", part)}
    code = os.environ.get("GATEWAY_MUNICIPALITY") or (found.pop() if len(found) == 1 else "")
    if not code:
        raise End(2, f"{name}: zet GATEWAY_MUNICIPALITY | set GATEWAY_MUNICIPALITY")
    return code


def receipts(sftp, outbox):
    """Names of the receipts of what was received, the acknowledged ones too."""
    names = sftp.listdir(outbox) + sftp.listdir(f"{outbox}/opgehaald")
    return [name for name in names if re.fullmatch(r"OB_.*_(ONTVANGEN|HERHALING)\.json", name)]


def find_receipt(sftp, outbox, before, digest):
    """The new receipt that bears the checksum; None when it does not come within a minute."""
    for _ in range(12):
        for name in receipts(sftp, outbox):
            if name not in before:
                # An acknowledged report can still be opened under its name in the outbox.
                document = json.loads(read(sftp, f"{outbox}/{name}"))
                if document["file"]["sha256"] == digest:
                    return document
        time.sleep(5)
    return None


def verdict(sftp, outbox, name, drop_id):
    """Wait for the technical report; its name says how it ended, so it need not be read."""
    until = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < until:
        names = sftp.listdir(outbox) + sftp.listdir(f"{outbox}/opgehaald")
        found = [each for each in names if re.fullmatch(rf"TR_.*_{drop_id}_[A-Z-]+\.json", each)]
        if found:
            good = all(each.endswith("GOEDGEKEURD.json") for each in found)
            print(f"{name}: {'goedgekeurd | approved' if good else 'AFGEKEURD | REJECTED'}, {drop_id}")
            return 0 if good else 1
        time.sleep(10)
    raise End(4, f"{name}: nog geen technisch rapport | no technical report yet, {drop_id}")


# --- fetch --------------------------------------------------------------------------------------------------


def fetch(sftp, directory, confirm):
    """Bring every report set home that does not lie there; returns the exit code."""
    wrong = 0
    for code in filter(re.compile(r"[0-9]{4}").fullmatch, sftp.listdir("/")):
        for name in sftp.listdir(f"/{code}/outbox"):
            if REPORT.fullmatch(name) and name.endswith(".json"):
                if fetch_set(sftp, f"/{code}/outbox", name, directory / code):
                    if confirm:
                        sftp.remove(f"/{code}/outbox/{name}")
                else:
                    print(f"{name}: controlegetal klopt niet | checksum is wrong", file=sys.stderr)
                    wrong = 1
    return wrong


def fetch_set(sftp, outbox, name, home):
    """Bring one JSON and the files that it lists; False when one does not match its checksum."""
    home.mkdir(parents=True, exist_ok=True)
    document = home / name
    body = document.read_bytes() if document.exists() else read(sftp, f"{outbox}/{name}")
    for file in json.loads(body)["files"]:
        target = home / file["name"]
        if not REPORT.fullmatch(file["name"]):
            return False  # never let a name lead out of the folder
        if target.exists() and hashlib.sha256(target.read_bytes()).hexdigest() == file["sha256"]:
            continue
        content = read(sftp, f"{outbox}/{file['name']}")
        if hashlib.sha256(content).hexdigest() != file["sha256"]:
            return False
        place(target, content)
        print(target)
    if not document.exists():
        place(document, body)
        print(document)
    return True


def read(sftp, path):
    """All bytes of a remote file."""
    with sftp.open(path, "rb") as file:
        return file.read()


def place(path, body):
    """Write a file so that it is there whole or not at all."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with fresh.open("wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


# --- the connection -----------------------------------------------------------------------------------------


def connect():
    """A client that has logged in. Only a host key that is in known_hosts is accepted."""
    try:
        host, login, key = (os.environ[f"GATEWAY_{name}"] for name in ("HOST", "LOGIN", "KEY"))
    except KeyError as error:
        raise End(2, f"Zet | set {error.args[0]}") from None
    client = paramiko.SSHClient()
    known_hosts = os.environ.get("GATEWAY_KNOWN_HOSTS") or Path.home() / ".config" / "gateway" / "known_hosts"
    client.load_host_keys(os.fspath(known_hosts))
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    port = int(os.environ.get("GATEWAY_PORT") or 22)
    client.connect(host, port, login, key_filename=key, allow_agent=False, look_for_keys=False, timeout=20)
    return client


def run(arguments):
    """What was asked for; returns the exit code."""
    client = connect()
    try:
        sftp = client.open_sftp()
        # The gateway answers a rename within 20 seconds; a line that is silent for a minute is dead.
        sftp.get_channel().settimeout(60)
        if arguments.command == "fetch":
            return fetch(sftp, arguments.directory, arguments.confirm)
        return max([put(sftp, path, arguments.wait) for path in arguments.files])
    finally:
        client.close()


def main():
    """Read the arguments; turn whatever happens into an exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    putting = commands.add_parser("put")
    putting.add_argument("--wait", action="store_true")
    putting.add_argument("files", nargs="+", type=Path)
    fetching = commands.add_parser("fetch")
    fetching.add_argument("--confirm", action="store_true")
    fetching.add_argument("directory", nargs="?", default=Path("reports"), type=Path)
    try:
        return run(parser.parse_args())
    except End as end:
        code, text = end.code, str(end)
    except (paramiko.BadHostKeyException, paramiko.AuthenticationException) as error:
        code, text = 5, f"GEVAAR of verkeerde sleutel: bel de servicedesk | wrong host key or login: {error}"
    except paramiko.SSHException as error:
        code = 5 if "not found in known_hosts" in str(error) else 4
        text = str(error)
    except (OSError, EOFError) as error:
        # Final refusals have the status PERMISSION_DENIED; paramiko gives the gateway's sentence as the text.
        code = 3 if getattr(error, "errno", None) in (errno.EACCES, errno.ENOENT) else 4
        text = str(error)
    print(text, file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
