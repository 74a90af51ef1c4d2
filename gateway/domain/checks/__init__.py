"""From the rules of a round and the bytes of a drop to findings and verdicts.

Does: `examine_drop` answers a `Job` with an Examination; `CHECKS` are the rules that a kind may name. All pure:
the same arguments give the same answer.
Touches: nothing. Polars holds the columns.
Does not: know any kind, column or code: those are YAML. Never lets a value of a payload into a finding, other than as
`masking` allows.

The rooms inside: `masking` what may be shown; `faults` masks and their sum; `columns` cell by cell; `municipalities`;
`rules` CHECKS; `header`; `drop`.

Importing this brings polars. Who only wants a `Job` or `problems_in` takes them from `kinds` and `demands`.
"""

from gateway.domain.checks.drop import examine_drop
from gateway.domain.checks.rules import CHECKS
from gateway.domain.demands import problems_in
from gateway.domain.kinds import Job

__all__ = ["CHECKS", "Job", "examine_drop", "problems_in"]
