"""The command line: `gateway COMMAND`.

Does: reads arguments, calls the daemon or the workflow, prints; turns exceptions into exit codes:
0 done; 1 the answer is no (file rejected, something needs attention); 2 wrong arguments; 3 the configuration has
problems; 4 try again later (ledger locked, another daemon); 5 ledger and folders contradict each other.
Touches: the terminal.
Does not: hold logic. Commands import what they need when they run, so that --help is quick.
"""

import sys
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from gateway import __version__
from gateway.errors import ConfigError, Conflict, Corrupt, GatewayError, Temporary

EXIT_CODES: tuple[tuple[type[GatewayError], int], ...] = (
    (ConfigError, 3),
    (Conflict, 4),
    (Temporary, 4),
    (Corrupt, 5),
    (GatewayError, 1),
)
CONFIG = click.option(
    "--config",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("config"),
    show_default=True,
    envvar="GATEWAY_CONFIG",
    help="The configuration directory.",
)
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


def main() -> None:
    """Run a command; an expected error becomes one message and an exit code."""
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
    "--simulate", metavar="TIME", callback=_moment, help="Sandbox: live from this moment, such as 2018-02-12T09:00."
)
@click.option("--speed", type=click.FloatRange(min=0), default=1.0, help="Sandbox seconds per real second.")
def serve(directory: Path, listen: str | None, role: str, simulate: datetime | None, speed: float) -> None:
    """Serve until stopped. SIGHUP, or a changed file, reloads the configuration; SIGTERM ends in order."""
    from gateway.daemon import Options
    from gateway.daemon import serve as run

    run(Options(directory, listen, role, simulate, speed))


@commands.command("check-config")
@CONFIG
@AS_JSON
def check_config(directory: Path, as_json: bool) -> None:
    """Check the configuration and name every problem with its place."""
    from gateway.cli.show import print_problems
    from gateway.config import load

    try:
        configuration = load(directory)
    except ConfigError as error:
        print_problems(error.problems, (), as_json)
        sys.exit(3)
    print_problems((), configuration.warnings, as_json)


@commands.command()
@CONFIG
@AS_JSON
@click.option("--municipality", metavar="CODE", help="The folder the file is meant for; else the code in its name.")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def check(directory: Path, as_json: bool, municipality: str | None, files: tuple[Path, ...]) -> None:
    """Check FILES here with the rules of the current round, as the gateway would. Nothing is delivered.

    Exit code 0 when all are approved, 1 when one is rejected.
    """
    from gateway.cli.check import check_files

    sys.exit(0 if check_files(directory, files, municipality, as_json) else 1)


@commands.command()
@CONFIG
@AS_JSON
@click.argument("municipality", required=False, metavar="[CODE]")
def status(directory: Path, as_json: bool, municipality: str | None) -> None:
    """What is waiting, held, due and not yet collected; of one municipality: its status.json."""
    from gateway.cli.show import print_municipality, print_status

    if municipality:
        print_municipality(directory, municipality)
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
def doctor(directory: Path, as_json: bool) -> None:
    """Compare folders, ledger and log, and name every difference. Exit code 1 when one needs a person."""
    from gateway.cli.show import print_differences

    sys.exit(0 if print_differences(directory, as_json) else 1)


@commands.command()
@CONFIG
@click.option("--delivered", "day", required=True, type=click.DateTime(["%Y-%m-%d"]), help="The day of delivery.")
def calendar(directory: Path, day: datetime) -> None:
    """Explain the due dates of a file delivered on a day."""
    from gateway.cli.show import print_calendar

    print_calendar(directory, day.date())
