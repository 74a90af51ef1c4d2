-- Acts: what a municipality or the desk declares besides delivering. Rows are only ever added; what counts is the last.

-- Withdrawal of use and publication, per item. No row: the round's own default (silence is consent, or opt-in).
create table withdrawals (
    id $serial,
    municipality text not null,
    round_id text not null,
    kind text not null,
    period text not null,
    withdrawn $int not null check (withdrawn in (0, 1)),
    account text not null,
    channel text not null check (channel in ('sftp', 'form')),
    note text,
    at $int not null
)$strict;
create index withdrawals_of_item on withdrawals (municipality, round_id, kind, period, id);

-- A delivery window that closes later for one municipality; `until` is a local day.
create table extensions (
    id $serial,
    municipality text not null,
    round_id text not null,
    until text not null,
    reason text not null,
    account text not null,
    at $int not null
)$strict;
create index extensions_of_municipality on extensions (municipality, round_id, id);

-- "Nothing to deliver" for an item. An approved delivery overrules it.
create table statements (
    id $serial,
    municipality text not null,
    round_id text not null,
    kind text not null,
    period text not null,
    account text not null,
    channel text not null check (channel in ('sftp', 'watch')),
    at $int not null
)$strict;
create index statements_of_municipality on statements (municipality, round_id, id);

-- Who asked for an account and its role, who decided, and the code of its first login. Of the code only a hash is kept.
create table account_requests (
    id $serial,
    login text not null,
    role text not null,
    asked_by text not null,
    asked_at $int not null,
    approved_by text,
    approved_at $int,
    code_sha256 text,
    code_at $int,
    activated_at $int,
    activated_how text,
    carried_out_by text not null
)$strict;
create index account_requests_of_login on account_requests (login, id)
