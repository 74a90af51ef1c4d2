"""The grammar of file names."""

from string import ascii_letters, digits

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import load_texts
from gateway.domain.kinds import ParsedName, parse_name, safe_name
from gateway.domain.model import Finding, Severity
from tests.rules import rules

KINDS = rules().kinds
SPELLINGS = {spelling: kind.code for kind in KINDS.values() for spelling in (kind.code, *kind.aliases)}
FORMS = ("{kind}_{code}_{year}H{half}", "{code}_{kind}_{year}H{half}", "{kind}_{code}_H{half}{year}")


@given(
    spelling=st.sampled_from(sorted(SPELLINGS)),
    code=st.from_regex("[0-9]{4}", fullmatch=True),
    year=st.integers(1000, 9999),
    half=st.sampled_from((1, 2)),
    form=st.sampled_from(FORMS),
    extension=st.sampled_from((".csv", ".txt")),
    raised=st.lists(st.booleans(), min_size=40, max_size=40),
)
def test_every_spelling_form_and_case_is_understood(
    spelling: str, code: str, year: int, half: int, form: str, extension: str, raised: list[bool]
) -> None:
    written = form.format(kind=spelling, code=code, year=year, half=half) + extension
    mixed = "".join(c.upper() if up else c.lower() for c, up in zip(written, raised, strict=False))
    assert parse_name(mixed, KINDS) == ParsedName(SPELLINGS[spelling], code, f"{year}H{half}", extension)


@pytest.mark.parametrize(
    ("name", "key", "example"),
    [
        ("cliënten_0363_2017H2.csv", "F02.characters", "WMO_0363_2017H2.csv"),
        ("WMO 0363 2017H2.csv", "F02.characters", "WMO_0363_2017H2.csv"),
        ("export_0363_2017H2.csv", "F02.kind", "WMO_0363_2017H2.csv"),
        ("JUEGD_0363_2017H2.csv", "F02.kind", "JEUGD_0363_2017H2.csv"),
        ("WMO_2017H2.csv", "F02.municipality", "WMO_0473_2017H2.csv"),
        ("WMO_14_2017H1.csv", "F02.municipality_short", "WMO_0014_2017H1.csv"),
        ("wmo-363-2017.csv", "F02.municipality_short", "WMO_0363_2017H2.csv"),
        ("WMO_0363.csv", "F02.period", "WMO_0363_2017H2.csv"),
        ("WMO_0363_2017H3.csv", "F02.period", "WMO_0363_2017H2.csv"),
        ("WMO_0363_2017-1.csv", "F02.order", "WMO_0363_2017H1.csv"),
        ("WMO-0363-2017H1.csv", "F02.order", "WMO_0363_2017H1.csv"),
        ("2017H1_WMO_0363.csv", "F02.order", "WMO_0363_2017H1.csv"),
        ("WMO_0363_2e_halfjaar_2017.csv", "F02.order", "WMO_0363_2017H2.csv"),
        ("WMO_0363_2017H2_v2.csv", "F02.order", "WMO_0363_2017H2.csv"),
        ("Kosten_Wmo_0363_H1-2017.csv", "F02.order", "KOSTENWMO_0363_2017H1.csv"),
    ],
)
def test_what_is_wrong_with_a_name_is_said_with_an_example(name: str, key: str, example: str) -> None:
    found = parse_name(name, KINDS, municipality="0473", period="2017H2")
    assert isinstance(found, Finding)
    assert (found.code, found.severity, found.message.key) == ("F02", Severity.FILE, f"findings.{key}")
    assert found.expected is not None
    assert dict(found.expected.params) == {"example": example}
    assert not isinstance(parse_name(example, KINDS), Finding)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("WMO_0363_2017H2.xlsx", "F01.excel"),
        ("WMO_0363_2017H2.pdf", "F01.not_allowed"),
        ("WMO_0363_2017H2", "F01.none"),
    ],
)
def test_a_wrong_extension(name: str, key: str) -> None:
    found = parse_name(name, KINDS)
    assert isinstance(found, Finding)
    assert found.message.key == f"findings.{key}"


@pytest.mark.parametrize("name", ["\u212aOSTENWMO_0363_2017H2.csv", "\u017fBW_0363_2017H2.csv", "WMO_٠٣٦٣_2017H2.csv"])
def test_lookalikes_are_not_letters_or_digits(name: str) -> None:
    assert isinstance(parse_name(name, KINDS), Finding)


def test_a_line_end_is_not_overlooked() -> None:
    assert isinstance(parse_name("WMO_0363_2017H2.csv\n", KINDS), Finding)


@given(st.text(max_size=300) | st.text(alphabet=ascii_letters + digits + "._-", max_size=60))
def test_any_text_gets_an_answer_that_can_be_said(name: str) -> None:
    found = parse_name(name, KINDS)
    if isinstance(found, Finding):
        texts = load_texts()
        for part in (found.message, found.expected, found.found):
            assert part is not None
            assert all(texts.tell(language, part) for language in ("nl", "en"))


@given(st.text(max_size=300))
def test_a_safe_name_shows_no_long_number_and_no_strange_character(name: str) -> None:
    shown = safe_name(f"{name}999990007{name}")
    assert "999990007" not in shown
    assert set(shown) <= set(ascii_letters + digits + "._-?*")
