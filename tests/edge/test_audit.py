"""What a stranger's audit says of each tier: ssh-audit, against the real daemon.

Does: runs ssh-audit on every listener and reads its JSON.
Touches: a daemon for each tier; ssh-audit asks nothing of the network but that daemon.
Does not: judge algorithms itself.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.edge.tools import keygen
from tests.house import Gateway, copy_demo

AUDIT = Path(sys.executable).with_name("ssh-audit")
NOT_QUANTUM_SAFE = "does not provide protection against post-quantum attacks"
CURVES = "using elliptic curves that are suspected as being backdoored by the U.S. National Security Agency"
# What is said of compat, and nothing else: docs/administrator.md lists it.
COMPAT = {
    ("kex", "ecdh-sha2-nistp256", "fail", CURVES),
    ("kex", "ecdh-sha2-nistp384", "fail", CURVES),
    ("kex", "ecdh-sha2-nistp521", "fail", CURVES),
    ("kex", "diffie-hellman-group14-sha256", "warn", "2048-bit modulus only provides 112-bits of symmetric strength"),
    ("mac", "hmac-sha2-256", "warn", "using encrypt-and-MAC mode"),
    ("mac", "hmac-sha2-512", "warn", "using encrypt-and-MAC mode"),
}


def remarks(port: int) -> set[tuple[str, str, str, str]]:
    """Everything above `info`: sort, algorithm, level, words."""
    command = [str(AUDIT), "--json", "--skip-rate-test", "-p", str(port), "127.0.0.1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    document = json.loads(done.stdout)
    assert document["kex"]
    assert document["cves"] == []
    return {
        (sort, each["algorithm"], level, words)
        for sort in ("kex", "key", "enc", "mac")
        for each in document[sort]
        for level in ("fail", "warn")
        for words in each["notes"].get(level, [])
    }


@pytest.fixture(scope="module")
def root(demo_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo with an RSA host key besides."""
    folder = copy_demo(demo_template, tmp_path_factory.mktemp("audit") / "gateway")
    keygen(folder / "config" / "host_key_rsa", "rsa")
    return folder


@pytest.mark.parametrize("host_keys", [["host_key_ed25519"], ["host_key_ed25519", "host_key_rsa"]])
def test_strict_has_no_fails(root: Path, host_keys: list[str]) -> None:
    with Gateway(root, {"sftp": {"tier": "strict", "host_keys": host_keys}}, role="sftp") as house:
        found = remarks(house.port)
    assert {words for _, _, _, words in found} == {NOT_QUANTUM_SAFE}
    assert {(sort, level) for sort, _, level, _ in found} == {("kex", "warn")}


@pytest.mark.parametrize("host_keys", [["host_key_ed25519"], ["host_key_ed25519", "host_key_rsa"]])
def test_of_pq_there_is_nothing_to_report(root: Path, host_keys: list[str]) -> None:
    with Gateway(root, {"sftp": {"tier": "pq", "host_keys": host_keys}}, role="sftp") as house:
        assert remarks(house.port) == set()


def test_of_compat_all_is_known_and_strict_beside_it_stays_strict(root: Path) -> None:
    settings = {"sftp": {"tier": "strict", "compat_listen": "127.0.0.1:0"}}
    with Gateway(root, settings, role="sftp") as house:
        ports = {event["tier"]: event["port"] for event in house.events("listening")}
        assert {found for found in remarks(ports["compat"]) if found[3] != NOT_QUANTUM_SAFE} == COMPAT
        assert {level for _, _, level, _ in remarks(ports["strict"])} == {"warn"}
