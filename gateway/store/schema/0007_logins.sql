-- Logins: when an account used a key last: its fingerprint, or the word password. No address, and not every login.

create table key_uses (
    account text not null,
    key text not null,
    last_used_at $int not null,
    primary key (account, key)
)$strict;
create index key_uses_by_time on key_uses (last_used_at)
