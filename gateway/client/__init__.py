"""The municipality's end of the line, for who would rather have a command than an SFTP program.

    outcome    how a file can end, and the exit code of each; what is told on the way
    hostkey    the server's key: given, pinned at first use, or refused
    session    one SFTP session on paramiko; its errors in the house's words
    patience   how long to wait before the next attempt, and when to stop
    put        deliver files; success is a receipt that bears the file's SHA-256
    fetch      bring reports home, checked, once

Does: what a careful script would do over SFTP; it knows the gateway by its published folders and names alone.
Touches: the network, local files.
Does not: touch configuration or ledger. The daemon never imports it.
"""
