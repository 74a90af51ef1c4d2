"""The store: mechanism, no policy.

Does: keeps rows (engine, sqlite, schema, ledger) and moves files (spool).
Touches: the ledger database; the folders inbox/ and outbox/.
Does not: decide what may be stored or what it means.
"""
