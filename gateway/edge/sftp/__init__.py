"""The SFTP door, on asyncssh; the only room that imports it.

Coming in:

    server      login, caps, listening; algorithms what cryptography a listener offers
    keeper      who is connected and who is kept out, by penalties (networks) and rates (how often)
    proof       what one connection shows to log in, by means (key, certificate, password) and passwords

One session:

    session     its requests; house what all sessions share; answers from a piece of work to what the client hears
    tree        virtual paths -> places; pure
    view        what one account sees; listing rows of the ledger as entries; opened what is open for reading
    upload      one file being written: staging, working names, closing told from breaking off
    acts        files whose name alone matters; papers an assessor's files; removing what it does to remove a name
    statuses    what a session says, in SFTP's words

Below SFTP:

    wire        the private names of asyncssh that are relied on, checked at start; userauth those at login
    bulk        data on a short way from the socket to its session
    guard       what one SSH connection may ask

Does: gives each account its virtual folders and takes its uploads.
Touches: the network; inbox/ through the spool; the ledger through the workflow.
Does not: join paths, follow links, or trust a name before `tree` has read it.
"""
