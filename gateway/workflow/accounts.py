"""Accounts: who asked for one, who decided, and the first login with the code that the desk gave.

Does: records request, decision and activation, gives out verification codes and takes them in; says if an account
works.
Touches: tables account_requests, log.
Does not: give roles or keys: participants.yaml does, written by the desk. A code is kept as its SHA-256 only; it has
128 random bits, so that guessing is no way in.

The user manager (gebruikersbeheerder) decides for the municipalities that are his; the desk decides itself for user
managers, assessors and operators.
"""

from hashlib import sha256
from hmac import compare_digest

from gateway.domain.lifecycle import may_approve
from gateway.domain.model import Account, Role
from gateway.errors import GatewayError, Refusal
from gateway.store.ledger import accounts, log
from gateway.store.ledger.accounts import AccountRequest
from gateway.workflow.context import Context

CODE_BYTES = 16
GROUP = 4


def verified(ctx: Context, account: Account) -> bool:
    """Whether an account works: its first login is done, or it never needed one."""
    if accounts.activated_once(ctx.engine, account.login):
        return True
    needed = ctx.configuration().settings.account_verification
    return not needed and accounts.last(ctx.engine, account.login) is None


def request(ctx: Context, login: str, role: Role, asked_by: str, desk: str) -> None:
    """Record that `asked_by` asked for an account with a role. It may not be in participants.yaml yet."""
    with ctx.engine.transaction():
        accounts.ask(ctx.engine, login, role, asked_by, ctx.now(), desk)
        _log(ctx, login, "account_asked", role=str(role), by=asked_by)


def approve(ctx: Context, login: str, approved_by: str | None, desk: str) -> None:
    """Record the decision: of the user manager with login `approved_by`, or (None) of the desk itself."""
    asked = _asked(ctx, login)
    account = _configured(ctx, login)
    role = Role(asked.role)
    if approved_by is None:
        if role is Role.PRODUCTBEHEERDER:
            raise GatewayError("a user manager decides who is productbeheerder: name one with --by")
    elif not may_approve(_configured(ctx, approved_by), account, role):
        raise GatewayError(f"{approved_by} may not decide on the role {role} of {login}")
    with ctx.engine.transaction():
        if not accounts.approve(ctx.engine, asked.id, approved_by or desk, ctx.now(), desk):
            raise GatewayError(f"the request for {login} was approved by {asked.approved_by}")
        _log(ctx, login, "account_approved", role=str(role), by=approved_by or desk)


def give_code(ctx: Context, login: str, desk: str) -> str:
    """A fresh code for the first login, to be handed over by the desk, once; a former one is void."""
    asked = _approved(ctx, login)
    code = ctx.random_hex(CODE_BYTES)
    with ctx.engine.transaction():
        accounts.set_code(ctx.engine, asked.id, _hash(code), ctx.now(), desk)
        _log(ctx, login, "code_given", by=desk)
    return "-".join(code[start : start + GROUP] for start in range(0, len(code), GROUP))


def activate(ctx: Context, login: str, reason: str, desk: str) -> None:
    """Let an account work without a code, for a reason: nobody logs in with that of a watch folder."""
    asked = _approved(ctx, login)
    with ctx.engine.transaction():
        accounts.activate(ctx.engine, asked.id, reason, ctx.now())
        _log(ctx, login, "activated", how=reason, by=desk)


def enter_code(ctx: Context, account: Account, code: str) -> None:
    """The first login: the right code makes the account work; `Refusal` WRONG_CODE, logged, for another."""
    if verified(ctx, account):
        return
    asked = accounts.last(ctx.engine, account.login)
    right = asked is not None and asked.code_sha256 is not None and compare_digest(asked.code_sha256, _hash(code))
    with ctx.engine.transaction():
        if asked is not None and right:
            accounts.activate(ctx.engine, asked.id, "code", ctx.now())
        _log(ctx, account.login, "activated" if right else "wrong_code", how="code")
    if not right:
        raise Refusal("WRONG_CODE")


def _hash(code: str) -> str:
    return sha256(code.encode()).hexdigest()


def _asked(ctx: Context, login: str) -> AccountRequest:
    asked = accounts.last(ctx.engine, login)
    if asked is None:
        raise GatewayError(f"nobody asked for {login}: gateway account request {login}")
    return asked


def _approved(ctx: Context, login: str) -> AccountRequest:
    asked = _asked(ctx, login)
    if asked.approved_at is None:
        raise GatewayError(f"nobody decided on {login} yet: gateway account approve {login}")
    if asked.activated_at is not None:
        raise GatewayError(f"{login} is active since {asked.activated_at:%Y-%m-%d}")
    _configured(ctx, login)
    return asked


def _configured(ctx: Context, login: str) -> Account:
    account = ctx.configuration().participants.accounts.get(login)
    if account is None:
        raise GatewayError(f"there is no account {login} in participants.yaml")
    return account


def _log(ctx: Context, login: str, event: str, **detail: str | int | None) -> None:
    """A line in the log of every municipality of the account."""
    account = ctx.configuration().participants.accounts.get(login)
    for code in (account.municipalities if account else ()) or (None,):
        log.append(ctx.engine, log.Line(ctx.now(), event, code, login, detail=dict(detail)))
