"""The figures of the op-orde report.

Does: nothing yet; an approved file gets its op-orde term, the report is not made here so far.
Touches: nothing.
Does not: check (checks).
"""
