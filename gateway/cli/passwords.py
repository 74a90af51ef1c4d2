"""A password becomes a hash, on the terminal of who runs the gateway.

Does: asks twice without showing, refuses weak ones, prints the argon2id hash.
Touches: the terminal; reads the configuration.
Does not: write the hash anywhere, or take a password as an argument, where every user of the machine could read it.
"""

from pathlib import Path

import click

from gateway.config import load
from gateway.config.passwords import hash_of, weakness
from gateway.errors import GatewayError


def print_hash(directory: Path, login: str) -> None:
    """Ask and print; GatewayError for an unknown account or a weak password."""
    configuration = load(directory)
    if login not in configuration.participants.accounts:
        raise GatewayError(f"there is no account {login} in participants.yaml")
    password = click.prompt(f"Password of {login}", hide_input=True, confirmation_prompt=True, err=True)
    weak = weakness(login, password)
    if weak is not None:
        raise GatewayError(weak)
    click.echo(hash_of(password))
    if not configuration.settings.sftp.passwords:
        click.echo("Not used yet: passwords are off (sftp.passwords in gateway.yaml).", err=True)
