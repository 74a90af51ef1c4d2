"""The store: mechanism, no policy.

Does: keeps rows (engine, sqlite, schema, ledger) and moves files (spool).
Touches: the ledger database; the folders inbox/ and outbox/.
Does not: decide what may be stored or what it means.

Rows: `engine` is the seam, `sqlite` the engine, `turns` the line of its writers, `schema` its steps, `ledger` the
statements, `anchors` where the chain of the log ended, `backups` whole copies, `sealing` bytes sealed to a recipient.
Files: `spool` every move, of `landings`, `working` files and `claims`; `durable` how a file appears, `disposal` how it
goes, `owned` whose a folder is, `leases` who still writes, `looks` what need not be listed. `bans` is read by others.
"""
