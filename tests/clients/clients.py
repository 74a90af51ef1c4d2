"""Real SFTP clients, one face for all: `Client.do(request, ...)` runs the real program and tells how it ended.

Does: knows for each client how to make a request of the dialect in programs/README.txt with it, and which algorithm
tier it needs.
Touches: starts client programs; builds the Go and C ones into a folder it is given.
Does not: assert. Which answers are right is for journeys.
"""

import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = Path(__file__).with_name("programs")
OPENSSH = (
    "-F", "none",
    "-o", "IdentitiesOnly=yes",
    "-o", "BatchMode=yes",
    "-o", "StrictHostKeyChecking=no",
    "-o", "UserKnownHostsFile=/dev/null",
    "-o", "LogLevel=ERROR",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """Where and as whom to connect. `ppk` is the key as PuTTY wants it, `host_key` the server's fingerprint; `built`
    holds what was compiled or installed for these tests."""

    host: str
    port: int
    login: str
    key: Path
    ppk: Path
    host_key: str
    built: Path


@dataclass(frozen=True, slots=True)
class Ended:
    """How a request ended: exit status, and what was printed."""

    status: int
    output: str

    @property
    def ok(self) -> bool:
        """Whether the client says that it went well."""
        return self.status == 0


def run(command: list[str], said: str = "", environment: Mapping[str, str] | None = None) -> Ended:
    """Run a client program to its end."""
    done = subprocess.run(
        command,
        input=said,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **(environment or {})},
    )
    return Ended(done.returncode, done.stdout + done.stderr)


def sftp(place: Place, what: str, *words: str) -> Ended:
    """OpenSSH sftp with a batch."""
    batch = {"list": "ls -1 {0}", "put": "put {0} {1}", "get": "get {0} {1}", "rename": "rename {0} {1}",
             "remove": "rm {0}", "touch": "chmod 640 {0}", "stat": "ls -l {0}"}[what].format(*words)  # fmt: skip
    command = ["sftp", "-q", *OPENSSH, "-P", str(place.port), "-i", str(place.key), "-b", "-"]
    return run([*command, f"{place.login}@{place.host}"], batch + "\n")


def scp(place: Place, what: str, *words: str) -> Ended:
    """OpenSSH scp (over SFTP); `-p` sets time and mode."""
    remote = f"{place.login}@{place.host}:"
    ends = [words[0], remote + words[1]] if what == "put" else [remote + words[0], words[1]]
    return run(["scp", "-q", "-p", *OPENSSH, "-P", str(place.port), "-i", str(place.key), *ends])


def psftp(place: Place, what: str, *words: str) -> Ended:
    """PuTTY psftp with a batch."""
    batch = {"list": "ls {0}", "put": "put {0} {1}", "get": "get {0} {1}", "rename": "mv {0} {1}",
             "remove": "del {0}", "touch": "chmod 640 {0}", "stat": "ls {0}"}[what].format(*words)  # fmt: skip
    script = place.built / "psftp.txt"
    script.write_text(batch + "\n")
    options = ["-batch", "-P", str(place.port), "-i", str(place.ppk), "-hostkey", place.host_key, "-b", str(script)]
    return run(["psftp", *options, f"{place.login}@{place.host}"])


def pscp(place: Place, what: str, *words: str) -> Ended:
    """PuTTY pscp over SFTP; `-p` sets times."""
    remote = f"{place.login}@{place.host}:"
    ends = [words[0], remote + words[1]] if what == "put" else [remote + words[0], words[1]]
    options = ["-batch", "-q", "-p", "-sftp", "-P", str(place.port), "-i", str(place.ppk), "-hostkey", place.host_key]
    return run(["pscp", *options, *ends])


def lftp(place: Place, what: str, *words: str, temporary: bool = False) -> Ended:
    """lftp over the ssh command; with temporary names it removes the target, uploads .in.NAME and renames."""
    request = {"list": "cls -1 {0}", "put": "put {0} -o {1}", "get": "get {0} -o {1}", "rename": "mv {0} {1}",
               "remove": "rm {0}", "touch": "chmod 640 {0}", "stat": "cls -l {0}"}[what].format(*words)  # fmt: skip
    ssh = shlex.join(["ssh", "-a", "-x", *OPENSSH, "-p", str(place.port), "-i", str(place.key)])
    settings = [
        "set cmd:fail-exit yes",
        "set net:max-retries 1",
        f"set sftp:connect-program {shlex.quote(ssh)}",
        f"set xfer:use-temp-file {'yes' if temporary else 'no'}",
        "set xfer:clobber yes",
    ]
    script = "; ".join([*settings, f"open sftp://{place.login}:x@{place.host}", request])
    return run(["lftp", "--norc", "-c", script])


def lftp_temporary(place: Place, what: str, *words: str) -> Ended:
    """lftp with temporary names."""
    return lftp(place, what, *words, temporary=True)


def curl(place: Place, what: str, *words: str) -> Ended:
    """curl (libssh2); changes are quoted commands before a listing."""
    base = f"sftp://{place.host}:{place.port}"
    command = ["curl", "-s", "-S", "-k", "--key", str(place.key), "--pubkey", f"{place.key}.pub",
               "-u", f"{place.login}:"]  # fmt: skip
    match what:
        case "list":
            return run([*command, "-l", f"{base}{words[0]}/"])
        case "put":
            return run([*command, "-T", words[0], f"{base}{words[1]}"])
        case "get" | "stat":
            return run([*command, "-o", words[1] if what == "get" else "/dev/null", f"{base}{words[0]}"])
        case "rename":
            quoted = f"rename {words[0]} {words[1]}"
        case "remove":
            quoted = f"rm {words[0]}"
        case _:
            quoted = f"chmod 640 {words[0]}"
    return run([*command, "-Q", quoted, "-l", f"{base}/"])


def rclone(place: Place, what: str, *words: str) -> Ended:
    """rclone; it sets the time after each upload."""
    end = f":sftp,host={place.host},port={place.port},user={place.login},key_file={place.key}:"
    request = {
        "list": lambda: ["lsf", end + words[0]],
        "put": lambda: ["copyto", words[0], end + words[1], "--ignore-times"],
        "get": lambda: ["copyto", end + words[0], words[1]],
        "rename": lambda: ["moveto", end + words[0], end + words[1]],
        "remove": lambda: ["deletefile", end + words[0]],
        "touch": lambda: ["touch", "--no-create", "-t", "2018-02-12T09:00:00", end + words[0]],
        "stat": lambda: ["lsf", "--error-on-no-transfer", end + words[0]],
    }[what]()
    return run(["rclone", "--config", "/dev/null", "--retries", "1", "--low-level-retries", "1", *request])


def program(*start: str) -> Callable[..., Ended]:
    """A client of programs/: `{built}` and `{programs}` are filled in."""

    def do(place: Place, what: str, *words: str) -> Ended:
        command = [part.format(built=place.built, programs=PROGRAMS) for part in start]
        ends = [place.host, str(place.port), place.login, str(place.key)]
        return run([*command, *ends], "\t".join((what, *words)) + "\n", {"NODE_HOME": str(place.built / "node")})

    return do


@dataclass(frozen=True, slots=True)
class Client:
    """A client. `version` prints its version; `only` limits what it can do; `tier` is the listener and `key` the sort
    of key that it needs."""

    name: str
    do: Callable[..., Ended]
    version: tuple[str, ...]
    tier: str = "strict"
    key: str = "ed25519"
    only: tuple[str, ...] = ("list", "put", "get", "rename", "remove", "touch", "stat")


def debian(package: str) -> tuple[str, ...]:
    """How to ask the version of a Debian package."""
    return ("dpkg-query", "-W", "-f", "${Package} ${Version}", package)


CLIENTS = (
    Client("OpenSSH sftp", sftp, debian("openssh-client")),
    Client("OpenSSH scp", scp, debian("openssh-client"), only=("put", "get")),
    Client("PuTTY psftp", psftp, debian("putty-tools")),
    Client("PuTTY pscp", pscp, debian("putty-tools"), only=("put", "get")),
    Client("lftp", lftp, debian("lftp")),
    Client("lftp, temporary names", lftp_temporary, debian("lftp")),
    Client("curl", curl, debian("libssh2-1"), "compat"),
    Client("rclone", rclone, debian("rclone")),
    Client("paramiko", program(sys.executable, "{programs}/paramiko_client.py"), (
        sys.executable, "-c", "import paramiko; print('paramiko', paramiko.__version__)")),
    Client("asyncssh", program(sys.executable, "{programs}/asyncssh_client.py"), (
        sys.executable, "-c", "import asyncssh; print('asyncssh', asyncssh.__version__)")),
    Client("Node ssh2-sftp-client", program("node", "{programs}/ssh2.mjs"), ("echo", "ssh2-sftp-client 12.1.1")),
    Client("PHP phpseclib 2", program("php", "{programs}/phpseclib.php"), debian("php-phpseclib"), "compat", "rsa"),
    Client("Perl Net::SFTP::Foreign", program("perl", "{programs}/foreign.pl"), debian("libnet-sftp-foreign-perl")),
    Client("Java JSch", program("java", "-cp", "/usr/share/java/jsch.jar", "{programs}/Jsch.java"),
           debian("libjsch-java"), "compat", "ecdsa"),
    Client("Go pkg/sftp", program("{built}/gosftp"), debian("golang-github-pkg-sftp-dev")),
    Client("libssh", program("{built}/libssh_client"), debian("libssh-4")),
)  # fmt: skip


def build(folder: Path) -> None:
    """Compile the Go and C clients and install the Node one into `folder`."""
    go = {"GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOCACHE": str(folder / "gocache"), "GOFLAGS": ""}
    steps: list[tuple[list[str], Mapping[str, str]]] = [
        (["go", "build", "-o", str(folder / "gosftp"), str(PROGRAMS / "gosftp" / "main.go")], go),
        (["cc", "-o", str(folder / "libssh_client"), str(PROGRAMS / "libssh_client.c"), "-lssh"], {}),
    ]
    node = folder / "node"
    node.mkdir()
    for name in ("package.json", "package-lock.json"):
        (node / name).write_bytes((PROGRAMS / name).read_bytes())
    steps.append((["npm", "ci", "--silent", "--no-audit", "--no-fund", "--prefix", str(node)], {}))
    for command, environment in steps:
        done = subprocess.run(
            command, capture_output=True, text=True, env={**os.environ, **environment}, check=False, timeout=300
        )
        if done.returncode:
            raise RuntimeError(f"{command[0]}: {done.stdout}{done.stderr}")
