"""The domain: values in, values out.

Does: the vocabulary, the calendar, the file kinds, reading, checking, the figures and the life of a delivery.
Touches: nothing. `now` is an argument; no I/O, no logging; no third party but polars in reader, checks and quality.
Does not: know SFTP, SQL, YAML or sentences.
"""
