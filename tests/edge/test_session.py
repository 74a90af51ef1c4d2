"""Every refusal, asked for over the wire: its SFTP status, its sentence in two languages, its desk.

Does: provokes each code of the catalogue that a session can answer, and holds a municipality that is not the account's
against one that does not exist.
Touches: one daemon; two more for the days before and after the window.
Does not: test uploads that succeed (test_closing, test_working) or logins (test_login).
"""

import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.edge import raw
from tests.edge.raw import Raw, Reply, number, offset, text
from tests.house import Gateway, copy_demo

INBOX = "/0363/inbox/"
BSN = "999990007"
Ask = Callable[[Raw], Awaitable[Reply]]


@pytest.fixture(scope="module")
def house(demo_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A daemon with a newcomer, who has not accepted the terms, and an operator who may look at Amsterdam."""
    made = Gateway(copy_demo(demo_template, tmp_path_factory.mktemp("session") / "gateway"))
    made.add_account("newcomer", "0363")
    made.account("operator", municipalities=["0363"])
    with made:
        yield made


async def answer(house: Gateway, login: str, ask: Ask) -> Reply:
    """The reply to what `login` asks in a session of its own."""
    async with raw.connection(house.port, login, house.key(login)) as made:
        return await ask(await raw.session(made))


def assert_refused(reply: Reply, status: int, code: str) -> None:
    """A status with `CODE Dutch | English`, both sentences, both naming a desk at their end."""
    assert (reply.kind, reply.code) == (raw.STATUS, status), reply.body
    found = re.fullmatch(rf"{code} (.+) \| (.+)", reply.said)
    assert found is not None, reply.said
    assert found[1].endswith("servicedesk IB.")
    assert found[2].endswith(("IB desk.", "IB service desk."))
    assert len(reply.said) < 200


def opening(path: str | bytes, flags: int = raw.NEW) -> Ask:
    """OPEN, to write unless said otherwise."""
    return lambda client: client.ask(raw.OPEN, text(path), number(flags), raw.NO_ATTRIBUTES)


def asking(kind: int, *parts: bytes) -> Ask:
    """Any request."""
    return lambda client: client.ask(kind, *parts)


def renaming(old: str, new: str) -> Ask:
    """RENAME."""
    return asking(raw.RENAME, text(old), text(new))


def extension(name: bytes, *parts: bytes) -> Ask:
    """EXTENDED."""
    return asking(raw.EXTENDED, text(name), *parts)


REFUSED: list[tuple[str, int, str, Ask]] = [
    ("TERMS", raw.PERMISSION_DENIED, "newcomer", opening(INBOX + "WMO_0363_2017H2.csv")),
    ("LEAD_ONLY", raw.PERMISSION_DENIED, "zandvoort", opening("/0473/inbox/WMO_0473_2017H2.csv")),
    ("NO_ROLE", raw.PERMISSION_DENIED, "operator", opening(INBOX + "WMO_0363_2017H2.csv")),
    ("NOT_YOURS", raw.PERMISSION_DENIED, "amsterdam", opening("/0377/inbox/WMO_0377_2017H2.csv")),
    ("NOT_YOURS", raw.PERMISSION_DENIED, "amsterdam", opening("/0377/inbox/proef/WMO_0377_2017H2.csv")),
    ("NOT_YOURS", raw.PERMISSION_DENIED, "cbs", opening(INBOX + "WMO_0363_2017H2.csv")),
    ("NAME_CHARACTERS", raw.PERMISSION_DENIED, "amsterdam", opening(INBOX + "WMO 0363.csv")),
    ("NAME_CHARACTERS", raw.PERMISSION_DENIED, "amsterdam", opening(INBOX + "één.csv")),
    ("NAME_CHARACTERS", raw.PERMISSION_DENIED, "amsterdam", opening(b"/0363/inbox/\xff\xfe.csv")),
    ("NAME_CHARACTERS", raw.PERMISSION_DENIED, "amsterdam", opening(INBOX + "a\nb\x1b[31m.csv")),
    ("NAME_CHARACTERS", raw.PERMISSION_DENIED, "amsterdam", opening(INBOX + "é.csv.filepart")),
    ("NAME_LENGTH", raw.PERMISSION_DENIED, "amsterdam", opening(INBOX + "abc")),
    ("NAME_LENGTH", raw.PERMISSION_DENIED, "amsterdam", opening(INBOX + "x" * 252 + ".csv")),
    ("NAME_BSN", raw.PERMISSION_DENIED, "amsterdam", opening(f"{INBOX}WMO_{BSN}.csv")),
    ("NAME_BSN", raw.PERMISSION_DENIED, "amsterdam", opening(f"{INBOX}.in.WMO_{BSN}.csv")),
    ("READ_ONLY", raw.PERMISSION_DENIED, "amsterdam", opening("/WMO_0363_2017H2.csv")),
    ("READ_ONLY", raw.PERMISSION_DENIED, "amsterdam", opening("/LEESMIJ.txt")),
    ("READ_ONLY", raw.PERMISSION_DENIED, "amsterdam", opening("/0363/WMO_0363_2017H2.csv")),
    ("READ_ONLY", raw.PERMISSION_DENIED, "amsterdam", opening("/0363/status.json")),
    ("READ_ONLY", raw.PERMISSION_DENIED, "amsterdam", opening("/0363/outbox/x.csv")),
    ("READ_ONLY", raw.PERMISSION_DENIED, "amsterdam", opening("/0363/outbox/opgehaald/x.csv")),
    ("READ_ONLY", raw.PERMISSION_DENIED, "amsterdam", opening("/0363/berichtenlog/x.csv")),
    ("READ_ONLY", raw.PERMISSION_DENIED, "amsterdam", opening(INBOX + "map/x.csv")),
    ("READ_ONLY", raw.PERMISSION_DENIED, "amsterdam", opening("/0363/inbox")),
    ("NO_READ_BACK", raw.PERMISSION_DENIED, "amsterdam", opening(INBOX + "WMO_0363_2017H2.csv", raw.TO_READ)),
    ("NO_MKDIR", raw.PERMISSION_DENIED, "amsterdam", asking(raw.MKDIR, text(INBOX + "map"), raw.NO_ATTRIBUTES)),
    ("NO_REMOVE", raw.PERMISSION_DENIED, "amsterdam", asking(raw.RMDIR, text("/0363/inbox"))),
    ("NO_REMOVE", raw.PERMISSION_DENIED, "amsterdam", asking(raw.REMOVE, text("/LEESMIJ.txt"))),
    ("NO_REMOVE", raw.PERMISSION_DENIED, "amsterdam", asking(raw.REMOVE, text("/0363/status.json"))),
    ("NO_REMOVE", raw.PERMISSION_DENIED, "amsterdam", asking(raw.REMOVE, text("/0363/outbox"))),
    ("NO_LINKS", raw.PERMISSION_DENIED, "amsterdam", asking(raw.SYMLINK, text("/etc/passwd"), text(INBOX + "link"))),
    ("NO_LINKS", raw.PERMISSION_DENIED, "amsterdam", asking(raw.READLINK, text("/0363/status.json"))),
    ("NO_LINKS", raw.PERMISSION_DENIED, "amsterdam",
     extension(b"hardlink@openssh.com", text("/0363/status.json"), text(INBOX + "link.csv"))),
    ("NO_RENAME", raw.PERMISSION_DENIED, "amsterdam", renaming("/0363/status.json", INBOX + "x.csv")),
    ("NO_RENAME", raw.PERMISSION_DENIED, "amsterdam", renaming(INBOX + "a.csv", INBOX + "b.csv")),
    ("NO_RENAME", raw.PERMISSION_DENIED, "amsterdam", renaming(INBOX + "a.part", INBOX + "proef/a.csv")),
    ("NO_RENAME", raw.PERMISSION_DENIED, "amsterdam", renaming(INBOX + "a.part", "/0377/inbox/a.csv")),
    ("NO_RENAME", raw.PERMISSION_DENIED, "amsterdam", renaming(INBOX + "a.part", "/0363/outbox/a.csv")),
    ("NO_SUCH_FILE", raw.NO_SUCH_FILE, "amsterdam", renaming(INBOX + "a.part", INBOX + "a.csv")),
    ("NO_SUCH_FILE", raw.NO_SUCH_FILE, "amsterdam", renaming(INBOX + "a.part", INBOX + "b.part")),
    ("NO_SUCH_FILE", raw.NO_SUCH_FILE, "amsterdam", renaming(INBOX + "é" * 200 + ".part", INBOX + "a.csv")),
    ("NO_SUCH_FILE", raw.NO_SUCH_FILE, "amsterdam", asking(raw.STAT, text("/0363/nope"))),
    ("NO_SUCH_FILE", raw.NO_SUCH_FILE, "amsterdam", asking(raw.LSTAT, text(INBOX + "é" * 200 + ".part"))),
    ("NO_SUCH_FILE", raw.NO_SUCH_FILE, "amsterdam", asking(raw.REMOVE, text(INBOX + "é" * 200 + ".part"))),
    ("NO_SUCH_FILE", raw.NO_SUCH_FILE, "amsterdam", asking(raw.REMOVE, text("/0363/outbox/nope.json"))),
    ("NO_SUCH_FILE", raw.NO_SUCH_FILE, "amsterdam", asking(raw.REMOVE, text(INBOX + "nope.csv"))),
    ("NO_SUCH_FILE", raw.NO_SUCH_FILE, "amsterdam", asking(raw.SETSTAT, text(INBOX + "nope"), raw.NO_ATTRIBUTES)),
    ("NO_SUCH_FILE", raw.NO_SUCH_FILE, "amsterdam", opening("/0363/outbox/nope.json", raw.TO_READ)),
    ("NO_SUCH_FILE", raw.NO_SUCH_FILE, "amsterdam", opening("/0363/outbox", raw.TO_READ)),
    ("NO_SUCH_FILE", raw.NO_SUCH_FILE, "amsterdam", opening("/etc/passwd", raw.TO_READ)),
    ("NO_SUCH_FILE", raw.NO_SUCH_FILE, "amsterdam",
     opening("/0363/berichtenlog/0001-01-01_9999-12-31.csv", raw.TO_READ)),
    ("NO_SUCH_FILE", raw.NO_SUCH_FILE, "amsterdam", asking(raw.OPENDIR, text("/0363/nope"))),
    ("NO_SUCH_FILE", raw.NO_SUCH_FILE, "amsterdam", asking(raw.OPENDIR, text("/0363/status.json"))),
    ("NO_SUCH_FILE", raw.NO_SUCH_FILE, "amsterdam", asking(raw.OPENDIR, text("/etc"))),
    ("NO_SUCH_FILE", raw.NO_SUCH_FILE, "amsterdam", asking(raw.REALPATH, text(b"/a\0b"))),
    ("UNSUPPORTED", raw.OP_UNSUPPORTED, "amsterdam", extension(b"statvfs@openssh.com", text("/"))),
    ("UNSUPPORTED", raw.OP_UNSUPPORTED, "amsterdam",
     extension(b"copy-data", text("h"), offset(0), offset(0), text("h"), offset(0))),
    ("UNSUPPORTED", raw.OP_UNSUPPORTED, "amsterdam",
     extension(b"ranges@asyncssh.com", text("h"), offset(0), offset(0))),
]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "status", "login", "ask"), REFUSED, ids=[f"{n}-{each[0]}" for n, each in enumerate(REFUSED)]
)
async def test_a_request_is_refused_in_words(house: Gateway, code: str, status: int, login: str, ask: Ask) -> None:
    assert_refused(await answer(house, login, ask), status, code)
    assert house.events("internal_error") == []


@pytest.mark.parametrize(
    ("moment", "code"), [("2018-02-11T23:59", "WINDOW_NOT_OPEN"), ("2018-03-10T00:16", "WINDOW_CLOSED")]
)
async def test_outside_the_window(demo_template: Path, tmp_path: Path, moment: str, code: str) -> None:
    with Gateway(copy_demo(demo_template, tmp_path / "gateway"), simulate=moment) as house:
        refused = await answer(house, "amsterdam", opening(INBOX + "WMO_0363_2017H2.csv"))
        assert_refused(refused, raw.PERMISSION_DENIED, code)
        tried = await answer(house, "amsterdam", lambda client: client.put(INBOX + "proef/WMO_0363_2017H2.csv", b"x"))
        assert tried.code == raw.OK
        assert house.wait_report("0363", "^OB_.*_GEWEIGERD$").outcome == "GEWEIGERD"


async def test_an_empty_file(house: Gateway) -> None:
    refused = await answer(house, "amsterdam", lambda client: client.put(INBOX + "leeg.csv", b""))
    assert_refused(refused, raw.PERMISSION_DENIED, "EMPTY")


@pytest.mark.parametrize("way", ["write", "truncate", "far"])
async def test_one_byte_too_many(house: Gateway, way: str) -> None:
    limit = 2_621_440

    async def ask(client: Raw) -> Reply:
        handle = await client.open(INBOX + "groot.csv")
        if way == "truncate":
            size = number(1) + offset(limit + 1)
            refused = await client.ask(raw.FSETSTAT, text(handle), size)
        else:
            client.write(handle, 2**63 if way == "far" else limit - 9, b"0123456789")
            refused = await client.reply()
        assert_refused(refused, raw.PERMISSION_DENIED, "TOO_LARGE")
        assert "2.621.440" in refused.said
        return await client.ask(raw.CLOSE, text(handle))

    assert_refused(await answer(house, "amsterdam", ask), raw.PERMISSION_DENIED, "TOO_LARGE")


async def test_exactly_the_limit_is_received(house: Gateway) -> None:
    done = await answer(house, "amsterdam", lambda client: client.put(INBOX + "proef/vol.csv", b"x" * 2_621_440))
    assert done.code == raw.OK


@contextmanager
def gone(folder: Path) -> Iterator[None]:
    """A folder that the daemon needs, away for a while."""
    away = folder.with_name(folder.name + "-away")
    folder.rename(away)
    try:
        yield
    finally:
        away.rename(folder)


async def test_what_cannot_be_made_durable(house: Gateway) -> None:
    before = len(house.drops())
    with gone(house.inbox / "0363" / ".landed"):
        refused = await answer(house, "amsterdam", lambda client: client.put(INBOX + "vandaag.csv", b"x"))
    assert_refused(refused, raw.FAILURE, "NOT_DURABLE")
    assert len(house.drops()) == before
    assert list((house.inbox / ".staging").iterdir()) == []


async def test_what_nobody_foresaw_is_a_number_for_the_desk_and_no_message(house: Gateway) -> None:
    async def ask(client: Raw) -> Reply:
        handle = await client.open(INBOX + "weg.csv")
        # What came from back to front is read again at the end.
        for at in (1, 0):
            client.write(handle, at, b"x")
            await client.reply()
        for payload in (house.inbox / ".staging").glob("*/payload"):
            payload.unlink()
        return await client.ask(raw.CLOSE, text(handle))

    refused = await answer(house, "amsterdam", ask)
    assert_refused(refused, raw.FAILURE, "INTERNAL")
    logged = house.wait_event("internal_error")
    assert logged["mark"] in refused.said
    assert "weg.csv" not in str(logged)
    assert str(house.root) not in refused.said


async def test_handles_and_listings_have_a_cap(house: Gateway) -> None:
    async def ask(client: Raw) -> Reply:
        for kind, path, flags, most, code in (
            (raw.OPEN, "/LEESMIJ.txt", number(raw.TO_READ) + raw.NO_ATTRIBUTES, 32, "TOO_MANY_HANDLES"),
            (raw.OPENDIR, "/", b"", 8, "TOO_MANY_LISTINGS"),
        ):
            opened = [await client.ask(kind, text(path), flags) for _ in range(most)]
            assert {reply.kind for reply in opened} == {raw.HANDLE}
            assert_refused(await client.ask(kind, text(path), flags), raw.FAILURE, code)
            assert (await client.ask(raw.CLOSE, text(opened[0].string()))).code == raw.OK
            again = await client.ask(kind, text(path), flags)
            assert again.kind == raw.HANDLE
        return again

    assert (await answer(house, "amsterdam", ask)).kind == raw.HANDLE


# --- somebody else's municipality -------------------------------------------------------------------------------------

BELOW = ("", "/", "/inbox", "/inbox/proef", "/inbox/WMO_0377_2017H2.csv", "/inbox/a.filepart", "/outbox",
         "/outbox/{report}", "/outbox/opgehaald", "/outbox/opgehaald/{report}", "/status.json", "/berichtenlog",
         "/intrekken", "/berichtenlog/berichtenlog-2018-02.csv", "/nope")  # fmt: skip


async def everything(client: Raw, code: str, report: str) -> list[tuple[int, int, bytes]]:
    """Every request on every path of a municipality: kind, status and text of the replies."""
    replies = []
    for each in BELOW:
        path = text(f"/{code}" + each.format(report=report))
        mine = text(INBOX + "mijn.csv")
        for kind, parts in (
            (raw.STAT, (path,)),
            (raw.LSTAT, (path,)),
            (raw.OPEN, (path, number(raw.TO_READ), raw.NO_ATTRIBUTES)),
            (raw.OPEN, (path, number(raw.NEW), raw.NO_ATTRIBUTES)),
            (raw.OPENDIR, (path,)),
            (raw.SETSTAT, (path, raw.NO_ATTRIBUTES)),
            (raw.REMOVE, (path,)),
            (raw.RMDIR, (path,)),
            (raw.MKDIR, (path, raw.NO_ATTRIBUTES)),
            (raw.RENAME, (path, mine)),
            (raw.RENAME, (mine, path)),
            (raw.READLINK, (path,)),
            (raw.EXTENDED, (text(b"posix-rename@openssh.com"), path, mine)),
        ):
            reply = await client.ask(kind, *parts)
            replies.append((kind, reply.code, reply.body))
    return replies


async def test_a_strangers_municipality_is_as_absent_as_one_that_does_not_exist(house: Gateway) -> None:
    await answer(house, "bloemendaal", lambda client: client.put("/0377/inbox/WMO_0377_2017H2.csv", b"x"))
    report = house.wait_report("0377", "^OB_.*_ONTVANGEN$").stem + ".json"
    house.wait_report("0377", "^TR_")
    reports = len(house.reports("0377"))
    async with raw.connection(house.port, "amsterdam", house.key("amsterdam")) as made:
        client = await raw.session(made)
        there, nowhere = await everything(client, "0377", report), await everything(client, "9999", report)
    assert there == nowhere
    assert raw.OK not in {code for _, code, _ in there}
    assert {kind for kind, code, _ in there if code == -1} == set()
    assert len(house.reports("0377")) == reports
    with house.paramiko("amsterdam") as sftp:
        assert sorted(sftp.listdir("/")) == ["0363", "LEESMIJ.txt", "README.txt"]


# --- what a refusal leaves behind -------------------------------------------------------------------------------------


async def test_a_refusal_is_found_by_a_person(house: Gateway) -> None:
    """In the outbox once per name and hour, in status.json, and in the log each time."""
    for _ in range(3):
        await answer(house, "amsterdam", opening(INBOX + "te kort"))
    lines = house.ledger().rows("select * from log where event = 'refused' and detail like '%\"te kort\"%'")
    assert len(lines) == 3
    assert len([line for line in lines if line["report_id"]]) == 1
    receipt = house.wait_until(
        lambda: [
            each for each in house.reports("0363", "_GEWEIGERD$") if each.id == lines[0]["report_id"] and each.placed_at
        ]
    )[0]
    with house.paramiko("amsterdam") as sftp:
        assert f"{receipt.stem}.json" in sftp.listdir("/0363/outbox")
        with sftp.open("/0363/outbox/" + receipt.stem + ".json") as found:
            body = found.read().decode()
        with sftp.open("/0363/status.json") as status:
            assert '"te kort"' in status.read().decode()
    assert "NAME_CHARACTERS" in body


async def test_a_bsn_in_a_name_is_nowhere_afterwards(house: Gateway) -> None:
    paths = (f"WMO_{BSN}.csv", f"{BSN}.filepart", f"é{BSN}.csv", f"proef/{BSN}.csv")
    for path in paths:
        refused = await answer(house, "amsterdam", opening(INBOX + path))
        assert BSN not in refused.said
    await answer(house, "amsterdam", lambda client: client.put(INBOX + "goed.filepart", b"x"))
    for old, new in ((f"{BSN}.part", "x.csv"), ("goed.filepart", f"{BSN}.csv"), ("goed.filepart", f"{BSN}.tmp")):
        refused = await answer(house, "amsterdam", renaming(INBOX + old, INBOX + new))
        assert BSN not in refused.said
    await answer(house, "amsterdam", asking(raw.REMOVE, text(INBOX + BSN + ".csv")))
    await answer(house, "amsterdam", asking(raw.STAT, text("/" + BSN)))
    kept = [
        path for folder in ("var", "inbox", "outbox") for path in (house.root / folder).rglob("*") if path.is_file()
    ]
    assert house.ledger_path in kept
    assert [path for path in kept if BSN.encode() in path.read_bytes()] == []
    assert BSN not in house.text()
    assert list(house.root.rglob(f"*{BSN}*")) == []
