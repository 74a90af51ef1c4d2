"""Options that many commands share.

Does: defines them once.
Touches: nothing.
Does not: define a command.
"""

from pathlib import Path

import click

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
