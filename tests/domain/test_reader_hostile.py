"""Every hostile upload gets its verdict, in time and in little memory; every honest one is read to the last row."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.domain.hostile import cases, large_cases
from tests.domain.uploads import Case

ROOT = Path(__file__).resolve().parents[2]
MOST_SECONDS = 5.0
ROUTINE_BYTES = 4_000_000
CITY_BYTES = 50_000_000


def run(*arguments: str) -> dict[str, tuple[list[str], int, float]]:
    """What a process under a memory limit says of each case; a case that breaks the limit ends it."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.domain.hostile_run", *arguments],
        cwd=ROOT,
        env={**os.environ, "POLARS_MAX_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    last = lines[-1][0] if lines else "none"
    assert done.returncode == 0, f"ended after {last}: {done.stderr[-2000:]}"
    return {name: (says, rows, seconds) for name, says, rows, seconds, _ in lines}


def compare(expected: tuple[Case, ...], found: dict[str, tuple[list[str], int, float]]) -> list[str]:
    """Where the outcome is not what the cases ask."""
    wrong = []
    for case in expected:
        says, rows, seconds = found[case.id]
        if set(says) != case.says:
            wrong.append(f"{case.id}: says {says}, not {sorted(case.says)}")
        if case.rows is not None and rows != case.rows:
            wrong.append(f"{case.id}: {rows} rows, not {case.rows}")
        if seconds > MOST_SECONDS:
            wrong.append(f"{case.id}: took {seconds} s of processor time")
    return wrong


def test_there_are_many_cases_and_each_has_its_own_name() -> None:
    every = cases()
    assert len(every) >= 350
    assert len({case.id for case in every}) == len(every)
    assert sum(not case.says for case in every) >= 60


def test_the_seed_alone_decides_the_cases() -> None:
    first = [(case.id, case.file, case.says, case.payload()) for case in cases(7) if "bomb" not in case.id]
    again = [(case.id, case.file, case.says, case.payload()) for case in cases(7) if "bomb" not in case.id]
    assert first == again


def test_every_case_gets_its_verdict_within_the_limits() -> None:
    assert compare(cases(), run()) == []


def test_large_tables_stay_within_the_limits() -> None:
    assert compare(large_cases(ROUTINE_BYTES), run(str(ROUTINE_BYTES))) == []


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_tables_of_a_city_stay_within_the_limits() -> None:
    assert compare(large_cases(CITY_BYTES), run(str(CITY_BYTES))) == []
