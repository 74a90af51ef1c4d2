-- Retention. An erasure is a deletion that was begun: the content may be blank already, what is left of it is not yet gone
-- from every file. When it is, the row becomes a deletion, which is never changed: the proof of what went when.
-- Neither holds what was erased, nor whose login it was.

create table erasures (
    what text not null check (what in ('payload', 'report', 'working', 'refused', 'mail', 'log', 'rows')),
    subject text not null,
    name text not null,
    municipality text,
    sha256 text not null,
    bytes $int not null,
    why text not null,
    path text,
    begun_at $int not null,
    primary key (what, subject, name)
)$strict;

create table deletions (
    id $serial,
    what text not null check (what in ('payload', 'report', 'working', 'refused', 'mail', 'log', 'rows')),
    subject text not null,
    name text not null,
    municipality text,
    sha256 text not null,
    bytes $int not null,
    why text not null,
    at $int not null,
    backups_until $int not null
)$strict;
create index deletions_of_subject on deletions (what, subject, name);
create index deletions_by_time on deletions (at);

-- A legal hold: while the last row of a municipality says so, nothing of it is erased.
create table holds (
    id $serial,
    municipality text not null,
    held $int not null check (held in (0, 1)),
    reason text not null,
    account text not null,
    at $int not null
)$strict;
create index holds_of_municipality on holds (municipality, id);
create view held_municipalities as
    select h.municipality from holds as h where h.held = 1
    and not exists (select 1 from holds as later where later.municipality = h.municipality and later.id > h.id);

-- When the names and details of a line were blanked; the line itself stays.
alter table log add column erased_at $int;
create index log_by_time on log (at) where erased_at is null
