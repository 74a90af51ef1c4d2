"""Addresses: of sockets, of networks, of people, and which mail addresses are nobody's own.

Does: takes a written address apart or says in a ValueError what is wrong with it and what to write.
Touches: nothing.
Does not: resolve names or ask whether an address exists.
"""

import ipaddress
import re
from collections.abc import Set
from typing import Annotated

from pydantic import AfterValidator

_SOCKET = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]\s]*):([0-9]{1,5})")
_WORD = re.compile(r"[^\W\d_]+")
_MAILBOX = re.compile(r"[^\s@<>,;\x00-\x1f]+@[^\s@<>,;\x00-\x1f]+")

# Words of addresses that many people read.
_GENERAL_WORDS = (
    "info sociaaldomein sociaal domein gemeente postbus contact administratie algemeen secretariaat servicedesk "
    "helpdesk wmo jeugd jeugdzorg zorg backoffice frontoffice receptie mail post postkamer data monitor monitoring "
    "gmsd cbs ict noreply no reply office support beheer team afdeling loket wijkteam wijkteams applicatiebeheer "
    "functioneelbeheer beleid onderzoek statistiek klantcontact kcc aanlevering gegevens inkoop financien uitvoering"
)
_GENERAL = frozenset(_GENERAL_WORDS.split())


def socket_address(text: str) -> tuple[str, int]:
    """Host and port of `127.0.0.1:2222`, `[::1]:2222` or `:2222` (all interfaces). Port 0: any free one."""
    match = _SOCKET.fullmatch(text)
    if match is None or int(match[2]) > 65_535:
        raise ValueError(f'"{text}" is no address; write host:port, for example "127.0.0.1:2222"')
    return match[1].strip("[]"), int(match[2])


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its very name; nothing is looked up."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _checked_socket(text: str) -> str:
    socket_address(text)
    return text


def mailbox(text: str) -> str:
    """An e-mail address as it is, when it has the form of one."""
    if not _MAILBOX.fullmatch(text):
        raise ValueError(f'"{text}" is no e-mail address')
    return text


def network(text: str) -> str:
    """A network (`192.0.2.0/24`) or single address as it is."""
    try:
        ipaddress.ip_network(text)
    except ValueError:
        try:
            whole = ipaddress.ip_network(text, strict=False)
        except ValueError:
            raise ValueError(f'"{text}" is no network; write for example "192.0.2.0/24" or "192.0.2.7"') from None
        host = text.split("/")[0]
        raise ValueError(f'"{text}" is no network; write "{whole}", or "{host}" for one address') from None
    return text


def words_of(text: str) -> frozenset[str]:
    """The words of a text in lower case, without digits and signs."""
    return frozenset(_WORD.findall(text.lower()))


def is_general(email: str, places: Set[str]) -> bool:
    """Whether each word before the @ is a general one (`info`, `wmo-team`) or of `places` (words of municipalities)."""
    words = words_of(email.split("@")[0])
    return bool(words) and all(word in _GENERAL or word in places for word in words)


SocketAddress = Annotated[str, AfterValidator(_checked_socket)]
Mailbox = Annotated[str, AfterValidator(mailbox)]
