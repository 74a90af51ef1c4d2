"""The commands of the service desk: extend, withdraw, account.

Does: reads their arguments and calls operate or show_desk.
Touches: the terminal.
Does not: hold logic, or import what a command needs before it runs.
"""

from datetime import datetime
from pathlib import Path

import click

from gateway.cli.options import AS_JSON, CONFIG

DAY = click.DateTime(["%Y-%m-%d"])
LOGIN = click.argument("login")


@click.command()
@CONFIG
@click.option("--municipality", "code", required=True, metavar="CODE", help="For which municipality.")
@click.option("--until", required=True, type=DAY, help="The last day on which it can deliver, such as 2018-03-14.")
@click.option("--reason", required=True, help="Why; the municipality reads it in its message log.")
def extend(directory: Path, code: str, until: datetime, reason: str) -> None:
    """Let one municipality deliver longer. The last extension counts; the round stays as it is for everybody else."""
    from gateway.cli.operate import extend_window

    click.echo(extend_window(directory, code, until.date(), reason))


@click.command()
@CONFIG
@click.option("--by-form", is_flag=True, required=True, help="What a form of CBS says; a municipality acts by file.")
@click.option("--municipality", "code", required=True, metavar="CODE", help="Whose form it is.")
@click.option("--kind", required=True, help="The item: WMO, KOSTENWMO ...")
@click.option("--period", required=True, help="The item: 2017H2 ...")
@click.option("--received", type=DAY, help="The day on which the form came; must be in the window.  [default: today]")
@click.option("--reason", required=True, help="Reference of the form; the municipality reads it in its message log.")
@click.option("--undo", is_flag=True, help="The form says that the item may be used and published after all.")
def withdraw(
    directory: Path,
    by_form: bool,
    code: str,
    kind: str,
    period: str,
    received: datetime | None,
    reason: str,
    undo: bool,
) -> None:
    """Record a form of CBS that withdraws use and publication of an item, also of a delegating municipality."""
    from gateway.cli.operate import record_form

    if not by_form:
        raise click.UsageError("only what a form says is recorded here: add --by-form")
    day = received.date() if received else None
    click.echo(record_form(directory, (code, kind.upper(), period.upper()), reason, day, undo=undo))


@click.command()
@CONFIG
@AS_JSON
@click.option("--municipality", "code", metavar="CODE", help="Else of all.")
@click.option(
    "--at", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M"]), help="As it was at the end of a day, or at a moment."
)
def withdrawals(directory: Path, as_json: bool, code: str | None, at: datetime | None) -> None:
    """Which items are withdrawn, since when and by whom: now, or at a past moment."""
    from gateway.cli.show_desk import print_withdrawals

    print_withdrawals(directory, code, at, as_json)


@click.group()
def account() -> None:
    """Who asked for an account, who decided, its first login, and what it logs in with.

    request, then approve, then activate: that prints a verification code, to be handed to the person and entered by the
    file VERIFICATIE_CODE in the root of its first login.
    """


@account.command("request")
@CONFIG
@LOGIN
@click.option("--role", required=True, help="productbeheerder, gebruikersbeheerder, assessor or operator.")
@click.option("--by", "asked_by", required=True, help="Who asked: a login or a name.")
def request_account(directory: Path, login: str, role: str, asked_by: str) -> None:
    """Record that somebody asked for the account LOGIN with a role."""
    from gateway.cli.operate import ask_account

    click.echo(ask_account(directory, login, role, asked_by))


@account.command("approve")
@CONFIG
@LOGIN
@click.option("--by", "approved_by", help="Login of the user manager who decided; without it the desk decides itself.")
def approve_account(directory: Path, login: str, approved_by: str | None) -> None:
    """Record the decision on a request. A user manager decides who is productbeheerder, not the desk."""
    from gateway.cli.operate import approve_account as approve

    click.echo(approve(directory, login, approved_by))


@account.command("activate")
@CONFIG
@LOGIN
@click.option(
    "--without-code", "reason", metavar="REASON", help="Activate at once; say why nobody logs in with a code."
)
def activate_account(directory: Path, login: str, reason: str | None) -> None:
    """Print a verification code for the first login of an approved account. A former code is void."""
    from gateway.cli.operate import activate_account as activate

    click.echo(activate(directory, login, reason))


@account.command("list")
@CONFIG
@AS_JSON
def list_accounts(directory: Path, as_json: bool) -> None:
    """Every account and every request: role, who asked, who decided, when, and if it works."""
    from gateway.cli.show_desk import print_accounts

    print_accounts(directory, as_json)


@account.command("keys")
@CONFIG
@AS_JSON
@click.argument("login", required=False)
def list_keys(directory: Path, as_json: bool, login: str | None) -> None:
    """Every key of every account (or of LOGIN): until when it works and when it was used last."""
    from gateway.cli.show_keys import print_keys

    print_keys(directory, login, as_json)


@account.command("password")
@CONFIG
@LOGIN
def hash_password(directory: Path, login: str) -> None:
    """Ask for a password for the account LOGIN and print its hash, for password_hash in participants.yaml.

    A key is better: it cannot be guessed, and nobody can be talked into reading it out.
    """
    from gateway.cli.passwords import print_hash

    print_hash(directory, login)
