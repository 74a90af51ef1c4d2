"""The regular route: named when the gateway cannot serve, and only then.

Does: words refusals with and without the setting, and leaves one behind.
Touches: a temporary directory.
Does not: send mail (test_notify).
"""

import pytest

from gateway.errors import Refusal
from gateway.store.ledger import reports
from gateway.workflow.admit import CANNOT_SERVE, record_refusal, status_line
from gateway.workflow.folders import readme
from tests.reports.judge import valid
from tests.world import World

ROUTE = "portaal.example"
PARAMS: dict[str, dict[str, str | int]] = {"INTERNAL": {"id": "7f3a9c"}}


@pytest.fixture
def routed(world: World) -> World:
    world.configure(settings=world.configuration.settings.model_copy(update={"regular_route": ROUTE}))
    return world


@pytest.mark.parametrize("code", sorted(CANNOT_SERVE))
def test_what_is_our_fault_names_it(routed: World, code: str) -> None:
    line = status_line(routed.ctx, Refusal(code, **PARAMS.get(code, {})))
    assert line.startswith(f"{code} ")
    assert line.endswith(f"{ROUTE}.")


def test_what_the_user_can_mend_does_not(routed: World) -> None:
    assert ROUTE not in status_line(routed.ctx, Refusal("EMPTY"))


def test_without_the_setting_nothing_is_named(world: World) -> None:
    assert "gewone weg" not in status_line(world.ctx, Refusal("BUSY"))
    assert "gewone weg" not in readme(world.ctx, world.account("amsterdam"), (), "nl").decode()


def test_readme_and_receipt_name_it(routed: World) -> None:
    assert ROUTE in readme(routed.ctx, routed.account("amsterdam"), (), "nl").decode()
    record_refusal(routed.ctx, routed.attempt("WMO_0363_2017H2.csv"), Refusal("BUSY"))
    (row,) = routed.engine.rows("select id from reports")
    document = valid("receipt", reports.files(routed.engine, row["id"])[-1].body)
    assert ROUTE in document["next_step"]["nl"]
    assert document["retry"] is True


def test_a_code_in_the_wrong_folder_is_not_written_down(world: World) -> None:
    record_refusal(world.ctx, world.attempt("VERIFICATIE_3f2a-11bc"), Refusal("NOT_VERIFIED"))
    assert "3f2a" not in str(world.engine.rows("select * from log"))
    row = world.engine.rows("select id from reports")[0]
    assert b"3f2a" not in b"".join(file.body for file in reports.files(world.engine, row["id"]))
