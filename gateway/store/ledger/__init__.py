"""The ledger: every SQL statement, once; a module per subject.

Does: functions that take an `Engine` and domain values, and give domain values or plain rows.
Touches: the ledger.
Does not: open transactions (the workflow says what belongs together) or decide states (lifecycle does).
"""
