"""gateway verify, keygen and reseal as an administrator uses them, and what a restore does to the chain."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli import commands
from gateway.config import load
from gateway.daemon import offline, open_ledger
from gateway.store.ledger import log
from gateway.workflow.sealer import Sealer, folder_of, newest_anchor
from tests.house import copy_demo


@pytest.fixture
def config(demo_template: Path, tmp_path: Path) -> Path:
    """A demo with some sealed lines."""
    found = copy_demo(demo_template, tmp_path / "gateway") / "config"
    more(found)
    return found


def more(config: Path) -> str:
    """Ten more lines, sealed; the anchor."""
    ctx = offline(load(config))
    try:
        for number in range(10):
            log.append(ctx.engine, log.Line(ctx.now(), "received", "0363", "anna", detail={"n": number}))
        Sealer(ctx, folder_of(ctx.configuration().settings.paths.state))()
        return newest_anchor(ctx) or ""
    finally:
        ctx.engine.close()


def run(config: Path, *arguments: str) -> Result:
    name, *rest = arguments
    return CliRunner().invoke(commands, [name, "--config", str(config), *rest], catch_exceptions=True)


def tamper(config: Path, statement: str) -> None:
    engine = open_ledger(load(config))
    engine.run(statement)
    engine.close()


def test_an_untouched_log_is_proven_with_the_anchor_of_a_mail(config: Path, tmp_path: Path) -> None:
    anchor = more(config)
    mail = tmp_path / "mail.eml"
    mail.write_text(f"Subject: overzicht\n\n- Einde: {anchor[:50]}=\n{anchor[50:]}\n")
    for given in (anchor, str(mail)):
        told = run(config, "verify", "--anchor", given, "--no-own")
        assert told.exit_code == 0
        assert "Nothing is wrong" in told.output
        assert "1 anchors were compared" in told.output
    document = json.loads(run(config, "verify", "--json").output)
    assert (document["intact"], document["troubles"], document["newest"]) == (True, [], anchor)
    assert document["anchored"] == 2


def test_an_edit_is_named_by_its_line(config: Path) -> None:
    tamper(config, "update log set account = 'piet' where id = 4")
    told = run(config, "verify")
    assert told.exit_code == 1
    assert re.search(r"edited +│ 4 +│ 4 ", told.output)
    assert "SOMETHING IS WRONG" in told.output
    document = json.loads(run(config, "verify", "--json").output)
    assert [(each["what"], each["log_id"]) for each in document["troubles"]] == [("edited", 4)]


def test_a_cut_tail_shows_by_an_anchor_only(config: Path) -> None:
    anchor = more(config)
    tamper(config, "delete from log where id > 12")
    tamper(config, "delete from seals where log_id > 12")
    assert run(config, "verify", "--no-own").exit_code == 0
    assert "No anchor was compared" in run(config, "verify", "--no-own").output
    assert run(config, "verify", "--no-own", "--anchor", anchor).exit_code == 1
    assert run(config, "verify").exit_code == 1


@pytest.mark.parametrize("given", ["17", "geen", "", "17-0a1b"])
def test_what_is_no_anchor_is_said_to_be_none(config: Path, given: str) -> None:
    told = run(config, "verify", "--anchor", given)
    assert told.exit_code == 1
    assert "anchor" in str(told.exception)


def test_a_restored_ledger_goes_on_with_its_chain(config: Path, tmp_path: Path) -> None:
    backup = tmp_path / "backup.db"
    assert run(config, "backup", str(backup)).exit_code == 0
    lost = more(config)
    assert run(config, "restore", "--replace", "--yes", str(backup)).exit_code == 0
    more(config)
    told = run(config, "verify")
    assert (told.exit_code, "Nothing is wrong" in told.output) == (0, True)
    assert run(config, "verify", "--anchor", lost).exit_code == 1
    state = load(config).settings.paths.state
    assert [path.name.startswith("anchors.replaced-") for path in state.glob("anchors.*")] == [True]


def test_an_identity_is_made_once_and_named_in_the_configuration(config: Path) -> None:
    file = config / "sealing.key"
    told = CliRunner().invoke(commands, ["keygen", str(file)])
    assert told.exit_code == 0
    (public,) = re.findall(r"age1[a-z0-9]{58}", told.output)
    assert "AGE-SECRET-KEY" not in told.output
    assert CliRunner().invoke(commands, ["keygen", str(file)]).exit_code == 1
    assert "there is nobody to seal to" in str(run(config, "reseal").exception)
    settings = config / "gateway.yaml"
    before = settings.read_text()
    settings.write_text(f"{before}\nsealing:\n  recipients: [{public}]\n")
    assert "fit for the role sftp" in run(config, "check-config").output
    settings.write_text(f"{before}\nsealing:\n  recipients: [{public}]\n  identity_file: sealing.key\n")
    assert "sealing" not in run(config, "check-config").output
    assert "0 uploads are sealed anew" in run(config, "reseal").output
    file.chmod(0o644)
    assert "chmod 600" in run(config, "check-config").output
    settings.write_text(f"{before}\nsealing:\n  recipients: [{public[:-1]}]\n")
    assert "damaged" in run(config, "check-config").output
    settings.write_text(f"{before}\nsealing:\n  recipients: [AGE-SECRET-KEY-1ABC]\n")
    told = run(config, "check-config")
    assert (told.exit_code, "secret identity" in told.output, "1ABC" in told.output) == (3, True, False)
