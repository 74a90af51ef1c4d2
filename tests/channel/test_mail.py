"""Letters: one suite for every way out, then what only a mail server can do to us.

Does: sends to a real aiosmtpd and into a real folder.
Touches: the loopback interface, a temporary directory.
Does not: keep what is owed (tests/workflow/test_notify).
"""

import gc
import socket
import ssl
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from pathlib import Path
from typing import Protocol

import pytest

from gateway.channel.mail import FolderPost, Letter, Post, SmtpPost, post_for
from gateway.config.addresses import is_loopback
from gateway.config.sections import Settings, absolute
from gateway.errors import GatewayError, Temporary, Undeliverable
from gateway.store.durable import write_durably
from tests.channel.server import CUT, OK, SILENCE, Behaviour, MailServer, certificate, check_login, settings

LETTER = Letter(
    id="0199aa00-0000-7000-8000-000000000001",
    recipient="anna.devries@amsterdam.example",
    subject="Technisch rapport klaar voor Zoëterwoude (0638)",
    text="Dag Anna,\n\nHet rapport staat klaar, van vóór 9 maart.\n.\nEen punt alleen op een regel.\n",
    html="<p>Het rapport staat klaar, van vóór 9 maart.</p>\n",
    at=datetime(2018, 2, 14, 9, 30, tzinfo=UTC),
)
SECOND = replace(LETTER, id="0199aa00-0000-7000-8000-000000000002", recipient="bram@bloemendaal.example")
THIRD = replace(LETTER, id="0199aa00-0000-7000-8000-000000000003", recipient="zoe@zandvoort.example")


class Way(Protocol):
    """A way out, and what arrived at its end."""

    post: Post

    def arrived(self) -> list[EmailMessage]:
        """Every message, in order."""


@dataclass
class BySmtp:
    """A real server."""

    post: Post
    server: MailServer

    def arrived(self) -> list[EmailMessage]:
        return [taken.message for taken in self.server.accepted]


@dataclass
class ByFolder:
    """A real folder."""

    post: Post
    folder: Path

    def arrived(self) -> list[EmailMessage]:
        found = []
        for path in sorted(self.folder.glob("*.eml")):
            message = message_from_bytes(path.read_bytes(), policy=WIRE)
            assert isinstance(message, EmailMessage)
            found.append(message)
        return found


@pytest.fixture(params=["smtp", "folder"])
def way(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Way]:
    if request.param == "folder":
        folder = tmp_path / "outbox" / ".mail"
        yield ByFolder(FolderPost(folder, write_durably, sender="gateway@desk.example"), folder)
        return
    with MailServer() as server:
        yield BySmtp(SmtpPost(settings(server.port)), server)


def sent(post: Post, *letters: Letter) -> list[tuple[Letter, GatewayError | None]]:
    """Send, and what was told of each."""
    told: list[tuple[Letter, GatewayError | None]] = []
    post.send(letters, lambda letter, fate: told.append((letter, fate)))
    return told


def fates(post: Post, *letters: Letter) -> list[type[GatewayError] | None]:
    """What became of each letter."""
    return [None if fate is None else type(fate) for _, fate in sent(post, *letters)]


# --- every way out ----------------------------------------------------------------------------------------------------


def test_a_letter_arrives_once_and_whole(way: Way) -> None:
    assert sent(way.post, LETTER) == [(LETTER, None)]
    [message] = way.arrived()
    assert message["To"] == LETTER.recipient
    assert message["From"] == "gateway@desk.example"
    assert message["Subject"] == LETTER.subject
    assert message["Message-ID"] == f"<{LETTER.id}@desk.example>"
    assert message["Date"] == "Wed, 14 Feb 2018 09:30:00 +0000"
    assert message["Auto-Submitted"] == "auto-generated"
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert plain.get_content().replace("\r\n", "\n") == LETTER.text
    assert html.get_content().replace("\r\n", "\n") == LETTER.html


def test_letters_leave_in_order_and_each_fate_is_told(way: Way) -> None:
    assert sent(way.post, LETTER, SECOND, THIRD) == [(LETTER, None), (SECOND, None), (THIRD, None)]
    assert [message["To"] for message in way.arrived()] == [each.recipient for each in (LETTER, SECOND, THIRD)]


def test_a_letter_offered_again_is_the_same_message(way: Way) -> None:
    first = sent(way.post, LETTER)
    before = [bytes(message) for message in way.arrived()]
    assert sent(way.post, LETTER) == first
    assert {bytes(message) for message in way.arrived()} == set(before)


@pytest.mark.parametrize("smuggled", ["x\r\nBcc: spy@evil.example", "x\nX: y", "x\ry", "x\0y"])
@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: replace(LETTER, recipient=text),
        lambda text: replace(LETTER, subject=text),
        lambda text: replace(LETTER, id=text),
    ],
    ids=["recipient", "subject", "id"],
)
def test_no_header_takes_a_line_end_and_the_next_letter_still_leaves(
    way: Way, spoil: Callable[[str], Letter], smuggled: str
) -> None:
    bad = spoil(smuggled)
    assert fates(way.post, bad, SECOND) == [Undeliverable, None]
    assert [message["To"] for message in way.arrived()] == [SECOND.recipient]


def test_an_address_that_is_none_is_undeliverable(way: Way) -> None:
    assert fates(way.post, replace(LETTER, recipient="anna@"), SECOND)[1] is None
    assert SECOND.recipient in [message["To"] for message in way.arrived()]


def test_nothing_is_taken_after_closing(way: Way) -> None:
    taken: list[str] = []

    def letters() -> Iterator[Letter]:
        for letter in (LETTER, SECOND, THIRD):
            taken.append(letter.id)
            yield letter

    way.post.send(letters(), lambda _letter, _fate: way.post.close())
    assert taken == [LETTER.id]
    assert len(way.arrived()) == 1


# --- the folder -------------------------------------------------------------------------------------------------------


def test_a_folder_that_cannot_be_written_is_temporary(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    post = FolderPost(tmp_path / "file" / ".mail", write_durably, sender="gateway@desk.example")
    assert fates(post, LETTER) == [Temporary]


def test_the_folder_is_private_and_holds_nothing_half(tmp_path: Path) -> None:
    folder = tmp_path / ".mail"
    sent(FolderPost(folder, write_durably, sender="gateway@desk.example"), LETTER)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in folder.iterdir()] == [f"20180214T093000-{LETTER.id}.eml"]


# --- the mail server --------------------------------------------------------------------------------------------------


def test_all_letters_share_one_connection() -> None:
    with MailServer() as server:
        assert fates(SmtpPost(settings(server.port)), LETTER, SECOND, THIRD) == [None, None, None]
        assert server.connections == 1


def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def test_a_server_that_is_down_delays_all_and_takes_all_when_it_is_up() -> None:
    port = closed_port()
    post = SmtpPost(settings(port))
    assert fates(post, LETTER, SECOND) == [Temporary, Temporary]
    with MailServer(port=port) as server:
        assert fates(post, LETTER, SECOND) == [None, None]
        assert len(server.accepted) == 2


@pytest.mark.parametrize(
    ("answer", "fate"),
    [
        ("421 4.3.2 closing", Temporary),
        ("451 4.7.1 greylisted", Temporary),
        ("452 4.3.1 full", Temporary),
        ("550 5.1.1 unknown", Undeliverable),
        ("552 5.2.2 mailbox full", Undeliverable),
    ],
)
@pytest.mark.parametrize("step", ["rcpt", "data"])
def test_what_a_server_says_of_one_letter(step: str, answer: str, fate: type[GatewayError]) -> None:
    behaviour = Behaviour()
    if step == "rcpt":
        behaviour.rcpt = lambda address, _n: answer if address == LETTER.recipient else OK
    else:
        behaviour.data = lambda n: answer if n == 0 else OK
    with MailServer(behaviour) as server:
        [(_, first), (_, second)] = sent(SmtpPost(settings(server.port)), LETTER, SECOND)
        assert type(first) is fate
        assert answer[:3] in str(first)
        assert second is None
        assert [taken.recipients for taken in server.accepted] == [[SECOND.recipient]]


@pytest.mark.parametrize("answer", ["550 not you", "451 later"])
def test_a_server_that_refuses_us_loses_no_letter(answer: str) -> None:
    with MailServer(Behaviour(mail=lambda _n: answer)) as server:
        assert fates(SmtpPost(settings(server.port)), LETTER, SECOND) == [Temporary, Temporary]
        assert server.asked["mail"] == 0


def test_silence_after_data_is_tried_again_with_the_same_message_id() -> None:
    with MailServer(Behaviour(data=lambda n: SILENCE if n == 0 else OK)) as server:
        post = SmtpPost(settings(server.port, seconds=0.3))
        assert fates(post, LETTER, SECOND) == [Temporary, None]
        assert fates(post, LETTER) == [None]
        ids = [taken.message["Message-ID"] for taken in server.taken if taken.recipients == [LETTER.recipient]]
        assert ids == [f"<{LETTER.id}@desk.example>"] * 2


def test_a_server_that_stays_silent_is_left_alone_after_two_letters() -> None:
    with MailServer(Behaviour(data=lambda _n: SILENCE)) as server:
        letters = [replace(LETTER, id=f"0199aa00-0000-7000-8000-00000000000{n}") for n in range(6)]
        assert fates(SmtpPost(settings(server.port, seconds=0.2)), *letters) == [Temporary] * 6
        assert len(server.taken) == 2


def test_a_line_that_is_cut_is_taken_up_again_for_the_next_letter() -> None:
    with MailServer(Behaviour(data=lambda n: CUT if n == 0 else OK)) as server:
        assert fates(SmtpPost(settings(server.port)), LETTER, SECOND) == [Temporary, None]
        assert server.connections == 2


def test_closing_breaks_off_a_silent_server_and_tells_nothing_of_the_letter() -> None:
    with MailServer(Behaviour(data=lambda _n: SILENCE)) as server:
        post = SmtpPost(settings(server.port, seconds=60))
        told: list[Letter] = []
        sending = threading.Thread(
            target=lambda: post.send([LETTER, SECOND], lambda letter, _fate: told.append(letter))
        )
        sending.start()
        server.wait(lambda: len(server.taken) == 1)
        post.close()
        sending.join(10)
        assert not sending.is_alive()
        assert told == []
        assert fates(post, LETTER) == []


def test_closing_lets_the_letter_under_way_end_and_begins_no_other() -> None:
    """A server that has it would get it twice."""
    asked, closed = threading.Event(), threading.Event()

    def answer(_n: int) -> str:
        asked.set()
        assert closed.wait(10)
        return OK

    with MailServer(Behaviour(data=answer)) as server:
        post = SmtpPost(settings(server.port, seconds=60))
        told: list[tuple[Letter, GatewayError | None]] = []
        sending = threading.Thread(
            target=lambda: post.send([LETTER, SECOND], lambda letter, fate: told.append((letter, fate)))
        )
        sending.start()
        assert asked.wait(10)
        post.close()
        closed.set()
        sending.join(10)
        assert not sending.is_alive()
        assert told == [(LETTER, None)]


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_mail_goes_encrypted_and_with_a_login(tls: str, tmp_path: Path) -> None:
    context, trust = certificate(tmp_path)
    password = tmp_path / "password"
    password.write_text("secret\n")
    # aiosmtpd counts only STARTTLS as encryption, and would not offer a login on a line that was encrypted before.
    inside = {"tls_context": context, "require_starttls": True, "auth_required": True} if tls == "starttls" else {}
    parameters = {"authenticator": check_login, "auth_require_tls": tls == "starttls"}
    with MailServer(parameters=parameters | inside, tls=context if tls == "tls" else None) as server:
        ours = settings(
            server.port, seconds=1, tls=tls, user="gateway", password_file=str(password), ca_file=str(trust)
        )
        assert sent(SmtpPost(ours), LETTER) == [(LETTER, None)]
        assert server.accepted[0].login == "gateway"
        assert server.accepted[0].tls is (tls == "starttls")
        # A certificate that nobody vouches for, and a wrong password, cost a delay and no letter.
        assert fates(SmtpPost(ours.model_copy(update={"ca_file": None})), LETTER) == [Temporary]
        password.write_text("wrong\n")
        assert fates(SmtpPost(ours), LETTER, SECOND) == [Temporary, Temporary]
        password.unlink()
        assert fates(SmtpPost(ours), LETTER) == [Temporary]
        assert len(server.accepted) == 1


def leave_open(listening: socket.socket, context: ssl.SSLContext, left: threading.Event) -> None:
    """Greet over TLS with a refusal, then say and read nothing more, also not the polite end of TLS."""
    taken, _ = listening.accept()
    with context.wrap_socket(taken, server_side=True) as line:
        line.sendall(b"554 nobody is served here\r\n")
        left.wait(20)


def test_a_server_that_never_ends_its_tls_keeps_no_socket_of_ours(tmp_path: Path) -> None:
    """aiosmtplib closes politely, and that waits for the other side; asyncio tells of a socket that is left to the
    garbage collector."""
    context, trust = certificate(tmp_path)
    left = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = threading.Thread(target=leave_open, args=(listening, context, left))
        server.start()
        ours = settings(listening.getsockname()[1], seconds=5, tls="tls", ca_file=str(trust))
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            assert fates(SmtpPost(ours), LETTER) == [Temporary]
            gc.collect()
        left.set()
        server.join()
    assert [str(each.message) for each in told] == []


def test_a_server_without_starttls_gets_nothing() -> None:
    with MailServer() as server:
        assert fates(SmtpPost(settings(server.port, tls="starttls")), LETTER) == [Temporary]
        assert server.taken == []


def test_an_address_beyond_ascii_goes_to_a_server_that_takes_it() -> None:
    with MailServer() as server:
        assert fates(SmtpPost(settings(server.port)), replace(LETTER, recipient="zoë@zandvoort.example")) == [None]
        assert server.accepted[0].recipients == ["zoë@zandvoort.example"]


# --- which way --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("127.0.0.1", True),
        ("localhost", True),
        ("::1", True),
        ("[::1]", True),
        ("mail.example", False),
        ("localhost.evil.example", False),
        ("10.0.0.1", False),
        ("0363.example", False),
    ],
)
def test_what_is_this_machine(host: str, here: bool) -> None:
    assert is_loopback(host) is here


@pytest.mark.parametrize(
    ("host", "sandbox", "kind"),
    [
        (None, False, FolderPost),
        (None, True, FolderPost),
        ("mail.example", False, SmtpPost),
        ("mail.example", True, FolderPost),
        ("127.0.0.1", True, SmtpPost),
    ],
)
def test_a_sandbox_writes_to_no_person(host: str | None, sandbox: bool, kind: type, tmp_path: Path) -> None:
    written = {} if host is None else {"mail": {"host": host, "from": "gateway@desk.example"}}
    ours = absolute(Settings.model_validate(written), tmp_path)
    assert type(post_for(ours, write_durably, sandbox=sandbox)) is kind
