-- The ledger's first tables. Type words in $dollars are the engine's own: $serial a growing key, $int 64 bits, $blob bytes.
-- Moments are whole milliseconds since 1970 UTC. What must never be false is guarded here: states, one current delivery.

create table settings (
    name text primary key,
    value text not null
)$strict;

-- The rules that a drop was received under, whole, so that a later change of configuration does not touch it.
create table rules (
    version text primary key,
    body text not null
)$strict;

create table drops (
    arrival $serial,
    id text not null unique,
    short_id text not null unique,
    municipality text not null,
    round_id text not null,
    lane text not null check (lane in ('inbox', 'proef')),
    account text not null,
    channel text not null check (channel in ('sftp', 'watch')),
    name text not null,
    size $int not null,
    sha256 text not null,
    received_at $int not null,
    rules_version text not null references rules (version),
    calendar_version text not null,
    terms_version text not null,
    state text not null check (state in ('received', 'decided', 'held')),
    repeat_of text references drops (id),
    attempts $int not null default 0,
    decided_at $int
)$strict;
create index drops_waiting on drops (arrival) where state = 'received';
create index drops_of_municipality on drops (municipality, round_id, arrival);

create table payloads (
    drop_id text primary key references drops (id),
    body $blob,
    erased_at $int
)$strict;

create table deliveries (
    id text primary key,
    drop_id text not null references drops (id),
    municipality text not null,
    round_id text not null,
    kind text not null,
    period text not null,
    version $int not null,
    state text not null check (state in ('approved', 'assessed', 'rejected', 'superseded')),
    supersedes text references deliveries (id),
    member text not null,
    sha256 text not null,
    records $int not null,
    figures text,
    decided_at $int not null,
    unique (municipality, round_id, kind, period, version)
)$strict;
create unique index deliveries_current on deliveries (municipality, round_id, kind, period)
    where state in ('approved', 'assessed');
create index deliveries_of_drop on deliveries (drop_id);

create table reports (
    arrival $serial,
    id text not null unique,
    municipality text not null,
    drop_id text references drops (id),
    delivery_id text references deliveries (id),
    kind text not null,
    outcome text not null,
    stem text not null,
    made_at $int not null,
    placed_at $int,
    collected_at $int,
    confirmed_at $int,
    erased_at $int,
    unique (municipality, stem)
)$strict;
create index reports_unplaced on reports (arrival) where placed_at is null;
create index reports_open on reports (municipality) where confirmed_at is null;
create index reports_of_drop on reports (drop_id);

create table report_files (
    report_id text not null references reports (id),
    ordinal $int not null,
    municipality text not null,
    name text not null,
    size $int not null,
    sha256 text not null,
    body $blob,
    collected_at $int,
    primary key (report_id, ordinal),
    unique (municipality, name)
)$strict;

create table deadlines (
    kind text not null check (kind in ('technical', 'quality', 'pickup')),
    subject text not null,
    municipality text not null,
    due_at $int not null,
    calendar_version text not null,
    met_at $int,
    warned_at $int,
    primary key (kind, subject)
)$strict;
create index deadlines_open on deadlines (due_at) where met_at is null;

create table acceptances (
    account text not null,
    round_id text not null,
    terms_version text not null,
    accepted_at $int not null,
    how text not null,
    primary key (account, round_id, terms_version)
)$strict;

create table notifications (
    id text primary key,
    occasion text not null,
    subject text not null,
    account text not null,
    municipality text not null,
    state text not null check (state in ('pending', 'sent', 'failed')),
    made_at $int not null,
    attempts $int not null default 0,
    next_try_at $int not null,
    sent_at $int,
    unique (occasion, subject, account)
)$strict;
create index notifications_pending on notifications (next_try_at) where state = 'pending';

create table log (
    id $serial,
    at $int not null,
    event text not null,
    municipality text,
    account text,
    drop_id text,
    delivery_id text,
    report_id text,
    detail text not null
)$strict;
create index log_of_municipality on log (municipality, at);
create index log_of_event on log (event, at)
