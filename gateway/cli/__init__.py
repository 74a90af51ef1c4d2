"""The command line: `gateway COMMAND`.

Does: reads arguments, calls the daemon or the workflow, prints; turns exceptions into exit codes:
0 done; 1 the answer is no (file rejected, something needs attention); 2 wrong arguments; 3 the configuration has
problems; 4 try again later (ledger locked, another daemon); 5 ledger and folders contradict each other.
Touches: the terminal.
Does not: hold logic. Commands import what they need when they run, so that --help is quick.
"""

import gc
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from gateway import __version__
from gateway.cli import desk, keep
from gateway.cli.options import AS_JSON, CONFIG
from gateway.errors import ConfigError, Conflict, Corrupt, GatewayError, Temporary
from gateway.examine import no_dumps

if TYPE_CHECKING:
    from gateway.client.session import Server

EXIT_CODES: tuple[tuple[type[GatewayError], int], ...] = (
    (ConfigError, 3),
    (Conflict, 4),
    (Temporary, 4),
    (Corrupt, 5),
    (GatewayError, 1),
)


def main() -> None:
    """Run a command; an expected error becomes one message and an exit code."""
    # Some open what is sealed, ask for a password or read a key.
    no_dumps()
    try:
        commands.main(prog_name="gateway", standalone_mode=True)
    except GatewayError as error:
        click.echo(f"gateway: {error}", err=True)
        sys.exit(next(code for kind, code in EXIT_CODES if isinstance(error, kind)))


@click.group()
@click.version_option(__version__)
def commands() -> None:
    """The file-drop gateway for Dutch municipalities.

    Takes files in over SFTP or a watch folder without losing one, checks them, and puts reports in each municipality's
    outbox within the legal terms.

    Exit codes: 0 done, 1 the answer is no, 2 wrong arguments, 3 configuration problems, 4 try again later, 5 ledger and
    folders contradict each other.
    """


@commands.command()
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--demo", is_flag=True, help="Also make demo accounts with key pairs, sample files and commands to paste."
)
def init(directory: Path, demo: bool) -> None:
    """Make configuration, folders and a host key in DIRECTORY. What exists is kept."""
    from gateway.cli.init import init as make

    make(directory, demo, click.echo)
    if demo:
        from gateway.cli.demo import accept_terms

        accept_terms(directory, click.echo)


def _moment(_context: click.Context, _parameter: click.Parameter, value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter("write a date and time as 2018-02-12T09:00") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo("Europe/Amsterdam"))


@commands.command()
@CONFIG
@click.option("--listen", metavar="HOST:PORT", help="Instead of sftp.listen; port 0 takes a free one.")
@click.option(
    "--role",
    type=click.Choice(["all", "sftp", "worker"]),
    default="all",
    show_default=True,
    help="sftp takes files in, worker checks and publishes, all does both.",
)
@click.option(
    "--process",
    type=click.IntRange(1, 99),
    default=1,
    show_default=True,
    help="With --role sftp: which of several processes on one port this is.",
)
@click.option(
    "--simulate", metavar="TIME", callback=_moment, help="Sandbox: live from this moment, such as 2018-02-12T09:00."
)
@click.option("--speed", type=click.FloatRange(min=0), default=1.0, help="Sandbox seconds per real second.")
@click.option(
    "--identity",
    envvar="GATEWAY_IDENTITY",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Instead of sealing.identity_file: the secret by which a worker opens uploads.",
)
def serve(
    directory: Path,
    listen: str | None,
    role: str,
    process: int,
    simulate: datetime | None,
    speed: float,
    identity: Path | None,
) -> None:
    """Serve until stopped. SIGHUP, or a changed file, reloads the configuration; SIGTERM ends in order."""
    # What a start makes is kept: searching it for garbage again and again costs a tenth of the start, and a third with
    # 100,000 accounts. The daemon turns it on again once it is ready.
    gc.disable()
    from gateway.daemon import Options
    from gateway.daemon import serve as run

    if process > 1 and role != "sftp":
        raise click.BadOptionUsage("process", "--process goes with --role sftp")
    run(Options(directory, listen, role, simulate, speed, identity, process))


@commands.command("check-config")
@CONFIG
@AS_JSON
def check_config(directory: Path, as_json: bool) -> None:
    """Check the configuration and name every problem with its place."""
    from gateway.cli.show import print_problems
    from gateway.config import load
    from gateway.domain.workdays import local_day

    try:
        configuration = load(directory)
    except ConfigError as error:
        print_problems(error.problems, (), as_json)
        sys.exit(3)
    from gateway.daemon import keys, scanner

    ending = configuration.ending(local_day(datetime.now(UTC)))
    remarks = (*keys.remarks(configuration), *scanner.remarks(configuration))
    print_problems((), (*configuration.warnings, *ending, *remarks), as_json)


@commands.command()
@click.option(
    "--config",
    "directory",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    envvar="GATEWAY_CONFIG",
    help="The configuration directory.  [default: config, or else the rules that come with this program]",
)
@AS_JSON
@click.option("--municipality", metavar="CODE", help="The folder the file is meant for; else the code in its name.")
@click.option("--round", "round_id", metavar="ID", help="Else the round that is open, or the nearest.")
@click.option("--received", "day", type=click.DateTime(["%Y-%m-%d"]), help="As if received on this day; else today.")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def check(
    directory: Path | None,
    as_json: bool,
    municipality: str | None,
    round_id: str | None,
    day: datetime | None,
    files: tuple[Path, ...],
) -> None:
    """Check FILES here with the rules of a round, as the gateway would. Nothing is delivered.

    The findings are those of the technical report. Exit code 0 when all are approved, 1 when one is rejected.
    """
    from gateway.cli.check import Asked
    from gateway.cli.print_check import print_checked

    asked = Asked(files, directory, municipality, round_id, day.date() if day else None)
    sys.exit(0 if print_checked(asked, as_json) else 1)


@commands.command()
@CONFIG
@AS_JSON
@click.argument("municipality", required=False, metavar="[CODE]")
def status(directory: Path, as_json: bool, municipality: str | None) -> None:
    """What is waiting, held, due and not yet collected; of one municipality: what its status.json says."""
    from gateway.cli.show import print_status
    from gateway.cli.show_round import print_municipality

    if municipality:
        print_municipality(directory, municipality, as_json)
    else:
        print_status(directory, as_json)


@commands.command()
@CONFIG
@AS_JSON
@click.argument("short_id", metavar="ID")
def show(directory: Path, as_json: bool, short_id: str) -> None:
    """Everything about one drop: facts, deliveries, reports and its lines of the message log."""
    from gateway.cli.show import print_drop

    print_drop(directory, short_id, as_json)


@commands.command()
@CONFIG
@click.option("--reason", required=True, help="Why; it is logged.")
@click.argument("short_id", metavar="ID")
def release(directory: Path, reason: str, short_id: str) -> None:
    """Let a held drop be examined again."""
    from gateway.cli.operate import release_drop

    release_drop(directory, short_id, reason)
    click.echo(f"{short_id} is released and will be examined again.")


@commands.command()
@CONFIG
@AS_JSON
@click.option("--repair", is_flag=True, help="Mend what can be mended, now; then say what was and what is left.")
def doctor(directory: Path, as_json: bool, repair: bool) -> None:
    """Compare folders, ledger and log; name and explain every difference. Exit code 1 when one needs a person.

    With --repair: what the gateway mends by itself when it starts or within a minute is mended now. Nothing is thrown
    away, and into a damaged ledger nothing is written. The gateway may run.
    """
    from gateway.cli.doctor import print_differences

    sys.exit(0 if print_differences(directory, as_json, repair=repair) else 1)


@commands.command()
@CONFIG
@click.option("--delivered", "day", required=True, type=click.DateTime(["%Y-%m-%d"]), help="The day of delivery.")
def calendar(directory: Path, day: datetime) -> None:
    """Explain the due dates of a file delivered on a day."""
    from gateway.cli.show import print_calendar

    print_calendar(directory, day.date())


KEEPING = (
    keep.purge,
    keep.hold,
    keep.deletions,
    keep.backup,
    keep.restore,
    keep.health,
    keep.mail,
    keep.verify,
    keep.keygen,
    keep.reseal,
    keep.replay,
)
for command in (desk.extend, desk.withdraw, desk.withdrawals, desk.account, *KEEPING):
    commands.add_command(command)


# --- the municipality's end ---------------------------------------------------------------------------------


def _server(command: Callable[..., None]) -> Callable[..., None]:
    """The options by which put and fetch find the gateway and speak, each also an environment variable."""
    options = (
        click.option("--host", required=True, envvar="GATEWAY_HOST", help="Name or address of the gateway."),
        click.option("--port", default=22, show_default=True, envvar="GATEWAY_PORT", type=click.IntRange(1, 65535)),
        click.option("--login", required=True, envvar="GATEWAY_LOGIN", help="The account."),
        click.option(
            "--key",
            envvar="GATEWAY_KEY",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="Private key; else what ssh-agent and ~/.ssh offer. Its passphrase: GATEWAY_KEY_PASSPHRASE.",
        ),
        click.option(
            "--known-hosts",
            envvar="GATEWAY_KNOWN_HOSTS",
            type=click.Path(dir_okay=False, path_type=Path),
            default=Path(click.get_app_dir("gateway")) / "known_hosts",
            help="Where host keys are pinned at first use.  [default: known_hosts in the user's configuration]",
        ),
        click.option(
            "--host-key", envvar="GATEWAY_HOST_KEY", metavar="SHA256:...", help="The only host key to accept."
        ),
        click.option("--quiet", is_flag=True, help="Only say what goes wrong."),
        AS_JSON,
    )
    for option in reversed(options):
        command = option(command)
    return command


def _to(host: str, port: int, login: str, known_hosts: Path, key: Path | None, host_key: str | None) -> "Server":
    from gateway.client.session import Server

    return Server(host, port, login, known_hosts, key, host_key, os.environ.get("GATEWAY_KEY_PASSPHRASE"))


@commands.command()
@_server
@click.option(
    "--timeout", default=600.0, show_default=True, type=click.FloatRange(min=0), help="Seconds to try in all."
)
@click.option("--municipality", envvar="GATEWAY_MUNICIPALITY", metavar="CODE", help="Else the code in the file's name.")
@click.option("--trial", is_flag=True, help="Only have it checked (inbox/proef); nothing counts.")
@click.option("--wait", is_flag=True, help="Wait for the technical report; the exit code is its verdict.")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def put(
    files: tuple[Path, ...],
    municipality: str | None,
    trial: bool,
    wait: bool,
    timeout: float,
    as_json: bool,
    quiet: bool,
    **server: Any,
) -> None:
    """Deliver FILES over SFTP. Done means: a receipt with the file's own SHA-256 is in the outbox.

    Exit codes: 0 received (with --wait: approved), 1 rejected, 2 wrong arguments, 3 refused, 4 try again later (sending
    twice does no harm), 5 wrong host key or login. Of several files the one that needs another run decides.
    """
    from gateway.cli.transfer import Manner, put_files

    manner = Manner(timeout, as_json, quiet)
    sys.exit(put_files(_to(**server), files, municipality, manner, trial=trial, wait=wait))


@commands.command()
@_server
@click.option(
    "--timeout", default=120.0, show_default=True, type=click.FloatRange(min=0), help="Seconds to try in all."
)
@click.option("--municipality", "codes", multiple=True, metavar="CODE", help="Else all that the account sees.")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Only reports made on this day or later.")
@click.option("--all", "collected", is_flag=True, help="Also those that were acknowledged before (opgehaald/).")
@click.option("--confirm", is_flag=True, help="Acknowledge each report once it lies here whole and verified.")
@click.argument("directory", required=False, default="reports", type=click.Path(file_okay=False, path_type=Path))
def fetch(
    directory: Path,
    codes: tuple[str, ...],
    since: datetime | None,
    collected: bool,
    confirm: bool,
    timeout: float,
    as_json: bool,
    quiet: bool,
    **server: Any,
) -> None:
    """Bring the reports of the outbox into DIRECTORY/CODE (default: reports), verified, skipping what lies there.

    Exit codes: 0 nothing is wrong, also when there is nothing new; 1 a report does not match its checksums; 2 wrong
    arguments; 3 refused; 4 try again later; 5 wrong host key or login.
    """
    from gateway.cli.transfer import Manner, fetch_reports

    day = since.date() if since else None
    manner = Manner(timeout, as_json, quiet)
    sys.exit(fetch_reports(_to(**server), directory, codes, manner, since=day, collected=collected, confirm=confirm))


@commands.command()
@CONFIG
@AS_JSON
def missing(directory: Path, as_json: bool) -> None:
    """Who has not, not fully, or not successfully delivered in the current round. Exit code 1 when somebody has not."""
    from gateway.cli.show_round import print_missing

    sys.exit(0 if print_missing(directory, as_json) else 1)


@commands.command()
@CONFIG
@AS_JSON
def deadlines(directory: Path, as_json: bool) -> None:
    """What is owed, by when, and what is at risk or late. Exit code 1 when a report of ours is late."""
    from gateway.cli.show_round import print_deadlines

    sys.exit(0 if print_deadlines(directory, as_json) else 1)


@commands.command("log")
@CONFIG
@click.option("--from", "first", required=True, type=click.DateTime(["%Y-%m-%d"]), help="The first local day.")
@click.option("--to", "last", required=True, type=click.DateTime(["%Y-%m-%d"]), help="The last local day, included.")
@click.option("--municipality", metavar="CODE", help="Else of all, with what concerns none.")
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
def message_log(directory: Path, first: datetime, last: datetime, municipality: str | None, form: str) -> None:
    """The message log of some days: everything that happened, by whom and about what."""
    from gateway.cli.show_round import print_log

    print_log(directory, first.date(), last.date(), municipality, form)
