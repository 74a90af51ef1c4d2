"""What has to be mended, in order."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.model import Finding, Severity
from gateway.reports.causes import WEIGHT, causes, totals
from tests.reports.facts import bsn_finding, code_finding, counts, double_finding, header_finding

FINDINGS = st.lists(
    st.builds(
        lambda code, severity, column: replace(header_finding(), code=code, severity=severity, column=column),
        st.sampled_from(["T01", "T04", "T05"]),
        st.sampled_from(Severity),
        st.sampled_from([None, "BSN", "Leveringsvorm"]),
    ),
    max_size=30,
).map(tuple)


def test_what_rejects_the_file_comes_first_then_what_is_most_frequent() -> None:
    found = (
        double_finding(1),
        *(code_finding(n, "9") for n in range(2)),
        *map(bsn_finding, range(3)),
        header_finding(),
    )
    assert [cause.code for cause in causes(found, counts(found))] == ["T01", "T04", "T05", "T09"]


def test_one_code_in_two_columns_is_two_causes() -> None:
    found = (code_finding(1, "9", "Leveringsvorm"), code_finding(1, "9", "Beschikte_eenheid"))
    assert [(cause.column, cause.count) for cause in causes(found, counts(found))] == [
        ("Beschikte_eenheid", 1),
        ("Leveringsvorm", 1),
    ]


def test_a_capped_code_in_one_column_has_its_true_total() -> None:
    (cause,) = causes((bsn_finding(1),), {"T04": 2_310})
    assert (cause.count, cause.exact) == (2_310, True)


def test_a_capped_code_in_two_columns_has_least_numbers() -> None:
    found = (code_finding(1, "9", "Leveringsvorm"), code_finding(1, "9", "Beschikte_eenheid"))
    assert [(cause.count, cause.exact) for cause in causes(found, {"T05": 2_310})] == [(1, False), (1, False)]


def test_totals_are_true_and_warnings_are_no_errors() -> None:
    sums = totals((bsn_finding(1), double_finding(1)), {"T04": 2_310, "T09": 5})
    assert (sums.errors, sums.warnings, sums.shown, sums.total) == (2_310, 5, 2, 2_315)


@given(FINDINGS)
def test_no_finding_is_lost_or_told_twice(findings: tuple[Finding, ...]) -> None:
    found = causes(findings, counts(findings))
    told = [finding for cause in found for finding in cause.findings]
    assert sorted(map(repr, told)) == sorted(map(repr, findings))
    assert [WEIGHT[cause.severity] for cause in found] == sorted(WEIGHT[cause.severity] for cause in found)
    assert totals(findings, counts(findings)).total == len(findings)
