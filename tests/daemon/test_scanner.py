"""What `check-config` and `doctor` say of the virus scanner: nothing when it does its work, else what to mend."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.channel.clamd import scan
from gateway.config.scan import Scan
from gateway.daemon.scanner import complaints, deep, sight
from tests.channel.scanner import FITTING, MARK, SIGNATURE, Clamd, answering
from tests.samples import zipped
from tests.world import shipped

NOW = datetime(2026, 11, 22, tzinfo=UTC)
DATE = "tells no date of its signatures: has freshclam fetched any?"
MANUAL = (Path(__file__).resolve().parents[2] / "docs" / "administrator.md").read_text(encoding="utf-8")
# What the administrator is told to set in clamd.conf.
GOOD = tuple(re.findall(r"(?m)^[A-Z][A-Za-z]+ (?:yes|no|[0-9]+M)$", MANUAL))


def last(options: tuple[str, ...]) -> tuple[str, ...]:
    """Of each option the last: clamd takes the first."""
    return tuple({line.split()[0]: line for line in options}.values())


def said(section: Scan) -> list[str]:
    configuration = shipped()
    settings = configuration.settings.model_copy(update={"scan": section})
    return list(complaints(replace(configuration, settings=settings), NOW))


def test_the_manual_names_the_limits() -> None:
    assert set(GOOD) >= set(FITTING)


def test_nothing_is_said_of_a_scanner_that_is_off() -> None:
    assert said(Scan()) == []


def test_a_scanner_that_is_gone() -> None:
    (what,) = said(Scan(clamd="unix:/nowhere/clamd.ctl"))
    assert what.startswith("clamd cannot be reached: No such file or directory: while this is so, files wait")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (GOOD, ()),
        (
            (*FITTING, "StreamMaxLength 1M"),
            ("does not take an upload of 2621440 bytes: raise StreamMaxLength",),
        ),
        # So small that it cannot be tried out what else would be left out.
        ((*FITTING, "StreamMaxLength 32K"), ("raise StreamMaxLength",)),
        (("StreamMaxLength 1M",), ("AlertExceedsMax yes", "raise StreamMaxLength")),
        (("AlertExceedsMax yes", "MaxFileSize 1M"), ("AlertExceedsMax yes", "MaxFileSize FOUND")),
        # As Debian sets it up, but for AlertExceedsMax.
        (
            ("AlertExceedsMax yes", "MaxFileSize 25M", "MaxScanSize 100M"),
            ("MaxFileSize and MaxScanSize above 50000000",),
        ),
        (("MaxFileSize 60M", "MaxScanSize 150M"), ("AlertExceedsMax yes",)),
        (("AlertExceedsMax yes", "MaxScanSize 20M"), ("Heuristics.Limits.Exceeded.MaxScanSize",)),
    ],
)
def test_limits_by_which_something_would_be_left_out(
    tmp_path: Path, options: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    with Clamd(tmp_path / "c", *last(options)) as clamd:
        date, *others = said(clamd.section)
    assert DATE in date
    assert len(others) == len(expected)
    assert all(part in what for part, what in zip(expected, others, strict=True))


@pytest.mark.parametrize(
    ("options", "blind"),
    [
        (FITTING, False),
        # What says so file by file need not stop the others.
        ((*FITTING, "StreamMaxLength 1M"), False),
        ((*FITTING, "MaxScanSize 20M"), False),
        # clamd's own defaults, and Debian's.
        ((), True),
        (("StreamMaxLength 25M", "MaxFileSize 25M", "MaxScanSize 100M", "AlertExceedsMax no"), True),
        # A file in a ZIP above MaxFileSize is skipped without a word.
        ((*FITTING, "MaxFileSize 25M"), True),
        ((*FITTING, "ScanArchive no"), True),
        ((*FITTING, "StreamMaxLength 32K"), True),
    ],
)
def test_whose_word_counts_for_nothing(tmp_path: Path, options: tuple[str, ...], blind: bool) -> None:
    configuration = shipped()
    with Clamd(tmp_path / "c", *last(options)) as clamd:
        settings = configuration.settings.model_copy(update={"scan": clamd.section})
        assert bool(sight(replace(configuration, settings=settings)).blind) is blind


def test_a_scanner_of_which_nothing_is_said_looks_at_the_end_of_the_largest_file(tmp_path: Path) -> None:
    largest = b"0363;20180131;1\r\n" * 2_900_000 + MARK
    with Clamd(tmp_path / "c", *GOOD) as clamd:
        assert scan(clamd.section, zipped({"WMO_0363_2017H2.csv": largest})) == SIGNATURE


def test_the_probe_is_the_same_each_time_and_no_larger_than_an_upload() -> None:
    made = deep(50_000_000)
    assert made == deep(50_000_000)
    assert len(made) < 2_621_440


@pytest.mark.parametrize(("age", "days"), [("Sat Nov 21 23:00:00 2026", None), ("Tue Nov 17 00:00:00 2026", 5)])
def test_old_signatures(tmp_path: Path, age: str, days: int | None) -> None:
    version = f"ClamAV 1.4.3/27650/{age}\0".encode()
    with answering(tmp_path / "s", b"stream: OK\0", version=version) as section:
        found = said(section)
    assert [what for what in found if "days old" in what] == (
        [] if days is None else [f"the signatures of ClamAV 1.4.3 are {days} days old: does freshclam work?"]
    )
