"""Attacks request by request: paths, extensions, shapes of packets, and everything that is not SFTP.

Does: each function is an attack; what it must meet stands in the catalogue.
Touches: the loopback interface.
Does not: measure (ground), or flood (after_login).
"""

import asyncio
import random
from contextlib import suppress

import asyncssh
import paramiko

from tests.attacks.ground import ATTACKER, NOWHERE, STRANGE, Ground, Outcome
from tests.edge import raw
from tests.edge.raw import Raw, Reply, number, offset, text

MINE = "/0363/inbox/mijn.csv"
BELOW = ("", "/", "/.", "/inbox", "/inbox/", "/inbox/WMO_{code}_2017H2.csv", "/inbox/proef", "/outbox",
         "/status.json", "/outbox/opgehaald", "/intrekken", "/berichtenlog",
         "/berichtenlog/berichtenlog-2018-02.csv")  # fmt: skip


def spellings(code: str) -> list[bytes]:
    """Ways to write the folder of a municipality, or to think that one does."""
    wide = "".join(chr(ord(digit) + 0xFEE0) for digit in code)
    arabic = "".join(chr(ord(digit) + 0x630) for digit in code)
    words = [f"/{code}", code, f"//{code}", f"/./{code}", f"/0363/../{code}", f"/0363/inbox/../../{code}",
             f"/../../{code}", f"/{code}/../{code}", f"../{code}", f"/x/../{code}",
             f"/0363/outbox/opgehaald/../../../{code}",
             f"/0363\\..\\{code}", f"/%2e%2e/{code}", f"/0363/%2e%2e/{code}", f"/0363/..%2f{code}", f"/{code} ",
             f"/ {code}",
             f"/{code}.", f"/{code}\t", f"/{code}\n", f"/{code}\u200b", f"/\u202e{code}", f"/{wide}", f"/{arabic}",
             f"/0363/.../{code}", f"/0363/....//{code}", f"/~/{code}", f"/proc/self/root/{code}",
             f"/cbs/../{code}", f"/cbs/2017H2/../../{code}", f"/{code};", f"/{code}|", f"/*/../{code}", f"/{code[:3]}?",
             f"/{code[0]}*", f"/INBOX/{code}", f"/inbox/{code}", f"/outbox/{code}",
             f"/0363/\u2025/{code}", f"/0363/\uff0e\uff0e/{code}", f"/0363/\u2215..\u2215{code}"]  # fmt: skip
    found = [word.encode() for word in words]
    # Overlong and broken UTF-8, a surrogate on its own, NUL.
    overlong = (
        b"\xc0\xae\xc0\xae",
        b"\xe0\x80\xae\xe0\x80\xae",
        b"\xf0\x80\x80\xae",
        b"\xc0\xaf",
        b"\xed\xa0\x80",
        b"\xff",
    )
    plain = code.encode()
    found += [b"/0363/" + each + b"/" + plain for each in overlong] + [b"/" + plain + each for each in overlong]
    found += [b"/" + plain + b"\0", b"/0363\0/../" + plain, b"\0/" + plain, b"/" + b"./" * 500 + plain]
    found += [b"/" + b"../" * 300 + plain, b"/" + b"a/../" * 200 + plain]
    return found


REAL = (b"/etc/passwd", b"/etc/hostname", b"../../../../../../etc/passwd", b"/0363/inbox/../../../../../etc/passwd",
        b"/0363/inbox/../../../var/ledger.db", b"/var/ledger.db", b"/config/gateway.yaml", b"/../config/gateway.yaml",
        b"/proc/self/environ", b"/dev/zero", b"/inbox/.staging", b"/0363/.landed", b"/inbox/.working/amsterdam",
        b"/0363/outbox/.mail", b"file:///etc/passwd", b"/etc/passwd\0.csv", b"C:\\Windows\\win.ini", b"\\\\host\\share",
        b"", b"x" * 100_000, b"/" + b"a" * 1025, b"/0363/inbox/CON", b"/0363/inbox/a.csv:x")  # fmt: skip


async def every_request(client: Raw, path: bytes) -> list[Reply]:
    """Every request that takes a path, on this one."""
    name, mine = text(path), text(MINE)
    asked = [
        (raw.STAT, (name,)),
        (raw.LSTAT, (name,)),
        (raw.OPEN, (name, number(raw.TO_READ), raw.NO_ATTRIBUTES)),
        (raw.OPEN, (name, number(raw.NEW), raw.NO_ATTRIBUTES)),
        (raw.OPEN, (name, number(raw.APPEND | raw.CREATE | raw.EXCLUSIVE), raw.NO_ATTRIBUTES)),
        (raw.OPENDIR, (name,)),
        (raw.SETSTAT, (name, raw.NO_ATTRIBUTES)),
        (raw.REMOVE, (name,)),
        (raw.RMDIR, (name,)),
        (raw.MKDIR, (name, raw.NO_ATTRIBUTES)),
        (raw.RENAME, (name, mine)),
        (raw.RENAME, (mine, name)),
        (raw.READLINK, (name,)),
        (raw.SYMLINK, (name, mine)),
        (raw.SYMLINK, (mine, name)),
    ]
    for kind, parts in asked:
        client.send(kind, *parts)
    return [await client.reply() for _ in asked]


async def other_municipality(ground: Ground, full: bool) -> Outcome:
    """Somebody else's municipality by every spelling and every request, against one that does not exist."""
    tried = 0
    async with ground.session() as client:
        below = BELOW if full else BELOW[:2]
        every = 1 if full else 5
        for there, nowhere in list(zip(spellings(STRANGE), spellings(NOWHERE), strict=True))[::every]:
            for tail in below:
                paths = [
                    prefix + tail.format(code=code).encode() for prefix, code in ((there, STRANGE), (nowhere, NOWHERE))
                ]
                one, other = [await every_request(client, path) for path in paths]
                answers = [(reply.kind, reply.code, reply.body) for reply in one]
                told = [
                    (reply.kind, reply.code, reply.body.replace(NOWHERE.encode(), STRANGE.encode())) for reply in other
                ]
                assert answers == told, f"{paths[0]!r} is not answered as {paths[1]!r}"
                granted = [reply for reply in one if reply.kind != raw.STATUS or reply.code == raw.OK]
                assert not granted, f"{paths[0]!r}: {granted[0]}"
                tried += len(one)
    return Outcome(tried, "the same status and text as for a municipality that does not exist")


async def real_paths(ground: Ground, full: bool) -> Outcome:
    """Paths of the machine, of the gateway's own folders, devices and other systems' names."""
    tried = 0
    async with ground.session() as client:
        for path in REAL:
            for kind, parts in ((raw.STAT, ()), (raw.OPEN, (number(raw.TO_READ), raw.NO_ATTRIBUTES)), (raw.OPENDIR, ()),
                                (raw.OPEN, (number(raw.NEW), raw.NO_ATTRIBUTES)), (raw.READLINK, ()),
                                (raw.REMOVE, ())):  # fmt: skip
                if path == b"":
                    continue
                reply = await client.ask(kind, text(path), *parts)
                assert reply.kind == raw.STATUS, f"{path!r}: {reply}"
                assert reply.code != raw.OK, f"{path!r}: {reply}"
                assert str(ground.gateway.root) not in reply.said, f"a real path in {reply.said}"
                tried += 1
    return Outcome(tried, "no such file, or not permitted")


def extensions(handle: bytes) -> list[tuple[bytes, bytes]]:
    """Every extended request of OpenSSH, of other servers, and some that nobody has."""
    there, mine, strange = text("/0363/inbox"), text(MINE), text("/0377/status.json")
    size = offset(0) + offset(0)
    return [
        (b"posix-rename@openssh.com", strange + mine),
        (b"posix-rename@openssh.com", mine + strange),
        (b"hardlink@openssh.com", strange + mine),
        (b"statvfs@openssh.com", there),
        (b"fstatvfs@openssh.com", text(handle)),
        (b"copy-data", text(handle) + size + text(handle) + offset(0)),
        (b"copy-file", strange + mine + b"\1"),
        (b"lsetstat@openssh.com", strange + raw.NO_ATTRIBUTES),
        (b"expand-path@openssh.com", text("~root")),
        (b"home-directory", text("root")),
        (b"users-groups-by-id@openssh.com", text(number(0)) + text(number(0))),
        (b"ranges@asyncssh.com", text(handle) + size),
        (b"check-file-name", strange + text("sha256") + size + number(0)),
        (b"check-file-handle", text(handle) + text("sha256") + size + number(0)),
        (b"md5-hash", strange + size + text("")),
        (b"space-available", there),
        (b"text-seek", text(handle) + offset(0)),
        (b"vendor-id", text("x") * 3 + offset(0)),
        (b"newline", text("x")),
        (b"get-temp-folder", b""),
        (b"make-temp-folder", b""),
        (b"", b""),
        (b"\xff" * 200, b""),
        (b"x" * 200_000, b""),
    ]


async def extended_requests(ground: Ground, full: bool) -> Outcome:
    """Every extended request of OpenSSH and others, on files of others, of this account, and on an open handle."""
    async with ground.session() as client:
        handle = await client.open("/0363/status.json", raw.TO_READ)
        asked = extensions(handle)
        for name, rest in asked:
            reply = await client.ask(raw.EXTENDED, text(name), rest)
            assert reply.kind == raw.STATUS, f"{name[:40]!r}: {reply}"
            assert reply.code != raw.OK, f"{name[:40]!r}: {reply}"
            cut = await client.ask(raw.EXTENDED, text(name)[:-1]) if len(name) < 100 else reply
            assert cut.kind == raw.STATUS, f"{name[:40]!r} cut off: {cut}"
    return Outcome(2 * len(asked), "not supported, or refused; fsync and limits are harmless and answered")


async def shapes(ground: Ground, full: bool) -> Outcome:
    """Requests of every type with nothing, too little, too much and noise in them; two INITs; SFTP before INIT; packets
    that are too long, empty or cut off."""
    dice = random.Random(1)
    tried = 0
    for kind in range(0, 256, 1 if full else 5):
        async with ground.connection() as made:
            client = await raw.session(made)
            for body in (b"", number(2**32 - 1), text("/0363") + number(2**31), bytes(dice.randbytes(200))):
                client.send(kind, body)
                tried += 1
            client.send(raw.INIT)
            with suppress(asyncio.IncompleteReadError, asyncssh.Error):
                for _ in range(5):
                    reply = await asyncio.wait_for(client.reply(), 5)
                    assert "xception" not in (reply.said if reply.kind == raw.STATUS else ""), reply
                    assert reply.code != raw.OK or kind in (raw.SETSTAT, raw.EXTENDED), reply
    for first in (number(5) + bytes([raw.STAT]) + number(1), number(0), number(1) + bytes([raw.INIT]),
                  number(2**32 - 1), number(256 * 1024 + 1),
                  number(9) + bytes([raw.INIT]) + number(3) + number(2**32 - 1),
                  number(50) + bytes([raw.INIT])):  # fmt: skip
        async with ground.connection() as made:
            stdin, stdout, _ = await made.open_session(subsystem="sftp", encoding=None)
            stdin.write(first)
            stdin.write_eof()
            assert await asyncio.wait_for(stdout.read(), 5) in (b"",), "an answer before INIT"
            tried += 1
    for length in (256 * 1024 + 1, 4 * 1024 * 1024, 2**31, 2**32 - 1, 0, 1, 4):
        async with ground.session() as client:
            client.stdin.write(number(length) + b"x" * 64)
            client.stdin.write_eof()
            assert await asyncio.wait_for(client.stdout.read(), 5) == b"", f"an answer to a packet of {length}"
            tried += 1
    return Outcome(tried, "bad message or not supported, or the session ends; nothing that nobody foresaw")


async def far_writes(ground: Ground, full: bool) -> Outcome:
    """READ of 4 GiB, WRITE and FSETSTAT beyond every limit, offsets that overflow, handles of nobody."""
    far = (2**31, 2**32, 2**63 - 1, 2**63, 2**64 - 1)
    tried = 0
    async with ground.session() as client:
        for at in far:
            handle = await client.open("/0363/inbox/ver.csv")
            client.write(handle, at, b"x")
            assert (await client.reply()).said.startswith("TOO_LARGE"), at
            assert (await client.ask(raw.CLOSE, text(handle))).code != raw.OK, at
            handle = await client.open("/0363/inbox/ver.csv")
            sized = await client.ask(raw.FSETSTAT, text(handle), number(1) + offset(at))
            assert sized.said.startswith("TOO_LARGE"), at
            assert (await client.ask(raw.CLOSE, text(handle))).code != raw.OK, at
            reading = await client.open("/LEESMIJ.txt", raw.TO_READ)
            beyond = await client.ask(raw.READ, text(reading), offset(at), number(2**32 - 1))
            assert beyond.code == raw.EOF, beyond
            whole = await client.ask(raw.READ, text(reading), offset(0), number(2**32 - 1))
            assert len(whole.string()) <= 255 * 1024
            assert (await client.ask(raw.CLOSE, text(reading))).code == raw.OK
            tried += 4
        for handle in (b"", b"\0\0\0\x63", b"x" * 256, reading):
            for kind, rest in ((raw.READ, offset(0) + number(1)), (raw.WRITE, offset(0) + text(b"x")), (raw.CLOSE, b""),
                               (raw.FSTAT, b""), (raw.READDIR, b""), (raw.FSETSTAT, raw.NO_ATTRIBUTES)):  # fmt: skip
                reply = await client.ask(kind, text(handle), rest)
                assert reply.kind == raw.STATUS, reply
                assert reply.code != raw.OK, reply
                tried += 1
    return Outcome(tried, "too large, end of file, or not a handle; READ gives 255 KiB at most")


REQUESTS: tuple[tuple[str, bytes], ...] = (
    ("shell", b""),
    ("exec", text("cat /etc/passwd")),
    ("exec", text("scp -t /0363/inbox")),
    ("exec", text("rsync --server . /")),
    ("exec", text(b"\xff\xfe")),
    ("subsystem", text("netconf")),
    ("subsystem", text("/usr/lib/openssh/sftp-server")),
    ("pty-req", text("xterm") + number(80) * 4 + text(b"\0")),
    ("env", text("LD_PRELOAD") + text("/tmp/x.so")),
    ("x11-req", b"\0" + text("MIT-MAGIC-COOKIE-1") + text("00" * 16) + number(0)),
    ("auth-agent-req@openssh.com", b""),
    ("xon-xoff", b"\1"),
    ("break", number(1000)),
    ("eow@openssh.com", b""),
    ("nobody@knows", b"x" * 30_000),
)
CHANNELS = ("direct-tcpip", "forwarded-tcpip", "x11", "auth-agent@openssh.com", "tun@openssh.com",
            "direct-streamlocal@openssh.com", "nobody@knows")  # fmt: skip
GLOBALS: tuple[tuple[str, bytes], ...] = (
    ("tcpip-forward", text("localhost") + number(0)),
    ("cancel-tcpip-forward", text("localhost") + number(8080)),
    ("streamlocal-forward@openssh.com", text("/tmp/attack.sock")),
    ("cancel-streamlocal-forward@openssh.com", text("/tmp/attack.sock")),
    ("nobody@knows", b""),
)


def open_channels(ground: Ground) -> None:
    """Channels of every other type, by paramiko, which asks for any."""
    here = ("127.0.0.1", ground.port)
    for kind in CHANNELS:
        with ground.gateway.transport(ATTACKER) as connection:
            try:
                connection.open_channel(kind, here, here)
            except paramiko.SSHException:
                continue
            raise AssertionError(f"a channel {kind} is open")


async def not_sftp(ground: Ground, full: bool) -> Outcome:
    """Shell, commands, terminal, environment, X11, agent, forwarding of every kind, tunnels, unknown requests."""
    for name, rest in REQUESTS:
        async with ground.connection() as made:
            channel, _ = await made.create_session(asyncssh.SSHClientSession, subsystem="sftp", encoding=None)
            assert not await channel._make_request(name.encode(), rest), f"{name} is granted"
    for command in ("id", "scp -t /", None):
        async with ground.connection() as made:
            done = await made.run(command, check=False)
            assert (done.exit_status, done.stdout) == (1, ""), f"{command}: {done}"
            assert str(done.stderr).startswith("NO_EXEC "), done.stderr
    await asyncio.to_thread(open_channels, ground)
    for name, rest in GLOBALS:
        async with ground.connection() as made:
            kind, _ = await asyncio.wait_for(made._make_global_request(name.encode(), rest), 5)
            assert kind == 82, f"{name} is granted"
    return Outcome(len(REQUESTS) + len(CHANNELS) + len(GLOBALS), "refused, in words where the client shows them")


async def shape_of_reply(client: Raw, path: str) -> float:
    """Seconds until a STAT is answered."""
    begun = asyncio.get_running_loop().time()
    await client.ask(raw.STAT, text(path))
    return asyncio.get_running_loop().time() - begun


async def names_by_time(ground: Ground, full: bool) -> Outcome:
    """Names of another municipality that exist against names that do not, told apart by the time of the answer."""
    rounds = 1500 if full else 300
    there, nowhere = [], []
    async with ground.session() as client:
        paths = ("/0377/status.json", "/9999/status.json")
        for index in range(rounds):
            # In turns, and in both orders, so that what slows the machine slows both.
            first, second = paths if index % 2 else paths[::-1]
            one, two = await shape_of_reply(client, first), await shape_of_reply(client, second)
            there.append(one if index % 2 else two)
            nowhere.append(two if index % 2 else one)
    wins = sum(a < b for a, b in zip(there, nowhere, strict=True))
    medians = [sorted(times)[rounds // 2] * 1e6 for times in (there, nowhere)]
    share = wins / rounds
    # Five standard deviations of a fair coin.
    assert abs(share - 0.5) < 2.5 / rounds**0.5 + 0.05, f"{share:.2f} of the pairs are faster; medians {medians}"
    return Outcome(
        2 * rounds,
        f"medians {medians[0]:.0f} and {medians[1]:.0f} microseconds; what exists is faster in {share:.0%} of pairs",
    )
