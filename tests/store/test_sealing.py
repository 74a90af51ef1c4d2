"""Sealing: what is sealed can be opened by its identities alone, and identity files are held to their rights."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.sealing import age_recipient
from gateway.errors import Corrupt, GatewayError
from gateway.store.sealing import Sealing, make_identity, seal, sealing

MakeKey = Callable[[str], tuple[str, Path]]


@pytest.fixture
def make_key(tmp_path: Path) -> MakeKey:
    """A new identity in a file: its public key and the file."""

    def make(name: str) -> tuple[str, Path]:
        return make_identity(tmp_path / name), tmp_path / name

    return make


def test_whatever_is_sealed_comes_back_by_either_identity(make_key: MakeKey) -> None:
    (one, one_file), (two, two_file) = make_key("one"), make_key("two")
    openers = [sealing((one, two), [file]) for file in (one_file, two_file)]

    @given(st.binary(max_size=200_000))
    def comes_back(body: bytes) -> None:
        sealed = seal(body, (one, two))
        assert [opener.open(sealed, "it") for opener in openers] == [body, body]

    comes_back()


def test_nobody_else_opens_it_and_a_change_shows(make_key: MakeKey) -> None:
    mine, _ = make_key("mine")
    _, other = make_key("other")
    sealed = seal(b"999990019" * 1000, (mine,))
    assert b"999990019" not in sealed
    stranger = sealing((mine,), [other])
    assert not stranger.opens(mine)
    with pytest.raises(Corrupt, match="the payload cannot be opened"):
        stranger.open(sealed, "the payload")
    with pytest.raises(Corrupt, match="no identity"):
        Sealing((mine,)).open(sealed, "it")


@pytest.mark.parametrize("place", [0, 30, 200, -1])
def test_no_bit_can_be_changed(make_key: MakeKey, place: int) -> None:
    public, file = make_key("mine")
    found = sealing((public,), [file])
    sealed = bytearray(seal(b"x" * 1000, (public,)))
    sealed[place] ^= 1
    with pytest.raises(Corrupt):
        found.open(bytes(sealed), "it")
    with pytest.raises(Corrupt):
        found.open(bytes(sealed[:-1]), "it")


def test_a_secret_is_in_no_representation(make_key: MakeKey) -> None:
    public, file = make_key("mine")
    assert "SECRET" in file.read_text()
    assert "SECRET" not in repr(sealing((public,), [file])).upper()


def test_an_identity_file_is_private_and_never_written_over(make_key: MakeKey) -> None:
    public, file = make_key("mine")
    assert file.stat().st_mode & 0o777 == 0o600
    assert public in file.read_text()
    before = file.read_text()
    with pytest.raises(GatewayError, match="never written over"):
        make_key("mine")
    assert file.read_text() == before


@pytest.mark.parametrize(
    ("content", "mode", "says"),
    [
        (None, 0o600, "cannot be read"),
        ("", 0o600, "no age identity"),
        ("# only a remark\n", 0o600, "no age identity"),
        ("AGE-SECRET-KEY-1QQQ\n", 0o600, "no age identity"),
        ("é", 0o600, "it is no text"),
        ("whole", 0o640, "chmod 600"),
        ("whole", 0o604, "chmod 600"),
    ],
)
def test_an_identity_file_that_cannot_be_used_says_why(
    make_key: MakeKey, tmp_path: Path, content: str | None, mode: int, says: str
) -> None:
    _, whole = make_key("whole")
    path = tmp_path / "given"
    if content is not None:
        path.write_text(whole.read_text() if content == "whole" else content)
        path.chmod(mode)
    with pytest.raises(GatewayError, match=says) as raised:
        sealing((), [path])
    assert "AGE-SECRET-KEY-1" not in str(raised.value)


def test_a_credential_of_systemd_may_be_the_groups(
    make_key: MakeKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    public, file = make_key("mine")
    file.chmod(0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert sealing((), [file]).publics == {public}
    file.chmod(0o444)
    with pytest.raises(GatewayError, match="chmod 600"):
        sealing((), [file])


# --- recipients in the configuration ----------------------------------------------------------------------------------


def test_a_whole_recipient_is_taken_and_any_slip_is_not(make_key: MakeKey) -> None:
    public, file = make_key("mine")
    assert age_recipient(public) == public
    for place in range(4, len(public)):
        slip = public[:place] + ("q" if public[place] != "q" else "p") + public[place + 1 :]
        with pytest.raises(ValueError, match="damaged"):
            age_recipient(slip)
    for text in (public[:-1], public + "q", public.upper(), "ssh-ed25519 AAAA", "", f" {public}"):
        with pytest.raises(ValueError, match=r"damaged|age1"):
            age_recipient(text)
    with pytest.raises(ValueError, match="secret"):
        age_recipient(file.read_text().splitlines()[-1])
