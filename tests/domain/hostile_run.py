"""Run the hostile cases in a process of their own, under a memory limit: `python -m tests.domain.hostile_run [BYTES]`.

Does: unpacks and reads every case (with BYTES: the large tables of that size) and prints a JSON line for each: id,
keys, rows, seconds of processor time, highest memory use so far in MiB.
Touches: its own address space limit; standard output.
Does not: judge; see test_reader_hostile.
"""

import json
import resource
import sys
import time
from pathlib import Path

from gateway.domain.reader import Member, read, unpack
from tests.domain.hostile import cases, large_cases
from tests.domain.uploads import COLUMNS, LIMITS, Case, table

HEADROOM = 128 << 20
ALLOWED = (".csv", ".txt")


def outcome(case: Case, payload: bytes) -> tuple[list[str], int]:
    """What is said of a case, as sorted keys, and its well-formed rows."""
    members, findings = unpack(case.file, payload, case.limits, ALLOWED)
    says = {finding.message.key for finding in findings}
    rows = 0
    for member in members:
        found = read(member, COLUMNS, case.limits)
        says |= {finding.message.key for finding in found.findings}
        rows += sum(batch.frame.height for batch in found.batches)
    return sorted(key.removeprefix("findings.") for key in says), rows


def address_space() -> int:
    """Bytes of address space in use."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def main() -> None:
    """Each case with `HEADROOM` bytes above what the process and the payload take."""
    chosen = large_cases(int(sys.argv[1])) if len(sys.argv) > 1 else cases()
    warm = read(Member("WMO_0363_2017H2.csv", table(1000)), COLUMNS, LIMITS)
    assert sum(batch.frame.height for batch in warm.batches) == 1000
    for case in chosen:
        payload = case.payload()
        resource.setrlimit(resource.RLIMIT_AS, (address_space() + HEADROOM, resource.RLIM_INFINITY))
        started = time.process_time()
        says, rows = outcome(case, payload)
        seconds = time.process_time() - started
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        print(json.dumps([case.id, says, rows, round(seconds, 3), peak]), flush=True)


if __name__ == "__main__":
    main()
