"""Acts: files of which the name alone matters, and what a client sees of them afterwards.

Does: tells which act a name asks for and whether the account may do it now; does it when the client closes the file, or
renames a working file (or the item itself, in intrekken/) to that name; remembers for a minute under which name and
size a client wrote it, because clients look at what they closed.
Touches: through the workflow; inbox/.working when a working file becomes a statement.
Does not: keep what is written. A cut line never acts, and removing a file never does.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from gateway.domain.acts import accepts_terms, is_statement, parse_selection, selection_name, verification_code
from gateway.domain.lifecycle import is_working_name
from gateway.domain.model import Account, Channel, Lane
from gateway.edge.sftp.tree import Place, Sort
from gateway.edge.sftp.upload import working_item
from gateway.errors import Refusal
from gateway.store.working import dropping
from gateway.workflow import accounts, folders, nothing, withdraw
from gateway.workflow.admit import Attempt
from gateway.workflow.context import Context

SEEN_SECONDS = 60.0


@dataclass(slots=True)
class Act:
    """A file open for writing whose name is an act. `do` does it; None for a working name, which acts when renamed."""

    place: Place
    do: Callable[[], object] | None
    size: int = 0

    def done(self) -> None:
        """The client closed the file."""
        if self.do is not None:
            self.do()


@dataclass(slots=True)
class Memory:
    """Sizes of the files of acts as they were written, by account and place, for a minute. `now` is monotonic seconds.
    Added to by one thread; others read."""

    _seen: dict[tuple[str, Place], tuple[int, float]] = field(default_factory=dict)

    def add(self, login: str, place: Place, size: int, now: float) -> None:
        """A file was closed, or got this name."""
        kept = {key: value for key, value in self._seen.items() if value[1] > now}
        self._seen = {**kept, (login, place): (size, now + SEEN_SECONDS)}

    def size(self, login: str, place: Place, now: float) -> int | None:
        """The size under which a client may look for it; None when there is nothing to see."""
        size, until = self._seen.get((login, place), (0, -1.0))
        return size if until > now else None


def is_act(place: Place) -> bool:
    """Whether what is written to a place is an act by its name, or nothing."""
    if place.sort is Sort.UPLOAD:
        return place.lane is Lane.DELIVERY and is_statement(place.name)
    return place.sort in (Sort.ROOT_FILE, Sort.SELECTION)


def find(ctx: Context, account: Account, place: Place) -> Act:
    """The act that a name asks for; `Refusal` when there is none, or the account may not do it now."""
    if place.sort is Sort.UPLOAD:
        attempt = Attempt(account, place.code, place.lane, place.name)
        nothing.check(ctx, attempt)
        return Act(place, partial(nothing.state, ctx, attempt, Channel.SFTP, started=ctx.now()))
    if is_working_name(place.name):
        return Act(place, None)
    if place.sort is Sort.SELECTION:
        withdraw.check(ctx, account, place.code, place.name)
        return Act(place, partial(withdraw.by_file, ctx, account, place.code, place.name))
    code = verification_code(place.name)
    if code is not None:
        return Act(place, partial(accounts.enter_code, ctx, account, code))
    if not accepts_terms(place.name, folders.account_round(ctx, account).id):
        raise Refusal("READ_ONLY")
    if not accounts.verified(ctx, account):
        raise Refusal("NOT_VERIFIED")
    return Act(place, partial(folders.accept_terms, ctx, account, "sftp"))


def rename(ctx: Context, account: Account, old: Place, new: Place, written: int | None) -> Act:
    """Do the act that a rename asks for. `written`: the size under which a working file of an act is remembered."""
    same_folder = (old.sort, old.code, old.lane) == (new.sort, new.code, new.lane)
    if not same_folder or is_working_name(new.name):
        raise Refusal("NO_RENAME")
    act = find(ctx, account, new)
    if old.sort is Sort.UPLOAD:
        act.size = _state_working(ctx, Attempt(account, old.code, old.lane, old.name), act)
        return act
    if is_working_name(old.name):
        if written is None:
            raise Refusal("NO_SUCH_FILE")
        act.size = written
    elif old.sort is not Sort.SELECTION or _item(ctx, old) != _item(ctx, new):
        raise Refusal("NO_RENAME")
    act.done()
    return act


def _state_working(ctx: Context, source: Attempt, act: Act) -> int:
    """A working file got the name of a statement: it is done, and the file goes. Its size."""
    if not is_working_name(source.name):
        raise Refusal("NO_RENAME")
    item = working_item(ctx, source)
    with dropping(item):
        size = sum(size for name, size, _ in ctx.spool.working_files(item.parent) if name == source.name)
        act.done()
        ctx.spool.remove_working(item)
    return size


def _item(ctx: Context, place: Place) -> tuple[str, str]:
    round_ = withdraw.withdrawal_round(ctx, place.code)
    if round_ is None:
        raise Refusal("NO_SUCH_FILE")
    return parse_selection(place.name, round_)[0]


def standing(ctx: Context, place: Place) -> str | None:
    """The name under which an item stands in intrekken/ when a client looks for it, perhaps in other capitals; None
    when it does not stand so."""
    round_ = withdraw.withdrawal_round(ctx, place.code)
    if round_ is None:
        return None
    try:
        name = selection_name(*parse_selection(place.name, round_))
    except Refusal:
        return None
    return name if name in withdraw.listed(ctx, place.code) else None
