"""What a round says of reminders and of what is expected, and the certificates that a mail server is trusted by."""

from pathlib import Path

import pytest

from gateway.config import load
from tests.config.conftest import Tell

ROUND = """
name: R
periods: [2017H1, 2017H2]
kinds: [WMO]
delivery: {opens: 2018-02-12, closes: 2018-03-09}
"""


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("remind_before_target: -1", "remind_before_target: a number of working days; 0 for no reminder"),
        ("remind_before_close: -3", "remind_before_close: a number of working days; 0 for no reminder"),
        ("expected: [2016H2]", "expected[0]: `2016H2` is not one of the periods"),
        ("mail_receipts: 1", "mail_receipts: write true or false"),
    ],
)
def test_what_cannot_be_is_told(tell: Tell, line: str, problem: str) -> None:
    [said] = tell("rounds/2017H2.yaml", f"{ROUND}{line}\n")
    assert problem in said


def test_a_round_reminds_by_default_and_expects_its_latest_period(config: Path, tell: Tell) -> None:
    assert tell("rounds/2017H2.yaml", ROUND) == []
    made = load(config).rounds["2017H2"]
    assert (made.remind_before_target, made.remind_before_close, made.mail_receipts) == (3, 3, False)
    assert made.expected == ()


def test_certificates_that_are_not_there_are_told(tell: Tell) -> None:
    [said] = tell("gateway.yaml", "mail: {host: h, from: a@b.nl, ca_file: ca.pem}\n")
    assert "mail.ca_file" in said
    assert "no such file" in said
