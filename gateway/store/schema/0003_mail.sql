-- Mail: what a notification says (keys of the catalogue and what fills them, as JSON; never a value from a payload), which
-- drop it is about, and why the last attempt failed. Duties: what was due at a moment and has been done, or has lapsed.

alter table notifications add column content text not null default '{}';
alter table notifications add column drop_id text;
alter table notifications add column reason text;
create index notifications_of_drop on notifications (drop_id);

create table duties (
    name text not null,
    subject text not null,
    due_at $int not null,
    done_at $int not null,
    lapsed $int not null default 0 check (lapsed in (0, 1)),
    primary key (name, subject)
)$strict
