"""Whether a municipality code is the right one: of the folder, of the file's name, of the rows.

Does: F09 (another one, or more than one), F10 (unknown, or not one of the sender's), W03 (the old or the new code after
a merger).
Touches: nothing.
Does not: know who may deliver for whom; that is `known`.
"""

from collections.abc import Collection, Mapping, Sequence

from gateway.domain.checks.masking import shown
from gateway.domain.kinds import ParsedName
from gateway.domain.model import Finding, Phrase, Severity, phrase


def current_code(code: str, successors: Mapping[str, str]) -> str:
    """The code that stands for `code` today, through however many mergers."""
    for _ in successors:
        if code not in successors:
            break
        code = successors[code]
    return code


def judge_name(
    name: ParsedName, member: str, folder: str, known: Collection[str], successors: Mapping[str, str]
) -> Finding | None:
    """What is to be said of the code in a file's name that was dropped in the folder of `folder`."""
    code = name.municipality
    if code == folder:
        return None
    found = phrase("shapes.value", value=code)
    expected = phrase("expected.municipality", code=folder)
    if current_code(code, successors) == current_code(folder, successors):
        return Finding(
            "W03", Severity.WARNING, _merged(code, folder, successors), member, None, None, None, expected, found
        )
    if code in known:
        message = phrase("findings.F09.folder", code=code, folder=folder)
        return Finding("F09", Severity.FILE, message, member, None, None, None, expected, found)
    return Finding("F10", Severity.FILE, phrase("findings.F10.not_yours"), member, None, None, None, expected, found)


def judge_rows(seen: Mapping[str, int], column: str, named: str, successors: Mapping[str, str]) -> Sequence[Finding]:
    """What is to be said of the codes in the rows (code -> first line) of a file that is named for `named`."""
    others = [code for code in seen if code != named]
    if not others:
        return ()
    code, expected = others[0], phrase("expected.municipality", code=named)
    found = shown(code)
    if len(seen) > 1:
        message = phrase("findings.F09.several", n=len(seen))
        return [Finding("F09", Severity.FILE, message, None, seen[code], None, column, expected, found)]
    if current_code(code, successors) == current_code(named, successors):
        message = _merged(code, named, successors)
        return [Finding("W03", Severity.WARNING, message, None, None, None, column, expected, found)]
    message = phrase("findings.F09.rows", named=named)
    return [Finding("F09", Severity.FILE, message, None, seen[code], None, column, expected, found)]


def _merged(code: str, other: str, successors: Mapping[str, str]) -> Phrase:
    return phrase("findings.W03.old" if code in successors else "findings.W03.new", code=code, other=other)
