"""From hostile bytes to batches of records with exact places.

Does: `unpack` makes data files of an upload (a ZIP, or the file itself); `read` makes a Table of one data file: header,
reading faults with their places, and batches of records.
Touches: nothing. Polars holds the batches.
Does not: know kinds, columns' meaning or code lists; that is `checks`. Repairs nothing: what is odd is refused.

The rooms inside: `values` the shapes; `content` what bytes are by their first bytes; `entries` the structure of a
ZIP; `archive` unpack; `text` encoding, line ends and windows; `structure` the fast path; `exact` the path for awkward
quotes; `frames` the call of polars; `header` what is wrong with the first line; `table` read.
"""

from gateway.domain.reader.archive import unpack
from gateway.domain.reader.table import read
from gateway.domain.reader.values import Batch, Member, Table, member_label

__all__ = ["Batch", "Member", "Table", "member_label", "read", "unpack"]
