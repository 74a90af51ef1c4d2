"""Account requests: who asked for an account, who decided, and the verification code of its first login.

Does: add a request and note what became of it; tell the last one of a login.
Touches: table account_requests.
Does not: give rights (participants.yaml does) or see a code: it keeps and compares hashes.
"""

from dataclasses import dataclass
from datetime import datetime

from gateway.domain.model import from_ms, to_ms
from gateway.store.engine import Engine, Row


@dataclass(frozen=True, slots=True)
class AccountRequest:
    """A request and how far it came. `carried_out_by` is who worked at the desk last; `activated_how` is `code`, or the
    reason for which the desk activated it without one."""

    id: int
    login: str
    role: str
    asked_by: str
    asked_at: datetime
    carried_out_by: str
    approved_by: str | None = None
    approved_at: datetime | None = None
    code_sha256: str | None = None
    code_at: datetime | None = None
    activated_at: datetime | None = None
    activated_how: str | None = None


def _moment(value: int | None) -> datetime | None:
    return None if value is None else from_ms(value)


def _request(row: Row) -> AccountRequest:
    return AccountRequest(
        id=row["id"],
        login=row["login"],
        role=row["role"],
        asked_by=row["asked_by"],
        asked_at=from_ms(row["asked_at"]),
        carried_out_by=row["carried_out_by"],
        approved_by=row["approved_by"],
        approved_at=_moment(row["approved_at"]),
        code_sha256=row["code_sha256"],
        code_at=_moment(row["code_at"]),
        activated_at=_moment(row["activated_at"]),
        activated_how=row["activated_how"],
    )


def ask(engine: Engine, login: str, role: str, asked_by: str, at: datetime, desk: str) -> None:
    """Add a request for an account with a role."""
    engine.run(
        """insert into account_requests (login, role, asked_by, asked_at, carried_out_by)
           values (:login, :role, :asked_by, :at, :desk)""",
        login=login,
        role=role,
        asked_by=asked_by,
        at=to_ms(at),
        desk=desk,
    )


def approve(engine: Engine, request_id: int, approved_by: str, at: datetime, desk: str) -> bool:
    """Note who decided that it may be; False when that was noted before."""
    return bool(
        engine.run(
            """update account_requests set approved_by = :approved_by, approved_at = :at, carried_out_by = :desk
               where id = :id and approved_at is null""",
            id=request_id,
            approved_by=approved_by,
            at=to_ms(at),
            desk=desk,
        )
    )


def set_code(engine: Engine, request_id: int, code_sha256: str, at: datetime, desk: str) -> bool:
    """Keep the hash of a fresh code; a former code is void. False when the account is active already."""
    return bool(
        engine.run(
            """update account_requests set code_sha256 = :code, code_at = :at, carried_out_by = :desk
               where id = :id and activated_at is null""",
            id=request_id,
            code=code_sha256,
            at=to_ms(at),
            desk=desk,
        )
    )


def activate(engine: Engine, request_id: int, how: str, at: datetime) -> bool:
    """Note that the account works from now on; False when it did."""
    return bool(
        engine.run(
            """update account_requests set activated_at = :at, activated_how = :how, code_sha256 = null
               where id = :id and activated_at is null""",
            id=request_id,
            at=to_ms(at),
            how=how,
        )
    )


def last(engine: Engine, login: str) -> AccountRequest | None:
    """The last request for a login."""
    rows = engine.rows("select * from account_requests where login = :login order by id desc limit 1", login=login)
    return _request(rows[0]) if rows else None


def activated_once(engine: Engine, login: str) -> bool:
    """Whether a login ever completed its first login: a later request (another role) does not stop it."""
    return bool(
        engine.rows(
            "select 1 from account_requests where login = :login and activated_at is not null limit 1", login=login
        )
    )


def everything(engine: Engine) -> list[AccountRequest]:
    """Every request, oldest first."""
    return [_request(row) for row in engine.rows("select * from account_requests order by id")]
