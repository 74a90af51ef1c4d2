"""A worker that cannot be started: told with the first job, and no reason to hang."""

import pytest

from gateway.workers import Pool


@pytest.mark.timeout(20)
def test_a_pool_whose_workers_cannot_start_still_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.workers.pool.COMMAND", ("/nowhere/python",))
    pool = Pool(2)
    pool.warm()
    assert pool.processes() == []
    pool.close()
