"""One data file out of an upload: exactly the one that was approved, and never more than its size."""

import hashlib
import zlib

import pytest

from gateway.domain.members import data_file
from gateway.errors import Corrupt
from tests.samples import cost_csv, wmo_csv, zipped


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def test_a_loose_file_is_itself() -> None:
    assert data_file(wmo_csv(3), digest(wmo_csv(3)), 1) == wmo_csv(3)


def test_a_member_is_found_by_its_checksum_whatever_its_name() -> None:
    packed = zipped({"a.csv": wmo_csv(3), "999990019.csv": cost_csv("SBW")})
    assert data_file(packed, digest(cost_csv("SBW")), 10_000) == cost_csv("SBW")


def test_no_more_is_unpacked_than_the_size_that_is_known() -> None:
    bomb = zipped({"a.csv": bytes(50_000_000)})
    with pytest.raises(Corrupt):
        data_file(bomb, digest(bytes(50_000_000)), 1_000)


def test_a_member_that_is_longer_than_it_says_is_not_read_on() -> None:
    body = bytes(5_000_000)
    packed = bytearray(zipped({"a.csv": body}))
    for place in (packed.find(b"PK\x03\x04") + 22, packed.find(b"PK\x01\x02") + 24):
        packed[place : place + 4] = (1_000).to_bytes(4, "little")
    with pytest.raises(Corrupt):
        data_file(bytes(packed), digest(body), 1_000)


def damaged() -> list[bytes]:
    """Uploads that cannot be what was approved."""
    whole = zipped({"a.csv": wmo_csv(50)})
    return [b"", b"PK", whole[:-1], whole[: len(whole) // 2], whole.replace(zlib.compress(b"")[:2], b"xx"), b"x" * 99]


@pytest.mark.parametrize("payload", damaged())
def test_what_is_not_there_is_an_error(payload: bytes) -> None:
    with pytest.raises(Corrupt):
        data_file(payload, digest(b"something else"), 10_000)
