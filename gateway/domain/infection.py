"""Infection: what is said of an upload in which the virus scanner found something.

Does: F14, the one finding of an upload that is examined no further.
Touches: nothing.
Does not: scan (channel.clamd), or say where in the upload it was: who made it on
purpose should not learn how far to go.
"""

from gateway.domain.kinds import safe_name
from gateway.domain.model import Examination, Finding, Severity, phrase

CODE = "F14"


def infected(name: str, signature: str) -> Examination:
    """The examination of the upload `name`. `signature` is the scanner's name for what it found."""
    found = phrase("shapes.name", name=safe_name(signature))
    finding = Finding(CODE, Severity.FILE, phrase("findings.F14.found"), safe_name(name), found=found)
    return Examination((finding,), {CODE: 1}, ())
