"""Workers: the parent's side of the examination, a few processes that are trusted with nothing.

Does: `Pool` hands each job to a worker process and takes its answer.
Touches: processes and pipes (pool).
Does not: examine (gateway.examine does, in the worker), retry (workflow), or import polars.

The rooms inside: `answers` takes an answer apart with suspicion; `pool` the processes.
"""

from gateway.workers.pool import Pool

__all__ = ["Pool"]
