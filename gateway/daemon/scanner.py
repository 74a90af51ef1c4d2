"""The virus scanner as `check-config`, `doctor` and a worker try it out: does it answer, look at everything?

Does: asks version and age; sends probes that show what clamd would leave out and yet call clean.
Touches: the scanner. No file of anybody's.
Does not: speak of a scanner that is off. A command asks as the user who runs it, who may reach less than the worker.

By its own limits clamd leaves out what is too large or too deep, and says OK. The second probe is a data file of the
largest size that may come in a ZIP, with at its very end archives within archives, deeper than clamd can be told to go.
Who reaches these and has AlertExceedsMax on complains of MaxRecursion; who says OK did not look at the end, or keeps
quiet about what it leaves out.
"""

import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO

from gateway.channel import clamd
from gateway.channel.clamd import Overlooked, Unscanned
from gateway.config import Configuration
from gateway.errors import Problem
from gateway.workflow.recover import Difference
from gateway.workflow.scan import Sight

# MaxRecursion cannot be set to more than 100.
DEEPER = 120
DEPTH = "MaxRecursion"
SIZE = "INSTREAM size limit"


def complaints(configuration: Configuration, now: datetime) -> Iterator[str]:
    """Everything that is wrong with the scanner at a moment of real time."""
    section = configuration.settings.scan
    if section.clamd is None:
        return
    try:
        said = clamd.version(section)
        if said.made is None:
            yield f"{said.engine} tells no date of its signatures: has freshclam fetched any?"
        elif (days := (now - said.made).days) >= section.database_days:
            yield f"the signatures of {said.engine} are {days} days old: does freshclam work?"
        found = sight(configuration)
        yield from filter(None, (found.blind, *found.less))
    except Unscanned as fault:
        yield f"{fault}: while this is so, files wait and nothing is checked"


def sight(configuration: Configuration) -> Sight:
    """How much the scanner looks at of what may come. Unscanned when there is no answer."""
    section, limits = configuration.settings.scan, [each.limits for each in configuration.rounds.values()]
    upload, unpacked = max(each.upload_bytes for each in limits), max(each.unpacked_bytes for each in limits)
    less = []
    try:
        clamd.scan(section, bytes(upload))
    except Unscanned as fault:
        if isinstance(fault, Overlooked):
            less.append(f"{fault} of an upload of {upload} bytes: raise that limit in clamd.conf")
        elif SIZE in str(fault):
            less.append(f"clamd does not take an upload of {upload} bytes: raise StreamMaxLength in clamd.conf")
        else:
            raise
    try:
        clamd.scan(section, deep(unpacked))
    except Overlooked as fault:
        if DEPTH not in str(fault):
            less.append(f"{fault} of a ZIP with a file of {unpacked} bytes in it: raise that limit in clamd.conf")
    except Unscanned as fault:
        if SIZE not in str(fault) or not less:
            raise
        return Sight(less[0])  # it cannot even be tried out
    else:
        blind = (
            f"clamd calls clean what it does not look at, such as the end of a file of {unpacked} bytes in a ZIP: set "
            f"in clamd.conf AlertExceedsMax yes, MaxFileSize and MaxScanSize above {unpacked}"
        )
        return Sight(blind, tuple(less))
    return Sight(less=tuple(less))


def deep(size: int) -> bytes:
    """A ZIP with one file of about `size` bytes, at whose end archives lie within archives."""
    core = b"x"
    for _ in range(DEEPER):
        core = _zipped("a.zip", core)
    return _zipped("b.csv", _zipped("a.zip", core, before=bytes(max(0, size - 2 * len(core)))))


def _zipped(name: str, body: bytes, before: bytes = b"") -> bytes:
    """A ZIP of one file, behind other bytes."""
    made = BytesIO()
    made.write(before)
    # A fixed date: the same probe each time.
    with zipfile.ZipFile(made, "a") as archive:
        archive.writestr(zipfile.ZipInfo(name), body, zipfile.ZIP_DEFLATED)
    return made.getvalue()


def remarks(configuration: Configuration) -> Iterator[Problem]:
    """What is to be said of the scanner besides what the configuration itself shows."""
    for what in complaints(configuration, datetime.now(UTC)):
        yield Problem("gateway.yaml", 1, 1, "scan", what)


def differences(configuration: Configuration) -> list[Difference]:
    """The same, for `gateway doctor`."""
    return [Difference(what, "scan", mends=False, code="SCAN") for what in complaints(configuration, datetime.now(UTC))]
