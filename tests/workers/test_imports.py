"""A worker reads no module once it has its first file: where the program lies may be closed to what it has become.

Does: has a process of its own examine every hostile upload, and asks what it imported meanwhile.
Touches: a process.
Does not: look at the verdicts (tests/domain).
"""

import json
import pickle
import subprocess
import sys
from datetime import date

from gateway.domain.kinds import Job
from tests.domain.hostile import cases
from tests.rules import rules
from tests.samples import cost_csv

CHILD = """
import gateway.examine, json, pickle, sys
from gateway.domain.checks import examine_drop
jobs = pickle.load(sys.stdin.buffer)
before = set(sys.modules)
examined = [examine_drop(job) for job in jobs]
print(json.dumps([len(examined), sorted(set(sys.modules) - before)]))
"""


def job(name: str, payload: bytes) -> Job:
    """An upload of Amsterdam."""
    return Job(name, payload, "0363", frozenset({"0363"}), date(2018, 2, 12), rules())


def test_no_upload_needs_a_module_that_was_not_there_before() -> None:
    jobs = [job(case.file, case.payload()) for case in cases()]
    jobs += [job(f"{kind}_0363_2017H2.csv", cost_csv(kind)) for kind in ("JEUGD", "SBW")]
    child = subprocess.run(
        [sys.executable, "-c", CHILD], input=pickle.dumps(jobs), stdout=subprocess.PIPE, check=True, timeout=100
    )
    assert json.loads(child.stdout) == [len(jobs), []]
