-- What waits, what lies in the outbox, who delivered before and what was delivered before are found without a look at the
-- years behind them.
create index drops_received on drops (municipality, arrival) where state = 'received';
create index drops_held on drops (municipality, arrival) where state = 'held';
create index drops_of_sender on drops (municipality, round_id, lane, account);
create index drops_of_name on drops (municipality, round_id, lane, name, sha256);
create index deliveries_approved on deliveries (decided_at, id) where state = 'approved';
create index report_files_there on report_files (municipality, report_id) where body is not null;
create index reports_uncollected on reports (arrival)
    where placed_at is not null and collected_at is null and confirmed_at is null and erased_at is null
