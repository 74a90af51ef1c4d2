"""Proving from the command line that the message log was not tampered with.

Does: gathers anchors, walks the chain under a bar of progress, prints what was found.
Touches: the ledger and the anchors, reading; the terminal.
Does not: need a running gateway, or seal anything.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from gateway.cli.show import print_rows
from gateway.config import load
from gateway.daemon import offline
from gateway.domain.chain import Trouble, anchors_in
from gateway.errors import GatewayError
from gateway.store import anchors
from gateway.store.ledger import seals
from gateway.workflow.context import Context
from gateway.workflow.sealer import Proof, folder_of, prove

WORDS = {
    "edited": "the line or its seal is not what was sealed",
    "deleted": "a line or a seal is gone",
    "inserted": "a line stands among sealed lines and was never sealed",
    "reordered": "the lines were sealed in another order",
    "erased": "names are blank, and no deletion on a term that was over accounts for it",
    "anchor": "an anchor names another seal here: the chain was made anew",
    "cut": "an anchor names a seal that is not there: the end was cut off, or an older backup was put back",
}


def print_proof(directory: Path, given: Sequence[str], as_json: bool, *, own: bool) -> bool:
    """Walk the chain and print what was found; whether nothing is wrong."""
    configuration = load(directory)
    ctx = offline(configuration)
    known = [each for text in given for each in _anchors(text)]
    if own:
        known += anchors.known(folder_of(configuration.settings.paths.state))
    proof = _walk(ctx, known, Console(stderr=True), quiet=as_json)
    if as_json:
        document = {**asdict(proof), "intact": not proof.troubles}
        document["troubles"] = [{**asdict(each), "means": WORDS[each.what]} for each in proof.troubles]
        print(json.dumps(document, indent=2))
    else:
        _tell(proof)
    return not proof.troubles


def _anchors(text: str) -> list[tuple[int, str]]:
    """The anchors in what was given: itself one, or a file with some. GatewayError when there is none."""
    found = anchors_in(text)
    if not found:
        try:
            found = anchors_in(Path(text).read_text(encoding="utf-8", errors="replace"))
        except OSError as error:
            raise GatewayError(f"{text!r} is no anchor and no file: {error.strerror}") from error
    if not found:
        raise GatewayError(f"there is no anchor in {text!r}; it looks like 17-0a1b2c3d-..., as in the daily overview")
    return found


def _walk(ctx: Context, known: list[tuple[int, str]], console: Console, *, quiet: bool) -> Proof:
    columns = (TextColumn("seals"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal) as progress:
        task = progress.add_task("", total=seals.count(ctx.engine))
        return prove(ctx, known, lambda passed: progress.advance(task, passed))


def _tell(proof: Proof) -> None:
    console = Console()
    if proof.troubles:
        print_rows("wrong", [_row(each) for each in proof.troubles], console)
    print(f"{proof.sealed} lines are sealed, {proof.erased} of them without names since their term ended.")
    print(f"{proof.waiting} lines have no seal yet; the gateway seals once a minute.")
    if proof.anchored:
        print(f"{proof.anchored} anchors were compared.")
    else:
        print("No anchor was compared: a cut tail cannot be seen. Give one with --anchor.")
    if proof.newest is not None:
        print(f"The end of the chain, to keep elsewhere: {proof.newest}")
    print("SOMETHING IS WRONG with the log." if proof.troubles else "Nothing is wrong with what is sealed.")


def _row(each: Trouble) -> dict[str, object]:
    return {"what": each.what, "seal": each.seal_no, "line": each.log_id, "means": WORDS[each.what]}
