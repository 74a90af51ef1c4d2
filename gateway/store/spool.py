"""The spool: every file move under inbox/ and outbox/.

Does: stages an upload where nobody sees it, lands it whole with its facts by one directory rename, keeps working files,
claims files that others put in a watch folder, places reports by rename. A file becomes visible complete and fsynced.
Touches: inbox/ and outbox/, and below them only names that start with a dot, the report files and what it claims.
Does not: read the ledger or decide anything. State is where the file is:

    inbox/.staging/<id>/payload          being uploaded; after a crash it is nobody's and is swept. The second process
                                         that takes uploads has .staging-2/, and so on
    inbox/.working/<login>/<code>/<lane>/<name>/   closed under a working name (NAME.filepart), waits for its rename
    inbox/<code>/.claimed/<id>/<name>    taken from the watch folder, not yet landed; after a crash it is landed again
    inbox/<code>/.landed/<id>/           payload and facts.json, whole and durable, waits to be received
    inbox/<code>/.geweigerd/<id>/<name>  refused from the watch folder; kept for its owner
    outbox/<code>/<name>                 a report; opgehaald/<name> once confirmed

Weakness: a power cut can lose a directory entry that was not fsynced; every rename here fsyncs its folder, and nothing
is acknowledged before the ledger has the bytes.
"""

import errno
import json
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from gateway.errors import Refusal
from gateway.store.claims import (
    PUT,
    TRIAL,
    Claim,
    claim_at,
    copy_whole,
    moved_unless_taken,
    open_claim,
    paths_in,
    remove_empty,
    size_of,
)
from gateway.store.durable import (
    HIDDEN,
    PRIVATE_FILE,
    fsync_folder,
    world,
    write_all_durably,
    write_durably,
)
from gateway.store.landings import WORKING as WORKING
from gateway.store.landings import Landing as Landing
from gateway.store.landings import LandingFacts as LandingFacts
from gateway.store.landings import clear, payload, read_facts, stamp_of
from gateway.store.looks import Looks
from gateway.store.owned import PRIVATE_FOLDER, Exposed, close, exposed, opened, own
from gateway.store.working import WHOLE, held, is_writer, open_for_writing

STAGING = ".staging"
CLAIMED = ".claimed"
LANDED = ".landed"
REFUSED = ".geweigerd"
COLLECTED = "opgehaald"
MAIL = ".mail"
OF_PROCESS = re.compile(rf"{re.escape(STAGING)}(?:-([1-9][0-9]?))?")
# What lies in the inbox of a municipality.
OF_INBOX = frozenset({TRIAL, CLAIMED, LANDED, REFUSED})


def _make(wanted: dict[Path, int]) -> None:
    """Make the folders that are missing, with these modes, durably."""
    missing = [folder for folder in wanted if not folder.is_dir()]
    for folder in missing:
        folder.mkdir(mode=wanted[folder], parents=True, exist_ok=True)
    for parent in sorted({folder.parent for folder in missing}):
        fsync_folder(parent)


def _folders(folder: Path) -> frozenset[str]:
    """The names of the folders in one; none when it cannot be listed."""
    with suppress(OSError), os.scandir(folder) as entries:
        return frozenset(entry.name for entry in entries if entry.is_dir())
    return frozenset()


def _hidden_in(folder: Path) -> list[Path]:
    """What is being written in a folder, under a hidden name; a glob costs three times as much."""
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
        return [Path(entry) for entry in entries if entry.name.startswith(".") and entry.name.endswith(HIDDEN)]
    return []


class Spool:
    """The two folders of one gateway. `process`: which of those that take uploads this one is."""

    def __init__(self, inbox: Path, outbox: Path, process: int = 1) -> None:
        self.inbox = inbox
        self.outbox = outbox
        self.process = process
        self.staging = inbox / (STAGING if process == 1 else f"{STAGING}-{process}")

    def _wanted(self, municipalities: list[str]) -> dict[Path, int]:
        """Every folder that is needed, and its mode."""
        wanted = dict.fromkeys((self.inbox, self.outbox), 0o750)
        wanted |= dict.fromkeys((self.staging, self.inbox / WORKING), PRIVATE_FOLDER)
        for code in municipalities:
            inbox, outbox = self.inbox / code, self.outbox / code
            wanted |= dict.fromkeys((inbox, inbox / TRIAL, outbox, outbox / COLLECTED), 0o750)
            wanted |= {inbox / name: PRIVATE_FOLDER for name in OF_INBOX - {TRIAL}}
        return wanted

    def missing(self, municipalities: list[str]) -> list[Path]:
        """The folders that are needed and not there; those in them are not named. Of what cannot even be looked at
        `unreachable` tells."""
        found: list[Path] = []
        for folder in self._wanted(municipalities):
            with suppress(OSError):
                found += [] if folder.is_dir() else [folder]
        return [folder for folder in found if not set(folder.parents) & set(found)]

    def prepare(self, municipalities: list[str]) -> list[str]:
        """Make every folder that is needed, durably; harmless when they exist. The municipalities of which that cannot
        be done now, such as one on a network disk that is gone: the others are served."""
        with world():
            _make(self._wanted([]))
        failed = []
        for code in municipalities:
            # Mostly all are there, and two listings cost a third of seven looks.
            if _folders(self.inbox / code) >= OF_INBOX and COLLECTED in _folders(self.outbox / code):
                continue
            try:
                _make(self._wanted([code]))
            except OSError:
                failed.append(code)
        return failed

    def exposed(self, municipalities: list[str]) -> list[Exposed]:
        """The folders of what comes in that are more open to others than they should be."""
        wanted = self._wanted(municipalities)
        coming = {folder: mode for folder, mode in wanted.items() if folder.is_relative_to(self.inbox)}
        shared = frozenset(self.inbox / code / lane for code in municipalities for lane in ("", TRIAL))
        return exposed(coming, shared, self._ours)

    def close(self, municipalities: list[str]) -> None:
        """Close those that can be closed; what a program put there, and that it may put more, stays as it is."""
        close(self.exposed(municipalities))

    @property
    def _ours(self) -> Path:
        """A folder of which nobody else can have changed anything."""
        return self.inbox / WORKING

    # --- uploads ------------------------------------------------------------------------------------------------------

    def stage(self, landing_id: str) -> int:
        """Open a new, empty, invisible payload for reading and writing; its file descriptor."""
        with world():
            folder = self.staging / landing_id
            folder.mkdir(mode=PRIVATE_FOLDER)
            return os.open(folder / "payload", os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, PRIVATE_FILE)

    def discard(self, landing_id: str) -> None:
        """Throw away a staged upload that was broken off or refused."""
        shutil.rmtree(self.staging / landing_id, ignore_errors=True)

    def land(self, facts: LandingFacts, working: Path | None = None, *, summed: int | None = None) -> Landing:
        """Make a staged payload (or a whole working file) and its facts durable and visible to intake by one rename.
        `summed`: the descriptor that its bytes were written to, all of them and no others, while they were summed."""
        staged = working or self.staging / facts.id
        landed = self.inbox / facts.municipality / LANDED / facts.id
        with world():
            descriptor = os.open(staged / "payload", os.O_RDONLY | os.O_NOFOLLOW)
            try:
                os.fsync(descriptor)
                stamp = stamp_of(descriptor) if summed is not None else None
                if summed is not None and stamp_of(summed) != stamp:
                    raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), str(staged))
            finally:
                os.close(descriptor)
            write_durably(staged / "facts.json", json.dumps(asdict(facts)).encode())
            with opened(landed.parent, self._ours) as folder:
                os.rename(staged, facts.id, dst_dir_fd=folder)
                os.fsync(folder)
            fsync_folder(staged.parent)
        return Landing(landed, facts, stamp)

    def landed_folders(self, looks: Looks | None = None) -> list[Path]:
        """The folder of every landed upload that was not removed yet, oldest first (ids grow with time). Who asks every
        few seconds brings his `looks`, so that only what changed is listed."""
        return sorted(self._below(LANDED, looks), key=lambda folder: folder.name)

    def _below(self, name: str, looks: Looks | None) -> Iterator[Path]:
        """What lies in the folder `name` of each municipality. One that cannot be listed (see `unreachable`) does not
        hold up the others."""
        with world(), os.scandir(self.inbox) as entries:
            codes = [entry.name for entry in entries]
        for code in codes:
            folder = f"{self.inbox}/{code}/{name}"
            if code.startswith(".") or (looks is not None and looks.same(folder)):
                continue
            with suppress(OSError):
                found = list(own(Path(folder), self._ours).iterdir())
                if looks is not None and not found:
                    looks.done(folder)
                yield from found

    def unreachable(self) -> list[tuple[str, str]]:
        """Each municipality of which what came in cannot be listed now (a network disk that is gone), and why."""
        found = []
        with world():
            for folder in sorted(self.inbox.glob("[!.]*")):
                try:
                    for name in (CLAIMED, LANDED):
                        os.scandir(own(folder / name, self._ours)).close()
                except (FileNotFoundError, NotADirectoryError):
                    continue
                except OSError as error:
                    found.append((folder.name, error.strerror or type(error).__name__))
        return found

    read_facts = staticmethod(read_facts)
    payload = staticmethod(payload)
    clear = staticmethod(clear)

    def sweep_staging(self) -> int:
        """Remove uploads that a crash broke off; how many. Only who holds the lock of this process."""
        with world():
            folders = list(self.staging.iterdir()) if self.staging.is_dir() else []
            for folder in folders:
                shutil.rmtree(folder, ignore_errors=True)
        return len(folders)

    def of_all_processes(self) -> list["Spool"]:
        """These folders, as each process has them that ever took uploads."""
        found = (OF_PROCESS.fullmatch(path.name) for path in sorted(self.inbox.glob(f"{STAGING}*")))
        return [Spool(self.inbox, self.outbox, int(each[1] or 1)) for each in found if each]

    # --- working files ------------------------------------------------------------------------------------------------

    def working(self, login: str, municipality: str, lane: str) -> Path:
        """Where an account's working files of a municipality and lane lie, each a folder by its name."""
        return self.inbox / WORKING / login / municipality / lane

    @staticmethod
    def open_working(item: Path, *, truncate: bool) -> int:
        """Open a working file for writing, new or to go on with; until `close_working` it is not whole."""
        with held(item, make=True):
            return open_for_writing(item, truncate=truncate)

    @staticmethod
    def close_working(item: Path, descriptor: int, opened_at: int) -> None:
        """The client closed it without an error: its bytes are whole and durable. `opened_at` is kept for the grace.
        Refusal INCOMPLETE_WRITE when somebody else is its writer by now."""
        with world():
            os.fsync(descriptor)
        with held(item):
            if not is_writer(item, descriptor):
                raise Refusal("INCOMPLETE_WRITE")
            write_durably(item / WHOLE, str(opened_at).encode())

    @staticmethod
    def leave_working(item: Path, descriptor: int, size: int) -> None:
        """Its writer ends without a CLOSE, or not well: it stays, cut to `size`, and is not whole. Nothing when
        somebody else is its writer by now."""
        with suppress(Refusal), held(item), world():
            if is_writer(item, descriptor):
                (item / WHOLE).unlink(missing_ok=True)
                os.ftruncate(descriptor, size)

    @staticmethod
    def whole_since(item: Path) -> int | None:
        """When a working file was opened whose last handle ended in a CLOSE without an error; None when not whole."""
        marker = item / WHOLE
        return int(marker.read_bytes()) if marker.exists() else None

    @staticmethod
    def working_files(folder: Path) -> list[tuple[str, int, float]]:
        """Name, size and modification time of each working file in `folder`."""
        if not folder.is_dir():
            return []
        found = []
        for item in sorted(folder.iterdir()):
            # Dropped or removed meanwhile, perhaps through another process.
            with suppress(FileNotFoundError, NotADirectoryError):
                status = (item / "payload").stat()
                found.append((item.name, status.st_size, status.st_mtime))
        return found

    @staticmethod
    def rename_working(item: Path, name: str) -> None:
        """Give a working file another working name."""
        with world():
            target = item.with_name(name)
            shutil.rmtree(target, ignore_errors=True)
            item.rename(target)
            fsync_folder(item.parent)

    @staticmethod
    def remove_working(item: Path) -> bool:
        """Remove a working file; False when there is none."""
        if not item.exists():
            return False
        shutil.rmtree(item, ignore_errors=True)
        return True

    # --- the watch folder ---------------------------------------------------------------------------------------------

    def claim(self, path: Path, municipality: str, lane: str, claim_id: str, put_at: int | None = None) -> Claim:
        """Take a file out of the watch folder, so that nobody can open it by name any more. The move changes the file's
        own times, so `put_at` is kept in the name of a folder."""
        with world():
            folder = own(self.inbox / municipality / CLAIMED, self._ours) / claim_id
            folder.mkdir(mode=PRIVATE_FOLDER)
            try:
                claimed = self._move_in(path, folder, TRIAL if lane == TRIAL else put_at)
            except OSError:
                remove_empty(folder)
                raise
        return Claim(claim_id, municipality, lane, claimed, None if lane == TRIAL else put_at)

    @staticmethod
    def _move_in(path: Path, folder: Path, between: str | int | None) -> Path:
        claim = folder
        if between is not None:
            folder = folder / (between if isinstance(between, str) else f"{PUT}{between}")
            folder.mkdir(mode=PRIVATE_FOLDER)
        # The new folders are durable before the file's only name is in them.
        fsync_folder(claim)
        fsync_folder(claim.parent)
        claimed = folder / path.name
        path.rename(claimed)
        fsync_folder(folder)
        fsync_folder(path.parent)
        return claimed

    def give_back(self, claim: Claim, path: Path) -> None:
        """Undo a claim on a file that somebody began to write meanwhile. When the name was taken again, the claim
        stands and is landed: both files are drops."""
        with world():
            if not moved_unless_taken(claim.path, path):
                return
            fsync_folder(path.parent)
        self.drop_claim(claim)

    def claim_folders(self, looks: Looks | None = None) -> list[Path]:
        """The folder of every claim that was not landed or refused yet, oldest first; `looks` as for landings."""
        return sorted(self._below(CLAIMED, looks), key=lambda each: each.name)

    @staticmethod
    def claims_in(folder: Path) -> list[Claim]:
        """The claim of such a folder; none when a crash, or the watch, left it empty."""
        with world():
            paths = paths_in(own(folder, folder.parents[2] / WORKING)) if folder.exists() else []
        return [claim_at(folder, folder.parent.parent.name, path) for path in paths]

    def claims(self) -> list[Claim]:
        """Every claimed file that was not landed or refused yet, oldest first."""
        return [claim for folder in self.claim_folders() for claim in self.claims_in(folder)]

    @staticmethod
    def may_read(claim: Claim) -> bool:
        """Whether this process may read a claimed file at all."""
        with world():
            try:
                os.close(open_claim(claim))
            except PermissionError:
                return False
        return True

    def copy_claim(self, claim: Claim, most: int, *, leased: bool = False) -> int:
        """Stage a private copy of a claimed file, so that a descriptor somebody kept cannot change it; its size. A file
        of more than `most` bytes is not copied: only its size is given. `leased`: a lease shows whether it is written.

        Temporary when it is no regular file, is being written, or changed while it was read.
        """
        self.discard(claim.id)
        with world():
            source = open_claim(claim)
            try:
                size = size_of(claim, source)
                if size > most:
                    return size
                target = self.stage(claim.id)
                try:
                    return copy_whole(claim, source, target, most, leased=leased)
                finally:
                    os.close(target)
            finally:
                os.close(source)

    def drop_claim(self, claim: Claim) -> None:
        """Forget a claim whose copy has landed."""
        shutil.rmtree(self.inbox / claim.municipality / CLAIMED / claim.id, ignore_errors=True)

    def refuse_claim(self, claim: Claim) -> None:
        """Set a refused file aside for its owner; nothing is thrown away."""
        with world():
            folder = own(self.inbox / claim.municipality / REFUSED, self._ours) / claim.id
            folder.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
            fsync_folder(folder.parent)
            claim.path.rename(folder / claim.path.name)
            fsync_folder(folder)
        self.drop_claim(claim)

    def sweep_claims(self) -> int:
        """Remove the empty folders of claims that a crash broke off; how many. Only who tends the folders."""
        with world():
            swept = 0
            for folder in self.inbox.glob(f"*/{CLAIMED}/*"):
                remove_empty(folder)
                swept += not folder.exists()
        return swept

    # --- reports ------------------------------------------------------------------------------------------------------

    def place(self, municipality: str, name: str, body: bytes, *, confirmed: bool = False) -> None:
        """Make a report's file appear in the outbox (or in opgehaald/), whole. Repeatable."""
        folder = self.outbox / municipality / COLLECTED if confirmed else self.outbox / municipality
        write_durably(folder / name, body, mode=0o640)

    def place_all(self, files: Sequence[tuple[str, str, bytes]]) -> None:
        """As `place` for each (municipality, name, body), in less time; they appear in the order given. Repeatable."""
        write_all_durably([(self.outbox / code / name, body) for code, name, body in files], mode=0o640)

    def report_names(self, municipality: str, *, confirmed: bool) -> frozenset[str]:
        """The names of the files in the outbox of a municipality (or in opgehaald/); none when there is no folder."""
        folder = self.outbox / municipality / COLLECTED if confirmed else self.outbox / municipality
        with world():
            try:
                with os.scandir(folder) as entries:
                    return frozenset(entry.name for entry in entries if entry.is_file())
            except FileNotFoundError:
                return frozenset()

    def file_away(self, municipality: str, name: str) -> None:
        """Move a confirmed report's file into opgehaald/; nothing when it is not in the outbox."""
        source = self.outbox / municipality / name
        with world():
            try:
                source.rename(self.outbox / municipality / COLLECTED / name)
            except FileNotFoundError:
                # Not placed yet, or another thread was first.
                return
            fsync_folder(self.outbox / municipality / COLLECTED)
            fsync_folder(self.outbox / municipality)

    def sweep_hidden(self, municipalities: list[str]) -> int:
        """Remove what a crash left of reports and mails that were being written; how many. Only when nobody of this
        node publishes or sends."""
        with world():
            reported = [self.outbox / code / name for code in municipalities for name in ("", COLLECTED)]
            left = [path for folder in (*reported, self.outbox / MAIL) for path in _hidden_in(folder)]
            for path in left:
                path.unlink(missing_ok=True)
        return len(left)
