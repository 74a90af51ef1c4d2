"""No command leaves a core dump: some open what is sealed, ask for a password or read a key."""

import subprocess
import sys

PROGRAM = """
import ctypes, resource, sys
from gateway.cli import main
sys.argv = ["gateway", "--version"]
try:
    main()
except SystemExit:
    print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
"""


def test_a_command_leaves_no_core_dump_and_nobody_looks_into_its_memory() -> None:
    said = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True)
    # 3 is PR_GET_DUMPABLE.
    assert said.stdout.splitlines()[-1] == "(0, 0) 0"
