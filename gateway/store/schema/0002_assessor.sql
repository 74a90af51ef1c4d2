-- The assessor (CBS): what it collected, what it judged, and what was handed over to it.

-- Size of the data file, so that it can be listed without being unpacked. Unknown for older ones.
alter table deliveries add column bytes $int;

-- The data files whose bytes are still here. The upload of several files is one payload.
create view data_files as
    select d.id, d.drop_id, p.short_id, d.municipality, d.round_id, d.kind, d.period, d.version, d.state, d.member, d.sha256,
    d.bytes, p.sha256 as upload_sha256, p.size as upload_size, d.decided_at
    from deliveries as d join drops as p on p.id = d.drop_id join payloads as b on b.drop_id = d.drop_id
    where b.body is not null;

-- A file that an assessor read in full: a delivery, an upload to be judged (drop) or a manifest. The first time counts.
create table assessor_collections (
    what text not null check (what in ('delivery', 'drop', 'manifest')),
    subject text not null,
    account text not null,
    at $int not null,
    primary key (what, subject, account)
)$strict;

-- `technical: external`: the own examination was reported as a pre-check, the drop waits for the assessor's verdict.
create table prechecks (
    drop_id text primary key references drops (id),
    at $int not null
)$strict;

-- The verdict as the assessor gave it, whole; the drop is decided by it.
create table verdicts (
    drop_id text primary key references drops (id),
    body text not null,
    account text not null,
    at $int not null
)$strict;

-- Lists of what is handed over. `final`: after the withdrawal window; one for each round.
create table manifests (
    id text primary key,
    round_id text not null,
    number $int not null,
    final $int not null check (final in (0, 1)),
    name text not null,
    body $blob not null,
    sha256 text not null,
    at $int not null,
    unique (round_id, number)
)$strict;
create unique index manifests_final on manifests (round_id) where final = 1;

-- Files that are pushed to the assessor's server, data files and manifests alike. Gone: no longer to be handed over
-- when its turn came.
create table pushes (
    id $serial,
    what text not null check (what in ('delivery', 'manifest')),
    subject text not null,
    round_id text not null,
    name text not null,
    state text not null check (state in ('pending', 'sent', 'gone')),
    made_at $int not null,
    attempts $int not null default 0,
    next_try_at $int not null,
    sent_at $int,
    reason text,
    unique (what, subject)
)$strict;
create index pushes_pending on pushes (next_try_at) where state = 'pending'
