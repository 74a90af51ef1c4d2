"""Rounds, kinds and code lists: data, held against the domain's own types and checks."""

from datetime import date
from pathlib import Path

import pytest

from gateway.config import load
from gateway.domain.model import DeliveryRound, Limits, ReportingPeriod, ServiceLevels, Span
from tests.config.conftest import Tell

ROUND = """name: x
periods: [2018H1]
kinds: [WMO]
delivery: {opens: 2018-09-01, closes: 2018-09-30}
"""


def test_the_pilot(config: Path) -> None:
    pilot = load(config).rounds["2017H2"]
    assert pilot == DeliveryRound(
        id="2017H2",
        name="GMSD-pilot 2e halfjaar 2017",
        periods=(
            ReportingPeriod("2017H1", date(2017, 1, 1), date(2017, 6, 30)),
            ReportingPeriod("2017H2", date(2017, 7, 1), date(2017, 12, 31)),
        ),
        kinds=("WMO", "KOSTENWMO", "SBW", "JEUGD"),
        delivery=Span(date(2018, 2, 12), date(2018, 3, 9)),
        target=date(2018, 2, 23),
        withdrawal=Span(date(2018, 3, 12), date(2018, 3, 23)),
        service=ServiceLevels(3, 2, 1),
    )


def test_the_rules_of_a_round_hold_its_kinds_and_the_lists(config: Path) -> None:
    rules = load(config).rules["2017H2"]
    assert set(rules.kinds) == {"WMO", "KOSTENWMO", "SBW", "JEUGD"}
    assert len(rules.kinds["WMO"].columns) == 18
    assert rules.codelists["leveringsvorm"].aliases == {"ZIN": "1", "PGB": "2"}
    assert "Woonplaats" in rules.personal_columns


def test_a_round_may_have_limits_of_its_own(config: Path) -> None:
    (config / "gateway.yaml").write_text("limits: {zip_members: 3, columns: 50}")
    (config / "rounds" / "2018H1.yaml").write_text(ROUND + "limits: {zip_members: 4}\n")
    rounds = load(config).rounds
    assert rounds["2018H1"].limits == Limits(zip_members=4, columns=50)
    assert rounds["2017H2"].limits == Limits(zip_members=3, columns=50)


def test_without_a_round_there_is_a_warning(config: Path) -> None:
    (config / "rounds" / "2017H2.yaml").unlink()
    loaded = load(config)
    assert loaded.rounds == {}
    assert any("nothing can be delivered" in warning.what for warning in loaded.warnings)


WRONG = {
    ROUND: [],
    ROUND.replace("2018H1", "2018H3"): ["2:11: periods[0]: a period is a half-year, for example 2017H2"],
    ROUND.replace("[2018H1]", "[2018]"): ["2:11: periods[0]: a period is a half-year, for example 2017H2"],
    ROUND.replace("[2018H1]", "2018H1"): [
        "2:10: periods: a list is expected: [a, b], or one line for each with a dash"
    ],
    ROUND.replace("[2018H1]", "[]"): ["2:10: periods: at least one is needed"],
    ROUND.replace("[WMO]", "[WNO]"): ["3:9: kinds[0]: no file in kinds/ has the code `WNO`; did you mean `WMO`?"],
    ROUND.replace("[WMO]", "[]"): ["3:8: kinds: at least one is needed"],
    ROUND.replace("2018-09-30", "2018-08-30"): ["4:39: delivery.closes: closes before it opens (2018-09-01)"],
    ROUND.replace("2018-09-30", "2018-09-31"): [
        "4:39: delivery.closes: there is no day 2018-09-31; a day is written year-month-day, for example 2018-02-12"
    ],
    ROUND + "target: 2018-10-01\n": ["5:9: target: not between 2018-09-01 and 2018-09-30, the days of delivery"],
    ROUND + "withdrawal: {opens: 2018-09-30, closes: 2018-10-09}\n": [
        "5:21: withdrawal.opens: withdrawal opens before delivery closes (2018-09-30)"
    ],
    ROUND + "withdrawal: {opens: 2018-10-09, closes: 2018-10-01}\n": [
        "5:41: withdrawal.closes: closes before it opens (2018-10-09)"
    ],
    ROUND + "limits: {upload_bytes: 2,5MB}\n": [
        '5:26: limits["5MB"]: unknown key `5MB`: between braces a comma begins the next key; write a number without a '
        "comma"
    ],
    ROUND + "limits: {upload_bytes: 0}\n": ["5:24: limits.upload_bytes: must be at least 1"],
    ROUND + "id: other\n": ["5:5: id: the id of a round is the name of its file: 2018H1"],
    ROUND + "terms_version: 1\n": ['5:16: terms_version: text is expected; write "1" in quotes'],
    ROUND + "servce: {}\n": ["5:1: servce: unknown key `servce`; did you mean `service`?"],
    ROUND.replace("name: x\n", ""): ["1:1: name: is missing"],
    "": ["1:1: name: is missing", "1:1: periods: is missing", "1:1: kinds: is missing", "1:1: delivery: is missing"],
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_with_a_round_is_told(text: str, tell: Tell) -> None:
    lines = tell("rounds/2018H1.yaml", text)
    assert [line.removeprefix("rounds/2018H1.yaml:") for line in lines] == WRONG[text]


def test_two_rounds_never_ask_the_same_on_the_same_day(tell: Tell) -> None:
    rival = ROUND.replace("2018H1", "2017H2").replace("2018-09-01", "2018-03-09")
    [line] = tell("rounds/2018H1.yaml", rival)
    assert line.endswith("delivery: round 2017H2 asks WMO over 2017H2 on the same days; let one close first")
    assert tell("rounds/2018H1.yaml", rival.replace("2018-03-09", "2018-03-10")) == []


def test_a_kind_that_is_unsound_is_not_called_missing(tell: Tell) -> None:
    assert tell("kinds/WMO.yaml", "code: []]") == [
        "kinds/WMO.yaml:1:9: (file): no valid YAML: while parsing a block mapping, did not find expected key"
    ]


def test_mistakes_that_the_checks_find_have_a_place(tell: Tell, config: Path) -> None:
    text = (config / "kinds" / "SBW.yaml").read_text()
    [line] = tell("kinds/SBW.yaml", text.replace("codelist: taakveld", "codelist: taakvelt"))
    number = text[: text.index("codelist: taakveld")].count("\n") + 1
    assert line.startswith(f"kinds/SBW.yaml:{number}:")
    assert "no code list is named taakvelt" in line


def test_a_code_list_that_is_unsound_is_not_called_missing(tell: Tell) -> None:
    lines = tell("codelists/taakveld.yaml", "name: taakveld\nvalues: [6.1]\n")
    assert lines == ["codelists/taakveld.yaml:2:9: values: keys with values are expected here"]


def test_codes_without_quotes_are_told(tell: Tell) -> None:
    lines = tell("codelists/eenheid.yaml", 'name: eenheid\nvalues:\n  01: Minuut\n  "04": 4\n')
    assert lines == [
        'codelists/eenheid.yaml:3:3: values["01"]: 01 without quotes is the octal number 1 to YAML; write "01"',
        'codelists/eenheid.yaml:4:9: values["04"]: text is expected; write "4" in quotes',
    ]


def test_names_are_given_once(tell: Tell, config: Path) -> None:
    text = (config / "kinds" / "SBW.yaml").read_text()
    [line] = tell("kinds/copy.yaml", text)
    assert line.endswith("code: a second kind `SBW`")


def test_a_version_changes_with_what_the_round_uses_and_with_nothing_else(config: Path) -> None:
    (config / "rounds" / "2018H1.yaml").write_text(ROUND)
    before = load(config).rules
    sbw = config / "kinds" / "SBW.yaml"
    sbw.write_text(sbw.read_text().replace("Taakveld", "Taak"))
    after = load(config).rules
    assert after["2018H1"].version == before["2018H1"].version
    assert after["2017H2"].version != before["2017H2"].version
    (config / "rounds" / "2018H1.yaml").write_text("# a remark\n" + "\n".join(reversed(ROUND.splitlines())) + "\n")
    assert load(config).rules["2018H1"].version == before["2018H1"].version
    (config / "rounds" / "2018H1.yaml").write_text(ROUND + "max_error_records: 1\n")
    changed = load(config).rules["2018H1"].version
    assert changed != before["2018H1"].version
    assert len(changed) == 12
    assert set(changed) <= set("0123456789abcdef")
