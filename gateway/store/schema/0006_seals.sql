-- The chain over the message log. A seal is never changed, but for its salt, which goes with the names in its line.
create table seals (
    seal_no $int primary key,
    log_id $int not null unique,
    salt text,
    content_hash text not null,
    chain_hash text not null,
    sealed_at $int not null
)$strict;

-- Who does a work that one process does at a time, and until when nobody else begins it.
create table leases (
    name text primary key,
    holder text not null,
    until $int not null
)$strict
