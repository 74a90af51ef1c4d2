"""clamd over its socket: only what it calls clean in so many words is clean.

Does: a real clamd with a signature of our own; and answers that no clamd gives.
Touches: a temporary directory, a clamd that it starts.
Does not: load signatures of ClamAV.
"""

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gateway.channel.clamd import Unscanned, Version, scan, version
from gateway.config.scan import Scan, clamd_address
from gateway.errors import Temporary
from tests.channel.scanner import MARK, SIGNATURE, Clamd, answering
from tests.samples import wmo_csv, zipped

CLEAN = wmo_csv(20, seed=5)
INFECTED = CLEAN + MARK + b"\n"


@pytest.fixture(scope="module")
def clamd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clamd]:
    with Clamd(tmp_path_factory.mktemp("clamd"), "StreamMaxLength 1M") as running:
        yield running


@pytest.mark.parametrize("body", [b"", b"a", CLEAN, bytes(65_535), bytes(65_536), bytes(65_537), bytes(900_000)])
def test_a_clean_file_of_any_length_passes(clamd: Clamd, body: bytes) -> None:
    assert scan(clamd.section, body) is None


@pytest.mark.parametrize(
    "body",
    [
        MARK,
        INFECTED,
        # Across the border of two pieces.
        bytes(65_536 - 5) + MARK,
        zipped({"WMO_0363_2017H2.csv": INFECTED}),
        zipped({"SBW_0363_2017H2.csv": CLEAN, "inside.zip": zipped({"WMO_0363_2017H2.csv": INFECTED})}),
    ],
)
def test_the_own_signature_is_found(clamd: Clamd, body: bytes) -> None:
    assert scan(clamd.section, body) == SIGNATURE


def test_more_than_the_scanner_takes_is_not_called_clean(clamd: Clamd) -> None:
    with pytest.raises(Unscanned, match="INSTREAM size limit exceeded"):
        scan(clamd.section, bytes(3_000_000))


def test_what_clamd_did_not_look_into_is_neither_clean_nor_infected(tmp_path: Path) -> None:
    deep = b"x"
    for _ in range(20):
        deep = zipped({"a.zip": deep})
    with Clamd(tmp_path / "c", "AlertExceedsMax yes") as careful, pytest.raises(Unscanned, match="MaxRecursion"):
        scan(careful.section, deep)


def test_several_files_at_once_get_each_their_own_verdict(clamd: Clamd) -> None:
    bodies = [INFECTED if n % 3 == 0 else wmo_csv(20, seed=n) for n in range(24)]
    with ThreadPoolExecutor(8) as threads:
        said = list(threads.map(lambda body: scan(clamd.section, body), bodies))
    assert said == [SIGNATURE if n % 3 == 0 else None for n in range(24)]


def test_it_answers_over_tcp_too(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with Clamd(tmp_path / "c", f"TCPSocket {port}", "TCPAddr 127.0.0.1"):
        section = Scan(clamd=f"tcp:127.0.0.1:{port}")
        assert (scan(section, CLEAN), scan(section, INFECTED)) == (None, SIGNATURE)


def test_it_says_what_it_is(clamd: Clamd) -> None:
    said = version(clamd.section)
    assert said.engine.startswith("ClamAV 1.") or said.engine.startswith("ClamAV 0.")
    assert (said.number, said.made) == (None, None)


def test_a_scanner_that_is_gone_hangs_or_comes_back(tmp_path: Path) -> None:
    clamd = Clamd(tmp_path / "c")
    with pytest.raises(Unscanned, match="cannot be reached: No such file"):
        scan(clamd.section, CLEAN)
    with clamd:
        clamd.kill()
        with pytest.raises(Unscanned, match="cannot be reached: Connection refused"):
            scan(clamd.section, CLEAN)
        clamd.start().freeze()
        with pytest.raises(Unscanned, match="did not answer within 1 s"):
            scan(clamd.section.model_copy(update={"timeout_seconds": 1}), CLEAN)
        clamd.thaw()
        assert scan(clamd.section, INFECTED) == SIGNATURE


@pytest.mark.parametrize(
    "answer",
    [
        b"stream: OK",
        b"stream: OK\n",
        b"stream: OK\0\0",
        b"stream: OK\0stream: Some.Virus FOUND\0",
        b"stream:  OK\0",
        b"STREAM: OK\0",
        b"stream: ok\0",
        b"OK\0",
        b"\0",
        b"stream: FOUND\0",
        b"stream: two words FOUND\0",
        b"stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND\0",
        b"Can't allocate memory ERROR\0",
        b"x" * 5_000,
        b"\xff\xfe\0",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
    ],
)
def test_an_odd_answer_is_not_clean(tmp_path: Path, answer: bytes) -> None:
    with answering(tmp_path / "s", answer) as section, pytest.raises(Unscanned):
        scan(section, CLEAN)


@given(st.binary(max_size=40))
def test_no_answer_but_one_is_clean(tmp_path_factory: pytest.TempPathFactory, answer: bytes) -> None:
    body = answer + b"\0"
    with answering(tmp_path_factory.mktemp("s") / "s", body) as section, pytest.raises(Unscanned):
        scan(section, b"a;b\n")


def test_ok_before_the_whole_file_went_over_is_not_clean(tmp_path: Path) -> None:
    with (
        answering(tmp_path / "s", b"stream: OK\0", reads=False) as section,
        pytest.raises(Unscanned, match="before it had the whole file"),
    ):
        scan(section, bytes(20_000_000))


def test_an_answer_that_comes_drop_by_drop_has_one_time_limit(tmp_path: Path) -> None:
    ended = threading.Event()

    def drip() -> None:
        line, _ = server.accept()
        with line:
            while not ended.wait(0.2):
                line.sendall(b"s")

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        server.listen()
        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        with pytest.raises(Unscanned, match="within 1 s"):
            scan(Scan(clamd=f"unix:{tmp_path / 's'}", timeout_seconds=1), CLEAN)
        ended.set()
        thread.join()


def test_who_sends_back_what_he_was_sent_is_not_quoted(tmp_path: Path) -> None:
    with answering(tmp_path / "s", b"0363;20180131;999990019 ERROR\0") as section, pytest.raises(Unscanned) as said:
        scan(section, CLEAN)
    assert "999990019" not in str(said.value)
    with answering(tmp_path / "t", b"zINSTREAM;0363;secret\0") as section, pytest.raises(Unscanned) as said:
        scan(section, CLEAN)
    assert "secret" not in str(said.value)


def test_no_verdict_is_a_passing_trouble() -> None:
    assert issubclass(Unscanned, Temporary)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"ClamAV 1.4.3\0", Version("ClamAV 1.4.3")),
        (
            b"ClamAV 1.4.3/27650/Sat May 24 10:44:17 2025\0",
            Version("ClamAV 1.4.3", 27650, datetime(2025, 5, 24, 10, 44, 17, tzinfo=UTC)),
        ),
        (
            b"ClamAV 0.103.10/26901/Mon May  1 09:22:59 2023\0",
            Version("ClamAV 0.103.10", 26901, datetime(2023, 5, 1, 9, 22, 59, tzinfo=UTC)),
        ),
        (b"ClamAV 1.4.3/27650/Sat Mai 24 10:44:17 2025\0", None),
        (b"ClamAV 1.4.3/27650/Sat Feb 31 10:44:17 2025\0", None),
        (b"220 mail.example ESMTP\0", None),
    ],
)
def test_the_age_of_the_signatures_is_read(tmp_path: Path, answer: bytes, told: Version | None) -> None:
    ended = threading.Event()

    def serve() -> None:
        for said in (b"PONG\0", answer):
            line, _ = server.accept()
            with line:
                line.recv(100)
                line.sendall(said)
        ended.set()

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        server.listen()
        threading.Thread(target=serve, daemon=True).start()
        section = Scan(clamd=f"unix:{tmp_path / 's'}", timeout_seconds=5)
        if told is None:
            with pytest.raises(Unscanned, match="answers VERSION with"):
                version(section)
        else:
            assert version(section) == told
        assert ended.wait(5)


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("unix:/run/clamav/clamd.ctl", "/run/clamav/clamd.ctl"),
        ("tcp:127.0.0.1:3310", ("127.0.0.1", 3310)),
        ("tcp:[::1]:3310", ("::1", 3310)),
        ("tcp:localhost:3310", ("localhost", 3310)),
    ],
)
def test_an_address(written: str, means: object) -> None:
    assert clamd_address(written) == means


@pytest.mark.parametrize(
    "written",
    ["/run/clamav/clamd.ctl", "unix:clamd.ctl", "tcp:3310", "tcp:192.0.2.7:3310", "tcp:clamav:3310", "tcp::3310",
     "unix:/" + "a" * 107, "unix:/a\0b", ""],
)  # fmt: skip
def test_what_is_no_clamd_of_this_machine_is_no_setting(written: str) -> None:
    with pytest.raises(ValidationError):
        Scan(clamd=written)
