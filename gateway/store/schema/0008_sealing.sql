-- Sealing at rest. `sealed_to`: the recipients (age public keys, one space between) that a payload is sealed to; null:
-- plain. The checksum in drops is always that of the plain upload.
alter table payloads add column sealed_to text;

-- What an assessor fetches, sealed to its own recipient where it has one: once, so that size and checksum stay the same.
create table packages (
    what text not null check (what in ('delivery', 'drop')),
    subject text not null,
    recipient text not null,
    drop_id text not null references drops (id),
    size $int not null,
    sha256 text not null,
    body $blob not null,
    made_at $int not null,
    primary key (what, subject, recipient)
)$strict;
create index packages_of_drop on packages (drop_id)
