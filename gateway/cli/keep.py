"""The commands of keeping and erasing (purge, hold, deletions, backup, restore, mail), of proving that
nothing of the log was tampered with (verify), of sealing at rest (keygen, reseal), and of showing it all: replay.

Does: reads their arguments and calls keeping.
Touches: the terminal.
Does not: hold logic, or import what a command needs before it runs.
"""

import sys
from datetime import datetime
from pathlib import Path

import click

from gateway.cli.options import AS_JSON, CONFIG

DAY = click.DateTime(["%Y-%m-%d"])


@click.command()
@CONFIG
@AS_JSON
@click.option("--dry-run", is_flag=True, help="Only say what would go, and what stays although its term is over.")
def purge(directory: Path, as_json: bool, dry_run: bool) -> None:
    """Erase what was kept long enough. The running gateway does this each night by itself."""
    from gateway.cli.keeping import print_plan, print_purge

    (print_plan if dry_run else print_purge)(directory, as_json)


@click.command()
@CONFIG
@AS_JSON
@click.option("--municipality", "code", metavar="CODE", help="Whose files must stay.  [default: list the holds]")
@click.option("--reason", help="Why; kept, and shown to operators only.")
@click.option("--lift", is_flag=True, help="End the hold.")
def hold(directory: Path, as_json: bool, code: str | None, reason: str | None, lift: bool) -> None:
    """A legal hold: nothing of a municipality is erased until it is lifted. Without options: which holds there are."""
    from gateway.cli.keeping import print_holds, set_hold

    if code is None:
        if lift or reason:
            raise click.UsageError("say which municipality: --municipality CODE")
        print_holds(directory, as_json)
        return
    if not reason:
        raise click.UsageError("say why: --reason TEXT")
    click.echo(set_hold(directory, code, reason, held=not lift))


@click.command()
@CONFIG
@AS_JSON
@click.option("--from", "first", type=DAY, default="2000-01-01", show_default=True, help="The first local day.")
@click.option("--to", "last", type=DAY, default="2100-01-01", help="The last local day, included.")
@click.option("--municipality", "code", metavar="CODE", help="Else of all.")
def deletions(directory: Path, as_json: bool, first: datetime, last: datetime, code: str | None) -> None:
    """The proof of what was erased: what, when, why, its SHA-256, and until when a backup may still hold it."""
    from gateway.cli.keeping import print_deletions

    print_deletions(directory, first.date(), last.date(), code, as_json)


@click.command()
@CONFIG
@AS_JSON
@click.argument("target", type=click.Path(path_type=Path))
def backup(directory: Path, as_json: bool, target: Path) -> None:
    """Copy the whole ledger to TARGET while the gateway runs, and check the copy.

    TARGET is a file, or a folder: there it gets a name with the time, and backups older than retention.backup_days are
    removed (never the newest). Configuration and host keys are not in it: keep a copy of the config folder too.
    """
    from gateway.cli.keeping import make_backup

    make_backup(directory, target, as_json)


@click.command()
@CONFIG
@click.option("--replace", is_flag=True, help="Set the ledger that is there aside (it is renamed, never removed).")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def restore(directory: Path, replace: bool, yes: bool, file: Path) -> None:
    """Put the backup FILE back as the ledger. The gateway must be stopped.

    First it says what is in the backup and what will happen. Afterwards: `gateway doctor` names what was acknowledged
    after the backup, and no mail leaves before `gateway mail release`.
    """
    from gateway.cli.keeping import restore_backup

    sys.exit(0 if restore_backup(directory, file, click.confirm if not yes else None, replace=replace) else 1)


@click.command()
@CONFIG
@AS_JSON
@click.option("--nagios", is_flag=True, help="Exit code 2 instead of 1 when red, as monitors of that family expect.")
@click.option("--mail", is_flag=True, help="When red, mail the desk and the operators: once a day of each trouble.")
def health(directory: Path, as_json: bool, nagios: bool, mail: bool) -> None:
    """Is all well? Green or red in one line, with the reasons below it; exit code 1 when red.

    Works without a running gateway too, which is then one of the reasons.
    """
    from gateway.cli.health import mail_alarm, print_health

    green = print_health(directory, as_json=as_json)
    if mail and not green:
        mail_alarm(directory)
    sys.exit(0 if green else 2 if nagios else 1)


@click.group()
def mail() -> None:
    """Mails that wait, and their release after a restore."""


@mail.command("list")
@CONFIG
@AS_JSON
def list_mails(directory: Path, as_json: bool) -> None:
    """Every mail that is still to be sent, and whether it is surely new since a restore."""
    from gateway.cli.keeping import print_mails

    print_mails(directory, as_json)


@mail.command("release")
@CONFIG
@click.option("--send-all", is_flag=True, help="Also send what may have been sent before the restore.")
def release_mails(directory: Path, send_all: bool) -> None:
    """After a restore: let mails go out again. Those that may have been sent before are given up, unless --send-all."""
    from gateway.cli.keeping import open_gate

    click.echo(open_gate(directory, send_all=send_all))


@click.command()
@CONFIG
@AS_JSON
@click.option(
    "--anchor",
    "given",
    multiple=True,
    metavar="FILE|ANCHOR",
    help="An anchor that was kept elsewhere: the text itself (17-ab12...), or a file with some, such as a saved mail.",
)
@click.option("--no-own", is_flag=True, help="Do not compare the anchors that lie beside the ledger.")
def verify(directory: Path, as_json: bool, given: tuple[str, ...], no_own: bool) -> None:
    """Prove that no sealed line of the log was edited, deleted, inserted or moved, and that its end was not cut off.

    Works on the ledger alone; the gateway may run. Each daily overview holds an anchor: give the newest that you have,
    because who can write the ledger may be able to write the anchors beside it. Exit code 1 when something is wrong.
    """
    from gateway.cli.proving import print_proof

    sys.exit(0 if print_proof(directory, given, as_json, own=not no_own) else 1)


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def keygen(file: Path) -> None:
    """Make an identity to seal uploads with: the secret goes to FILE (mode 600), the public key is printed."""
    from gateway.cli.keymaking import keygen as make

    click.echo(make(file))


@click.command()
@CONFIG
@click.option(
    "--identity",
    envvar="GATEWAY_IDENTITY",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Instead of sealing.identity_file.",
)
def reseal(directory: Path, identity: Path | None) -> None:
    """After a change of sealing.recipients: seal every upload that is kept to those in force. The gateway may run."""
    from gateway.cli.keymaking import reseal as run

    click.echo(run(directory, identity))


@click.command()
@click.option("--language", type=click.Choice(["nl", "en"]), default="nl", show_default=True, help="Of the story.")
@click.argument("directory", required=False, type=click.Path(file_okay=False, path_type=Path))
def replay(language: str, directory: Path | None) -> None:
    """Play the pilot round of February and March 2018 with three municipalities, and tell it day by day.

    A real gateway in a sandbox whose clock is moved by hand: SFTP, ledger, workers, reports, mails, retention. With
    DIRECTORY (empty or new) what it leaves can be looked at afterwards. Exit code 1 when something did not come out as
    it must.
    """
    from tempfile import TemporaryDirectory

    from gateway.cli.replay import play

    with TemporaryDirectory(prefix="gateway-replay-") as passing:
        play(directory or Path(passing) / "gateway", click.echo, language)
