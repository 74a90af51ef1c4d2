"""The ways in, strangers to each other.

Does: speaks SFTP (sftp), looks at watch folders (watch), ticks (schedule); each calls the same workflow.
Touches: sockets, watch events, timers.
Does not: decide who may do what, or know the ledger.
"""
