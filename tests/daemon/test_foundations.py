"""What commands beside the daemon stand on: which time it is in a sandbox."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.config import load
from gateway.daemon import heart, offline, open_ledger
from gateway.store.ledger import facts, log
from gateway.workflow.vitals import Vitals
from tests.house import Gateway, copy_demo

MOMENT = datetime(2018, 2, 12, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize("ended", [False, True])
@pytest.mark.parametrize("ahead", [timedelta(hours=-1), timedelta(hours=1)])
def test_a_command_lives_at_the_last_moment_that_a_sandbox_lived(
    demo_template: Path, tmp_path: Path, *, ended: bool, ahead: timedelta
) -> None:
    configuration = load(copy_demo(demo_template, tmp_path / "gateway") / "config")
    state = configuration.settings.paths.state
    engine = open_ledger(configuration)
    facts.set_setting(engine, "sandbox", "1")
    heart.write(state, "all", Vitals(), lambda: MOMENT, ended=ended)
    assert offline(configuration).now() == MOMENT, "no line in the log yet"
    log.append(engine, log.Line(MOMENT + ahead, "decided"))
    assert offline(configuration).now() == max(MOMENT, MOMENT + ahead)
    engine.close()


def test_a_sandbox_that_lived_longer_says_where_it_resumes(demo_template: Path, tmp_path: Path) -> None:
    root = copy_demo(demo_template, tmp_path / "gateway")
    engine = open_ledger(load(root / "config"))
    log.append(engine, log.Line(MOMENT, "decided"))
    engine.close()
    with Gateway(root, simulate="2018-02-11T09:00") as running:
        said = running.wait_event("sandbox_resumed")
    assert said["asked"] == "2018-02-11T08:00:00+00:00"
    assert said["at"].startswith("2018-02-12T08:00:")
