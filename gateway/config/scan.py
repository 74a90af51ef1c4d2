"""The section `scan` of gateway.yaml: which clamd looks at every upload before it is examined.

Does: defines it, and takes the address of a clamd apart.
Touches: nothing.
Does not: speak with it (channel.clamd).

An address is of this machine. What clamd is sent is an upload as it is, and its protocol knows no encryption.
"""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from gateway.config.addresses import is_loopback, socket_address

# What the path of a socket may hold on Linux (sockaddr_un, less its closing zero).
LONGEST_PATH = 107


def clamd_address(text: str) -> str | tuple[str, int]:
    """The path of `unix:/run/clamav/clamd.ctl`, or host and port of `tcp:127.0.0.1:3310`; ValueError for else."""
    sort, colon, rest = text.partition(":")
    if colon and sort == "unix" and rest.startswith("/") and len(rest.encode()) <= LONGEST_PATH and "\0" not in rest:
        return rest
    if colon and sort == "tcp":
        host, port = socket_address(rest)
        if not is_loopback(host):
            raise ValueError(f'"{host}" is another machine: clamd would be sent uploads in plain text')
        return host, port
    raise ValueError(f'"{text}" is no clamd; write unix:/run/clamav/clamd.ctl or tcp:127.0.0.1:3310')


def _checked(text: str) -> str:
    clamd_address(text)
    return text


class Scan(BaseModel, frozen=True, extra="forbid"):
    """The virus scan; off without an address. When it is on, nothing is examined that did not pass it."""

    clamd: Annotated[str, AfterValidator(_checked)] | None = Field(
        default=None, description="socket of clamd on this machine: unix:/run/clamav/clamd.ctl or tcp:127.0.0.1:3310"
    )
    timeout_seconds: Annotated[int, Field(ge=1, le=600)] = Field(
        default=30, description="time that the scan of one file may take"
    )
    database_days: Annotated[int, Field(ge=1, le=3650)] = Field(
        default=3, description="age of the signatures from which they are told to be old"
    )
