"""The SFTP door, on asyncssh; the only room that imports it.

    wire      the private names of asyncssh that are relied on, checked at start
    tree      virtual paths -> places; pure
    upload    one file being written: staging, working names, closing told from breaking off
    listing   rows of the ledger as entries
    view      what one account sees
    opened    files open for reading
    acts      files whose name alone matters
    statuses  what a session says, in SFTP's words
    session   the requests of one SFTP session
    server    login, caps, listening
    algorithms  the tiers of cryptography that a listener offers

Does: gives each account its virtual folders and takes its uploads.
Touches: the network; inbox/ through the spool; the ledger through the workflow.
Does not: join paths, follow links, or trust a name before `tree` has read it.
"""
