"""From the rules of a round and the bytes of a drop to findings and verdicts.

Does: `examine_drop` answers a `Job` with an Examination; `CHECKS` are the rules that a kind may name; `problems_in`
tells an administrator what is wrong with a kind. All pure: the same arguments give the same answer.
Touches: nothing. Polars holds the columns.
Does not: know any kind, column or code: those are YAML. Never lets a value of a payload into a finding, other than as
`masking` allows.

The rooms inside: `masking` what may be shown; `faults` masks and their sum; `columns` cell by cell; `municipalities`;
`rules` CHECKS; `header`; `problems`; `drop`.
"""

from gateway.domain.checks.drop import Job, examine_drop
from gateway.domain.checks.problems import problems_in
from gateway.domain.checks.rules import CHECKS, Check

__all__ = ["CHECKS", "Check", "Job", "examine_drop", "problems_in"]
