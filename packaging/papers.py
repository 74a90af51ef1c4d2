"""What a package of the gateway says of itself: its manual page, and the licences of what it carries.

Does: prints the manual page from the commands' own help, or what the Python packages in a folder are licensed
under.
Touches: the terminal; reads the metadata of installed packages.
Does not: build anything (scripts/deb).

Usage: papers.py manual VERSION YYYY-MM-DD | papers.py licences FOLDER
"""

import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions

import click

CLASSIFIER = "License :: "
# What the metadata of these does not say; their licence files do.
UNSAID = {"pyrage": "MIT", "pysqlite3": "zlib/libpng", "sqlite-fts4": "Apache-2.0"}


def manual(version: str, day: str) -> Iterator[str]:
    """The page gateway(8), in roff."""
    from gateway.cli import commands

    yield f'.TH GATEWAY 8 "{day}" "gateway {version}" "System administration"'
    yield ".SH NAME\ngateway \\- file\\-drop gateway for Dutch municipalities"
    yield ".SH SYNOPSIS\n.B gateway\n.I COMMAND\n[\n.I options\n]"
    yield ".SH DESCRIPTION"
    yield from _paragraphs(commands.help or "")
    yield (
        "The configuration is /etc/gateway unless \\-\\-config or GATEWAY_CONFIG says otherwise. Run by root, a "
        "command works as the user\n.IR gateway ,\nexcept init, keygen, check, put, fetch and replay."
    )
    yield ".SH COMMANDS\nEvery command tells its options with\n.BR \\-\\-help ."
    context = click.Context(commands)
    for path, command in _all(commands, context, ()):
        usage = " ".join(command.collect_usage_pieces(click.Context(command)))
        yield f".SS {_roff(' '.join(path))} {_roff(usage)}"
        yield from _paragraphs(command.help or "")
    yield ".SH FILES"
    for name, what in (
        ("/etc/gateway", "configuration and keys"),
        ("/var/lib/gateway", "ledger (state), inbox and outbox: personal data"),
        ("/var/backups/gateway", "copies of the ledger: personal data"),
        ("/usr/share/doc/gateway/docs", "the handbook (administrator.md) and all other documentation"),
    ):
        yield f".TP\n.I {name}\n{what}"
    yield ".SH SEE ALSO\n.BR systemctl (1),\n.BR journalctl (1),\n.BR sftp (1)"


def _all(
    group: click.Group, context: click.Context, before: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name in sorted(group.list_commands(context)):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from _all(command, context, (*before, name))
        elif command is not None:
            yield (*before, name), command


def _paragraphs(text: str) -> Iterator[str]:
    for index, part in enumerate(text.split("\n\n")):
        if index:
            yield ".PP"
        yield _roff(" ".join(part.split()))


def _roff(text: str) -> str:
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("`", "").replace("|", "\\||")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


def licences(folder: str) -> Iterator[str]:
    """A line for each package in a folder: name, version, licence."""
    found = {each.metadata["Name"]: each for each in distributions(path=[folder])}
    for name in sorted(found, key=str.lower):
        if name != "gateway":
            yield f" {name} {found[name].version}: {_licence(name, found[name])}"


def _licence(name: str, found: Distribution) -> str:
    said = found.metadata.get("License-Expression") or ""
    if not said:
        classified = [line for line in found.metadata.get_all("Classifier", []) if line.startswith(CLASSIFIER)]
        said = ", ".join(sorted(line.rpartition(" :: ")[2] for line in classified))
    return said or UNSAID.get(name) or next(iter((found.metadata.get("License") or "").splitlines()), "") or "see there"


def main(arguments: list[str]) -> int:
    """Print what is asked for."""
    match arguments:
        case ["manual", version, day]:
            lines = manual(version, day)
        case ["licences", folder]:
            lines = licences(folder)
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    for line in lines:
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
