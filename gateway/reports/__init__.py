"""Reports: from facts to bytes, the same facts to the same bytes.

Does: makes what municipalities read: receipt and technical report (HTML, CSV, JSON), status.json, LEESMIJ.txt and the
message log.
Touches: nothing but the templates in this package.
Does not: gather facts (workflow), keep or place reports (store), or hold a sentence (gateway/texts).
"""
