"""Names that are acts: what they say, and that nothing else is taken for one.

Does: reads names back that were made, and refuses what is close to one.
Touches: the shipped round, through the configuration.
Does not: act.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.acts import (
    accepts_terms,
    is_statement,
    items,
    parse_selection,
    parse_statement,
    selection_name,
    terms_name,
    terms_text_name,
    verification_code,
)
from gateway.errors import Refusal
from tests.world import shipped

ROUND = shipped().rounds["2017H2"]
KINDS = shipped().rules["2017H2"].kinds


@pytest.mark.parametrize("item", list(items(ROUND)))
@pytest.mark.parametrize("withdrawn", [True, False])
def test_a_selection_is_read_back_in_any_capitals(item: tuple[str, str], withdrawn: bool) -> None:
    name = selection_name(item, withdrawn)
    for written in (name, name.upper(), name.lower(), f"{name}.txt"):
        assert parse_selection(written, ROUND) == (item, withdrawn)


@pytest.mark.parametrize(
    "name",
    [
        "WMO_2017H2",
        "WMO_2017H2.actief.csv",
        "WMO_2018H1.actief",
        "XYZ_2017H2.ingetrokken",
        "WMO_0363_2017H2.ingetrokken",
        ".ingetrokken",
        "WMO_2017H2.ingetrokken\n",
        "LEESMIJ.txt",
    ],
)
def test_another_name_is_refused_with_an_example(name: str) -> None:
    with pytest.raises(Refusal) as caught:
        parse_selection(name, ROUND)
    assert caught.value.code == "WITHDRAWAL_NAME"
    assert parse_selection(str(caught.value.params["example"]), ROUND)


def read(name: str) -> list[object]:
    """What each reader makes of a name: an item, or the code of its refusal."""
    found: list[object] = []
    try:
        found.append(parse_selection(name, ROUND)[0])
    except Refusal as refusal:
        found.append(refusal.code)
    try:
        found.append(parse_statement(name, "0363", KINDS, ROUND))
    except Refusal as refusal:
        found.append(refusal.code)
    return found


@given(st.text(max_size=40))
def test_no_text_breaks_the_reading_of_names(name: str) -> None:
    assert set(read(name)) <= {*items(ROUND), "WITHDRAWAL_NAME", "NOTHING_NAME"}
    assert verification_code(name) is None or name.upper().startswith("VERIFICATIE_")


@pytest.mark.parametrize(
    ("name", "item"),
    [
        ("GEEN_WMO_0363_2017H2.txt", ("WMO", "2017H2")),
        ("geen_wmo_0363_2017h1.TXT", ("WMO", "2017H1")),
        ("GEEN_0363_JEUGD_2017H2.txt", ("JEUGD", "2017H2")),
        ("GEEN-KOSTENWMO_0363_H22017.txt", ("KOSTENWMO", "2017H2")),
    ],
)
def test_a_statement_names_an_item_as_a_data_file_does(name: str, item: tuple[str, str]) -> None:
    assert is_statement(name)
    assert parse_statement(name, "0363", KINDS, ROUND) == item


@pytest.mark.parametrize(
    "name",
    [
        "GEEN_WMO_0377_2017H2.txt",  # another municipality than the folder's
        "GEEN_WMO_0363_2016H2.txt",  # a period that is not asked
        "GEEN_WMO_2017H2.txt",
        "GEEN_iets.txt",
    ],
)
def test_a_badly_formed_statement_is_refused_with_the_right_name(name: str) -> None:
    assert is_statement(name)
    with pytest.raises(Refusal) as caught:
        parse_statement(name, "0363", KINDS, ROUND)
    assert caught.value.code == "NOTHING_NAME"
    assert parse_statement(str(caught.value.params["example"]), "0363", KINDS, ROUND)


@pytest.mark.parametrize("name", ["GEEN_WMO_0363_2017H2.csv", "WMO_0363_2017H2.txt", "GEENWMO.txt", "GEEN_.zip"])
def test_a_data_file_is_never_a_statement(name: str) -> None:
    assert not is_statement(name)


def test_a_code_may_be_written_with_hyphens_capitals_and_an_extension() -> None:
    assert verification_code("VERIFICATIE_ab12-cd34") == "ab12cd34"
    assert verification_code("verificatie_AB12CD34.txt") == "ab12cd34"
    assert verification_code("VERIFICATIE.txt") is None
    assert verification_code("VERIFICATIE_é") is None


def test_the_terms_are_read_under_one_name_and_accepted_by_another() -> None:
    assert terms_text_name("2017H2") == "VOORWAARDEN_2017H2.txt"
    assert terms_name("2017H2") == "VOORWAARDEN_2017H2.akkoord"
    assert accepts_terms("voorwaarden_2017h2.AKKOORD", "2017H2")
    assert accepts_terms("VOORWAARDEN_2017H2.akkoord.txt", "2017H2")
    assert not accepts_terms("VOORWAARDEN_2017H2.txt", "2017H2")
    assert not accepts_terms("VOORWAARDEN_2018H1.akkoord", "2017H2")
