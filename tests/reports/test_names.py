"""Names of reports: what a script matches on."""

import pytest

from gateway.domain.model import ReportKind
from gateway.reports.names import OUTCOMES, REPORT_NAME, stem

SHORT = "180214-7f3a9c"


def test_a_delivery_has_its_period_kind_and_version_in_the_name() -> None:
    name = stem(ReportKind.TECHNICAL, "0363", SHORT, "AFGEKEURD", period="2017H2", file_kind="WMO", version=2)
    assert name == "TR_0363_2017H2_WMO_v002_180214-7f3a9c_AFGEKEURD"


def test_a_drop_as_a_whole_says_alle_and_has_no_version() -> None:
    assert stem(ReportKind.RECEIPT, "0014", SHORT, "ONTVANGEN") == "OB_0014_ALLE_ALLE_180214-7f3a9c_ONTVANGEN"


@pytest.mark.parametrize("kind", list(ReportKind))
@pytest.mark.parametrize("version", [None, 1, 1234])
def test_the_published_expression_takes_every_name_apart(kind: ReportKind, version: int | None) -> None:
    for outcome in OUTCOMES[kind]:
        name = stem(kind, "0363", SHORT, outcome, period="2017H2", file_kind="KOSTENWMO", version=version)
        found = REPORT_NAME.fullmatch(f"{name}.json")
        assert found is not None
        parts = found.groupdict()
        number = None if version is None else f"{version:03d}"
        assert (parts["report"], parts["outcome"], parts["id"]) == (kind.value, outcome, SHORT)
        assert (parts["period"], parts["kind"], parts["version"]) == ("2017H2", "KOSTENWMO", number)


@pytest.mark.parametrize(
    ("code", "short_id", "period"),
    [("363", SHORT, None), ("0363/..", SHORT, None), ("0363", "x", None), ("0363", SHORT, "2017H3")],
)
def test_what_would_make_another_name_is_an_error(code: str, short_id: str, period: str | None) -> None:
    with pytest.raises(ValueError, match="not the name of a report"):
        stem(ReportKind.RECEIPT, code, short_id, "ONTVANGEN", period=period)


def test_a_report_has_only_its_own_outcomes() -> None:
    with pytest.raises(ValueError, match="not an outcome"):
        stem(ReportKind.RECEIPT, "0363", SHORT, "GOEDGEKEURD")
