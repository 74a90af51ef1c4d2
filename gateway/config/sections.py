"""The sections of gateway.yaml: every setting, its type, its default and what it means.

Does: defines `Settings` and its sections as frozen models, and makes paths absolute.
Touches: nothing but the names of paths.
Does not: read files (yaml), or check one file against another (participants, rounds, checks).

An empty gateway.yaml is a complete one.
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, Field

from gateway.config.addresses import Mailbox, SocketAddress, network, socket_address
from gateway.config.health import Health
from gateway.config.keys import fingerprint_of, key_material
from gateway.config.scan import Scan
from gateway.config.sealing import Recipient, Sealing
from gateway.config.secrets import handed
from gateway.domain.model import Desk, DeskFacts, Limits

Count = Annotated[int, Field(ge=1, le=10_000_000)]
Seconds = Annotated[int, Field(ge=1, le=86_400)]
Days = Annotated[int, Field(ge=1, le=36_500)]
MegaBytes = Annotated[int, Field(ge=64, le=1_000_000)]


def _ledger_url(url: str) -> str:
    if urlsplit(url).password:
        raise ValueError("a password stands in the URL; put it in a file and name that in ledger.password_file")
    if url.split(":")[0] not in ("sqlite", "postgresql"):
        raise ValueError("write sqlite:///{state}/ledger.db or postgresql://user@host/database")
    return url


def _key_line(line: str) -> str:
    key_material(line)
    return line


def _key_or_fingerprint(text: str) -> str:
    fingerprint_of(text)
    return text


KeyLine = Annotated[str, AfterValidator(_key_line)]
KeyOrFingerprint = Annotated[str, AfterValidator(_key_or_fingerprint)]


def _page_of_a_code(url: str) -> str:
    if urlsplit(url).scheme not in ("http", "https") or url.count("{code}") != 1 or " " in url:
        raise ValueError("write the address of a finding's page, such as https://docs.example/bevindingen/{code}.html")
    return url


class RevokedCertificates(BaseModel, frozen=True, extra="forbid"):
    """Certificates of one authority that count no more, by serial number or by the identity (ssh-keygen -I)."""

    ca: KeyOrFingerprint = Field(description="public key of the authority, or its fingerprint (SHA256:...)")
    serials: tuple[Annotated[int, Field(ge=0, lt=2**64)], ...] = ()
    identities: tuple[str, ...] = ()


class Sftp(BaseModel, frozen=True, extra="forbid"):
    """The SFTP server: where it listens and how much one client may take."""

    listen: SocketAddress = Field(default="127.0.0.1:2222", description="host:port; port 0 takes any free one")
    share_port: bool = Field(
        default=False, description="several processes may listen at the same address (without systemd: SO_REUSEPORT)"
    )
    tier: Literal["strict", "pq", "compat"] = Field(
        default="strict",
        description="algorithms: strict, pq (quantum-safe key exchange only) or compat (older ones too)",
    )
    compat_listen: SocketAddress | None = Field(
        default=None, description="second host:port with older algorithms, for clients that cannot be replaced yet"
    )
    host_keys: tuple[Path, ...] = Field(
        default=(Path("host_key_ed25519"),),
        description="private host keys, relative to the config directory",
        min_length=1,
    )
    user_ca: tuple[KeyLine, ...] = Field(
        default=(), description="public keys of authorities whose user certificates are believed, each with a comment"
    )
    revoked_keys: tuple[KeyOrFingerprint | RevokedCertificates, ...] = Field(
        default=(), description="public keys or fingerprints that open nothing any more, or {ca, serials, identities}"
    )
    key_warning_days: Days = Field(default=30, description="days before a key expires on which people hear of it")
    passwords: bool = Field(default=False, description="accounts with a password hash may log in with a password")
    login_grace_seconds: Seconds = Field(default=20, description="time to log in before the connection is closed")
    idle_seconds: Seconds = Field(default=900, description="silence after which a session is closed")
    keepalive_seconds: Seconds = Field(default=60, description="interval of the keep-alive question to the client")
    keys_per_connection: Count = Field(default=6, description="keys that one connection may try")
    sessions_per_connection: Count = Field(default=4, description="SFTP sessions within one connection")
    handles_per_session: Count = Field(default=32, description="files open at the same time in a session")
    listings_per_session: Count = Field(default=8, description="folders open at the same time in a session")
    connections: Count = Field(default=500, description="connections in all")
    connections_per_address: Count = Field(default=50, description="connections from one address")
    unauthenticated_connections: Count = Field(default=100, description="connections that have not logged in yet")
    unauthenticated_connections_per_address: Count = Field(
        default=20, description="connections from one address that have not logged in yet"
    )
    sessions_per_account: Count = Field(default=40, description="SFTP sessions of one account at the same time")
    read_bytes: Annotated[int, Field(ge=32_768, le=261_120)] = Field(
        default=261_120, description="most that one READ is answered with"
    )
    unread_bytes: Annotated[int, Field(ge=65_536, le=16_777_216)] = Field(
        default=262_144, description="answers that a connection may leave unread before its requests wait"
    )
    requests_per_second: Count = Field(
        default=500, description="SFTP requests of one account per second; after as many at once they wait"
    )

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of `listen`."""
        return socket_address(self.listen)

    def reloaded(self, fresh: "Sftp") -> "Sftp":
        """This section with what may change while it serves taken from a fresh one: whom to believe."""
        return self.model_copy(update={name: getattr(fresh, name) for name in WHILE_SERVING})


WHILE_SERVING = ("user_ca", "revoked_keys", "key_warning_days", "passwords")


class Paths(BaseModel, frozen=True, extra="forbid"):
    """The three folders. Relative ones are relative to the config directory; in `Settings` they are absolute."""

    inbox: Path = Field(default=Path("../inbox"), description="landing place of uploads and watch folder")
    outbox: Path = Field(default=Path("../outbox"), description="mirror of the reports")
    state: Path = Field(default=Path("../var"), description="ledger, locks")


class Ledger(BaseModel, frozen=True, extra="forbid"):
    """The database that holds the truth."""

    url: Annotated[str, AfterValidator(_ledger_url)] = Field(
        default="sqlite:///{state}/ledger.db", description="`{state}` is paths.state"
    )
    password_file: Path | None = Field(
        default=None, description="file with the password of the database user, and only that"
    )


class Watch(BaseModel, frozen=True, extra="forbid"):
    """The watch folders: files that local programs put into inbox/<code>/."""

    enabled: bool = True
    accounts: Mapping[str, str] = Field(
        default_factory=dict, description="per municipality code the login in whose name its folder delivers"
    )
    quiet_seconds: Annotated[float, Field(gt=0, le=3600)] = Field(
        default=2, description="time without change after which a file counts as whole where leases do not exist"
    )
    rescan_seconds: Annotated[float, Field(gt=0, le=3600)] = Field(
        default=5, description="interval of the listing that finds what no event told of"
    )
    leases: Literal["auto", "off"] = Field(
        default="auto", description="use read leases to see that nobody still writes a file"
    )


Penalty = Annotated[int, Field(ge=0, le=86_400)]


class Penalties(BaseModel, frozen=True, extra="forbid"):
    """How long a network is kept out that does not log in. Seconds add up; 0 takes no notice of an offence."""

    allow: tuple[Annotated[str, AfterValidator(network)], ...] = Field(
        default=("127.0.0.0/8", "::1/128"), description="networks that are never kept out"
    )
    failed_login_seconds: Penalty = Field(default=5, description="for a connection whose logins were all refused")
    no_login_seconds: Penalty = Field(default=1, description="for one that ended without trying to log in")
    grace_seconds: Penalty = Field(
        default=10, description="for one that did not log in within sftp.login_grace_seconds"
    )
    broken_seconds: Penalty = Field(default=10, description="for one that broke the protocol before login")
    ban_from_seconds: Seconds = Field(default=15, description="open seconds from which the network is kept out")
    longest_seconds: Seconds = Field(default=3600, description="most seconds that can stand open")
    forgive_seconds: Seconds = Field(default=3600, description="quiet after which one ban is forgotten")
    ipv4_prefix: Annotated[int, Field(ge=8, le=32)] = Field(default=32, description="bits of a network in IPv4")
    ipv6_prefix: Annotated[int, Field(ge=16, le=128)] = Field(default=64, description="bits of a network in IPv6")
    networks: Count = Field(default=10_000, description="networks that are remembered")


class Mail(BaseModel, frozen=True, extra="forbid"):
    """The mail server. Without this section mails are written to outbox/.mail."""

    host: str
    port: Annotated[int, Field(ge=1, le=65_535)] = 587
    sender: Mailbox = Field(alias="from", description="address that mails come from")
    reply_to: Mailbox | None = None
    tls: Literal["starttls", "tls", "none"] = "starttls"
    user: str | None = None
    password_file: Path | None = Field(default=None, description="file with the password, and only that")
    ca_file: Path | None = Field(
        default=None, description="certificates to trust (PEM) instead of the system's, for a server of your own"
    )
    timeout_seconds: Seconds = 30


class Calendar(BaseModel, frozen=True, extra="forbid"):
    """Which days are no working days besides Saturdays and Sundays."""

    country: Literal["NL"] = "NL"
    categories: tuple[Literal["public", "optional"], ...] = Field(
        default=("public", "optional"),
        description="`optional` holds 5 May in the years in which it is no public holiday",
    )
    extra_closed: Mapping[date, str] = Field(
        default_factory=dict, description="days equated by decree (Algemene termijnenwet, art. 3), with their name"
    )


class Retention(BaseModel, frozen=True, extra="forbid"):
    """How long things are kept, in days. Rows of the ledger stay as long as the log; a legal hold stops every term."""

    payload_days: Days = Field(
        default=21, description="uploaded files, after the last day of the round, when they have been handed over"
    )
    report_days: Days = Field(default=90, description="reports that nobody picked up, after they were made")
    collected_days: Days = Field(default=90, description="reports that were picked up, in opgehaald/ from then on")
    working_days: Days = Field(default=1, description="unfinished working files (NAME.part), after the last write")
    log_days: Days = Field(default=1096, description="names and details in message log and rows (three years)")
    backup_days: Days = Field(default=35, description="backups made by gateway backup into a folder")


class Metrics(BaseModel, frozen=True, extra="forbid"):
    """Figures for Prometheus; off without an address."""

    listen: SocketAddress | None = Field(default=None, description="host:port, for example 127.0.0.1:9464")

    @property
    def address(self) -> tuple[str, int] | None:
        """Host and port of `listen`."""
        return None if self.listen is None else socket_address(self.listen)


class Workers(BaseModel, frozen=True, extra="forbid"):
    """The processes that examine files."""

    count: Annotated[int, Field(ge=1, le=64)] = 2
    seconds: Seconds = Field(default=120, description="time that one examination may take")
    memory_megabytes: MegaBytes = Field(default=1024, description="address space of one worker")
    jobs: Count = Field(default=100, description="examinations after which a worker is replaced")


class Push(BaseModel, frozen=True, extra="forbid"):
    """The assessor's SFTP server, to which the files that count are pushed. Without this section the assessor fetches
    them from /cbs/<round>/overdracht/."""

    host: str = Field(min_length=1, description="name or address of the server")
    port: Annotated[int, Field(ge=1, le=65_535)] = 22
    user: str = Field(min_length=1)
    key_file: Path = Field(description="private key, relative to the config directory; mode 600")
    host_key: KeyLine = Field(
        description="the server's public host key, the whole line (ssh-ed25519 AAAA...); no other is believed"
    )
    folder: str = Field(default="", description="folder on the server, from where the login begins")
    age_recipient: Recipient | None = Field(
        default=None, description="public key (age1...) that data files are sealed to before they leave"
    )
    timeout_seconds: Seconds = 30


class QualityReport(BaseModel, frozen=True, extra="forbid"):
    """The op-orde report that the gateway makes itself."""

    flag_percent: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=10, description="change against a former delivery from which a figure is marked"
    )
    smallest_count: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=5, description="counts of people and records below this are not told (`<5`); 1 tells all"
    )


class Desks(BaseModel, frozen=True, extra="forbid"):
    """Whom participants ask: `access` for login, delivery and missing reports, `content` for what a report says."""

    access: DeskFacts = DeskFacts(
        "Servicedesk Inlichtingenbureau", "0800 222 11 22", "servicedesk@inlichtingenbureau.nl"
    )
    content: DeskFacts = DeskFacts("CBS", "070 337 49 94", "monitorsociaaldomein@cbs.nl")

    def by_desk(self) -> Mapping[Desk, DeskFacts]:
        """Both desks by their name."""
        return {Desk.ACCESS: self.access, Desk.CONTENT: self.content}


class Settings(BaseModel, frozen=True, extra="forbid"):
    """All of gateway.yaml."""

    sftp: Sftp = Sftp()
    penalties: Penalties = Penalties()
    paths: Paths = Paths()
    ledger: Ledger = Ledger()
    watch: Watch = Watch()
    mail: Mail | None = None
    calendar: Calendar = Calendar()
    limits: Limits = Field(default=Limits(), description="how much may come in; a round may say otherwise")
    retention: Retention = Retention()
    metrics: Metrics = Metrics()
    health: Health = Health()
    workers: Workers = Workers()
    quality_report: QualityReport = QualityReport()
    sealing: Sealing = Sealing()
    scan: Scan = Scan()
    push: Push | None = None
    technical: Literal["builtin", "external"] = Field(default="builtin", description="who makes the technical report")
    quality: Literal["builtin", "external"] = Field(default="builtin", description="who makes the op-orde report")
    language: Literal["nl", "en"] = Field(default="nl", description="language that comes first")
    desks: Desks = Desks()
    address_policy: Literal["personal", "functional", "any"] = Field(
        default="personal", description="which e-mail addresses accounts may have"
    )
    account_verification: bool = Field(
        default=False,
        description="every account needs a first login with a code of the desk, not only those that were asked for",
    )
    regular_route: str | None = Field(
        default=None, min_length=1, description="where to deliver while this gateway cannot serve, said to users"
    )
    docs_url: Annotated[str, AfterValidator(_page_of_a_code)] | None = Field(
        default=None,
        description="address of the page of a finding, with {code} in the place of its code; reports link to it",
    )


def absolute(settings: Settings, directory: Path) -> Settings:
    """`settings` with every path made absolute against the config directory, and the ledger's `{state}` filled."""

    def full(path: Path) -> Path:
        return (directory / path.expanduser()).resolve()

    def secret(path: Path) -> Path:
        return handed(path) or full(path)

    paths = Paths(**{name: full(path) for name, path in settings.paths})
    ledger = settings.ledger
    password_file = ledger.password_file and secret(ledger.password_file)
    url = ledger.url.replace("{state}", str(paths.state))
    update: dict[str, object] = {
        "paths": paths,
        "ledger": Ledger(url=url, password_file=password_file),
        "sftp": settings.sftp.model_copy(update={"host_keys": tuple(map(secret, settings.sftp.host_keys))}),
    }
    if settings.mail is not None:
        files = {"password_file": settings.mail.password_file, "ca_file": settings.mail.ca_file}
        named = {name: secret(path) for name, path in files.items() if path is not None}
        update["mail"] = settings.mail.model_copy(update=named)
    if settings.health.backups is not None:
        update["health"] = settings.health.model_copy(update={"backups": full(settings.health.backups)})
    files_of = settings.sealing
    update["sealing"] = files_of.model_copy(
        update={
            "identity_file": files_of.identity_file and secret(files_of.identity_file),
            "old_identity_files": tuple(map(secret, files_of.old_identity_files)),
        }
    )
    if settings.push is not None:
        update["push"] = settings.push.model_copy(update={"key_file": secret(settings.push.key_file)})
    return settings.model_copy(update=update)
