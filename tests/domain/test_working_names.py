"""Working names of clients, and the name that each stands for."""

import pytest

from gateway.domain.lifecycle import intended_name, is_working_name


@pytest.mark.parametrize(
    ("working", "intended"),
    [
        ("WMO_0363_2017H2.csv.filepart", "WMO_0363_2017H2.csv"),
        ("WMO_0363_2017H2.csv.ab76ea21.filepart", "WMO_0363_2017H2.csv"),
        ("WMO_0363_2017H2.csv.PART", "WMO_0363_2017H2.csv"),
        (".in.WMO_0363_2017H2.csv", "WMO_0363_2017H2.csv"),
        (".in.WMO_0363_2017H2.csv.", "WMO_0363_2017H2.csv."),
        ("~WMO_0363_2017H2.csv", "WMO_0363_2017H2.csv"),
        (".WMO_0363_2017H2.csv", "WMO_0363_2017H2.csv"),
        ("MSD.zip.tmp", "MSD.zip"),
        (".filepart", "filepart"),
    ],
)
def test_a_working_name_stands_for_a_final_one(working: str, intended: str) -> None:
    assert is_working_name(working)
    assert intended_name(working) == intended


@pytest.mark.parametrize("name", ["WMO_0363_2017H2.csv", "MSD.zip", "WMO.0363abcd.csv"])
def test_a_final_name_stands_for_itself(name: str) -> None:
    assert not is_working_name(name)
    assert intended_name(name) == name
