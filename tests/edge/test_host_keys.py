"""Another host key: clients of OpenSSH learn it while the old one is still there, and go on without a question.

Does: follows the steps of the handbook with the real sftp client, which checks host keys strictly throughout.
Touches: a daemon that is restarted; known_hosts files.
Does not: read the handbook.
"""

import re
from pathlib import Path

import pytest

from gateway.edge.sftp.algorithms import host_key_pairs, one_of_each
from tests.edge.tools import fingerprint, keygen, run
from tests.house import SSH_OPTIONS, Gateway, copy_demo


def listing(house: Gateway, known: Path, path: str = "/") -> str:
    """What a strict client that may learn keys sees; RuntimeError when it does not connect."""
    # Each start of the daemon takes another port; a real one keeps its own.
    known.write_text(re.sub(r"\[127\.0\.0\.1\]:\d+", f"[127.0.0.1]:{house.port}", known.read_text()))
    options = (
        "-o", "StrictHostKeyChecking=yes", "-o", f"UserKnownHostsFile={known}", "-o", "UpdateHostKeys=yes",
        *SSH_OPTIONS, "-i", str(house.key("amsterdam")), "-P", str(house.port),
    )  # fmt: skip
    batch = known.with_suffix(".batch")
    batch.write_text(f"ls {path}\nget {path}LEESMIJ.txt {known.with_suffix('.txt')}\n")
    return run("sftp", *options, "-b", batch, "amsterdam@127.0.0.1")


def keys_in(known: Path) -> set[str]:
    """Fingerprints of the keys that a client knows."""
    return {line.split()[1] for line in run("ssh-keygen", "-lf", known).splitlines()}


@pytest.mark.parametrize("sort", ["ed25519", "rsa", "p256"])
def test_clients_follow_from_the_old_key_to_the_new(demo_template: Path, tmp_path: Path, sort: str) -> None:
    house = Gateway(copy_demo(demo_template, tmp_path / "gateway"), role="sftp")
    old, new = house.config / "host_key_ed25519", keygen(house.config / "host_key_new", sort)
    known, late = tmp_path / "known", tmp_path / "late"
    for file in (known, late):
        kind, blob = Path(f"{old}.pub").read_text().split()[:2]
        file.write_text(f"[127.0.0.1]:1 {kind} {blob}\n")

    def host_keys(*paths: Path) -> None:
        house.edit("gateway.yaml", lambda content: content.setdefault("sftp", {}).update(
            host_keys=[path.name for path in paths], compat_listen="127.0.0.1:0"))  # fmt: skip

    with house:
        listing(house, known)
        assert keys_in(known) == {fingerprint(old)}
        # Old and new: the client learns.
        host_keys(old, new)
        house.restart()
        listing(house, known)
        assert keys_in(known) == {fingerprint(old), fingerprint(new)}
        assert all(fingerprint(key) in known.with_suffix(".txt").read_text() for key in (old, new))
        # The new one first: who learned it goes on, and still knows both.
        host_keys(new, old)
        house.restart()
        listing(house, known)
        assert keys_in(known) == {fingerprint(old), fingerprint(new)}
        # The new one alone: the client goes on and forgets the old one; who never came in between stands outside.
        host_keys(new)
        house.restart()
        listing(house, known)
        assert keys_in(known) == {fingerprint(new)}
        with pytest.raises(RuntimeError, match=r"(?i)host key"):
            listing(house, late)


def test_an_rsa_key_signs_with_what_was_chosen_whatever_other_connections_choose(tmp_path: Path) -> None:
    paths = [keygen(tmp_path / name, sort) for name, sort in (("a", "ed25519"), ("b", "rsa"), ("c", "rsa"))]
    pairs = host_key_pairs(paths)
    served = {algorithm: pair for pair in pairs[::-1] for algorithm in pair.host_key_algorithms}
    assert sorted(served) == [b"rsa-sha2-256", b"rsa-sha2-512", b"ssh-ed25519"]
    for algorithm, pair in served.items():
        size = int.from_bytes((signature := pair.sign(b"x"))[:4], "big")
        assert signature[4 : 4 + size] == algorithm == pair.algorithm
    # Where keys are not announced, the first of each type is served.
    assert {pair.public_data for pair in one_of_each(pairs)} == {pair.public_data for pair in pairs[:3]}
