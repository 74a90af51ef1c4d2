"""Ways out: what leaves the gateway by itself, strangers to each other.

Does: nothing yet. mail.py (SMTP) and push.py (SFTP to the assessor) have their place here.
Touches: nothing.
Does not: decide what is sent, or when it is tried again (workflow).
"""
