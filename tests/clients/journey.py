"""One journey for every client: what a municipality's script does in a year, and how the client reports it.

Does: lists, delivers 2 MB, sets time and mode, uploads under a temporary name and renames, removes and uploads anew,
delivers again, collects, acknowledges by delete and by move, asks for a missing file, delivers an empty one (which is
refused at CLOSE). Each step is held against the ledger, not against the client's word.
Touches: a running gateway through the client.
Does not: know how a client is driven (clients).
"""

from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from gateway.cli import samples
from tests.clients.clients import Client, Ended, Place
from tests.house import Gateway

INBOX = "/0363/inbox/WMO_0363_2017H2.csv"


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what the client said, and whether the gateway has what it should."""

    name: str
    ended: Ended
    true: bool


@cache
def _rows() -> list[list[str]]:
    return samples.wmo_rows(24_000, "0363")


def payload(number: int, rows: int = 24_000) -> bytes:
    """A faultless file, different for each number."""
    return samples.csv_bytes(samples.WMO_HEADER, _rows()[:rows] + samples.wmo_rows(1, "0363", seed=1000 + number))


class Journey:
    """A client on its way. `number` keeps its files apart from those of others."""

    def __init__(self, client: Client, place: Place, gateway: Gateway, folder: Path, number: int) -> None:
        self._client = client
        self._place = place
        self._gateway = gateway
        self._folder = folder
        self._number = number * 10
        self.steps: list[Step] = []

    def _file(self, body: bytes) -> str:
        self._number += 1
        path = self._folder / f"{self._number}.csv"
        path.write_bytes(body)
        return str(path)

    def _new(self, rows: int = 50) -> bytes:
        return payload(self._number + 1, rows)

    def _received(self, body: bytes) -> int:
        digest = sha256(body).hexdigest()
        return sum(drop.file.sha256 == digest for drop in self._gateway.drops())

    def _do(self, what: str, *words: str) -> Ended:
        return self._client.do(self._place, what, *words)

    def _can(self, *requests: str) -> bool:
        return all(request in self._client.only for request in requests)

    def _note(self, name: str, ended: Ended, true: bool) -> None:
        self.steps.append(Step(name, ended, true))

    def travel(self) -> list[Step]:
        """All steps that the client can make."""
        if self._can("list"):
            ended = self._do("list", "/0363")
            self._note("list", ended, "outbox" in ended.output)
        self._deliver()
        if self._can("rename", "remove"):
            self._rename()
        self._collect()
        if self._can("stat"):
            ended = self._do("stat", "/0363/outbox/TR_0363_2017H2_WMO_v999_180101-000000_AFGEKEURD.json")
            self._note("missing file", ended, not ended.ok)
        ended = self._do("put", self._file(b""), INBOX)
        self._note("refused at CLOSE", ended, not ended.ok)
        return self.steps

    def _deliver(self) -> None:
        body = self._new(24_000)
        local = self._file(body)
        ended = self._do("put", local, INBOX)
        self._note("deliver 2 MB", ended, self._received(body) == 1)
        if self._can("touch"):
            ended = self._do("touch", INBOX)
            self._note("time and mode", ended, ended.ok)
        ended = self._do("put", local, INBOX)
        self._note("deliver again", ended, self._received(body) == 2)

    def _rename(self) -> None:
        body = self._new()
        ended = self._do("put", self._file(body), f"{INBOX}.filepart")
        before = self._received(body)
        if ended.ok:
            ended = self._do("rename", f"{INBOX}.filepart", INBOX)
        self._note("temporary name", ended, (before, self._received(body)) == (0, 1))
        body = self._new()
        ended = self._do("remove", INBOX)
        if ended.ok:
            ended = self._do("put", self._file(body), INBOX)
        self._note("remove, deliver", ended, self._received(body) == 1)

    def _collect(self) -> None:
        body = self._new()
        self._do("put", self._file(body), INBOX)
        digest = sha256(body).hexdigest()
        drop = next(drop for drop in self._gateway.drops() if drop.file.sha256 == digest)
        report = self._gateway.wait_report("0363", f"TR_.*{drop.short_id}.*")
        receipt = self._gateway.wait_report("0363", f"OB_.*{drop.short_id}.*")
        local = self._folder / f"{self._number}.json"
        ended = self._do("get", f"/0363/outbox/{report.stem}.json", str(local))
        there = self._gateway.outbox / "0363" / f"{report.stem}.json"
        self._note("collect", ended, local.exists() and local.read_bytes() == there.read_bytes())
        if self._can("remove", "rename"):
            ended = self._do("remove", f"/0363/outbox/{report.stem}.json")
            self._note("acknowledge: delete", ended, self._confirmed(report.stem))
            moved = f"/0363/outbox/opgehaald/{receipt.stem}.json"
            ended = self._do("rename", f"/0363/outbox/{receipt.stem}.json", moved)
            self._note("acknowledge: move", ended, self._confirmed(receipt.stem))

    def _confirmed(self, stem: str) -> bool:
        return any(report.confirmed_at is not None for report in self._gateway.reports("0363", stem))
