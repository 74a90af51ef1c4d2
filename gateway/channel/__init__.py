"""Ways out: what leaves the gateway by itself, strangers to each other.

    mail     letters to people, to a mail server or to a folder
    push     files to the assessor
    clamd    files to the virus scanner of this machine

Does: offers what it is given to the world outside and says what became of it.
Touches: the network, or the folder it was given.
Does not: decide what is sent, to whom, or when it is tried again (workflow).
"""
