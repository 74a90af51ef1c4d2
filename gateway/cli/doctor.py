"""Doctor: folders, ledger and log compared, explained in both languages, and mended when asked.

Does: prints every difference and what it means; with `repair` mends what can be mended, looks again, and says of each
what was done.
Touches: the terminal; with `repair` what workflow.mend touches, under the gateway's own lock when none runs.
Does not: know how to mend.
"""

import json
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.text import Text

from gateway.cli.show import print_rows
from gateway.config import Configuration, load
from gateway.daemon import keys, offline, scanner, take_lock
from gateway.errors import Conflict, GatewayError
from gateway.reports.wording import LANGUAGES, Texts
from gateway.workflow.context import Context
from gateway.workflow.mend import mend
from gateway.workflow.recover import Difference, differences

Done = list[tuple[Difference, str]]
Rows = list[dict[str, object]]


def print_differences(directory: Path, as_json: bool, *, repair: bool = False) -> bool:
    """Every difference, mended where asked and possible; whether none is left that needs a person."""
    configuration = load(directory)
    ctx = offline(configuration)
    console = Console()
    found: Done = [(each, "") for each in _differences(ctx, configuration)]
    if repair and found:
        found = _repair(ctx, configuration, [each for each, _ in found], console.print if not as_json else _unsaid)
    if as_json:
        print(json.dumps(_document(found, configuration.texts, repair=repair), indent=2, ensure_ascii=False))
    else:
        _print(found, configuration, console, repair=repair)
    return all(each.mends or done == "mended" for each, done in found)


def _differences(ctx: Context, configuration: Configuration) -> list[Difference]:
    return [*differences(ctx), *keys.differences(ctx, configuration), *scanner.differences(configuration)]


def _repair(
    ctx: Context, configuration: Configuration, before: Sequence[Difference], say: Callable[[str], object]
) -> Done:
    """Mend, look again: what is gone was mended. New differences (a folder that is back shows what it lacks) count."""
    if any(each.code == "LEDGER" for each in before):
        return [(each, "left") for each in before]

    def tell(event: str, **facts: object) -> None:
        if "reason" in facts:
            say(f"{event}: {facts['reason']}")

    state = configuration.settings.paths.state
    if state.stat().st_uid != os.geteuid():
        raise GatewayError(
            f"{state} is of another user; mend as the user of the service, or it cannot use what is made"
        )
    with ExitStack() as stack:
        edge, publisher = _is_free(state, "sftp", stack), _is_free(state, "worker", stack)
        mend(ctx, tell, edge=edge, publisher=publisher)
    after = _differences(ctx, configuration)
    left = "left" if edge else "left to the running gateway"
    known = {(each.code, each.subject) for each in after}
    mended: Done = [(each, "mended") for each in before if (each.code, each.subject) not in known]
    return mended + [(each, left if each.mends else "left") for each in after]


def _is_free(state: Path, role: str, stack: ExitStack) -> bool:
    """Whether no gateway serves a role; then none can start to until this is done."""
    try:
        take_lock(state, role, stack, alone=True)
    except Conflict:
        return False
    return True


def _unsaid(_line: str) -> None:
    """A program reads the document, which says what is left."""


def _row(each: Difference, done: str, *, repair: bool) -> dict[str, object]:
    row = asdict(each)
    return {**row, "done": done} if repair else row


def _document(found: Done, texts: Texts, *, repair: bool) -> Rows:
    return [
        {
            **_row(each, done, repair=repair),
            **{language: texts.say(language, f"doctor.{each.code}") for language in LANGUAGES},
        }
        for each, done in found
    ]


def _print(found: Done, configuration: Configuration, console: Console, *, repair: bool) -> None:
    print_rows("differences", [_row(each, done, repair=repair) for each, done in found], console)
    first, second = sorted(LANGUAGES, key=lambda each: each != configuration.settings.language)
    for code in dict.fromkeys(each.code for each, _ in found):
        console.print(Text(f"\n{code}", "bold"))
        for language in (first, second):
            console.print(configuration.texts.say(language, f"doctor.{code}"), markup=False, highlight=False)
