"""A fifth kind of file, by YAML alone: the one in docs/administrator.md, from its configuration to its report.

Does: writes the files of the documentation into a copy of the configuration, checks good and bad samples with the
command, delivers one to a real gateway, and makes the mistakes that people make.
Touches: temporary folders; a gateway of its own.
Does not: change code.
"""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gateway.cli import commands
from tests.config.conftest import SHIPPED
from tests.house import Gateway

TEXT = (SHIPPED.parent / "docs" / "administrator.md").read_text(encoding="utf-8")
FILES = {found[1]: found[2] for found in re.finditer(r"```yaml\n# config/(\S+)\n(.*?)```", TEXT, re.DOTALL)}
NAME = "VERVOER_0363_2017H2.csv"
HEADER = "Gemeentecode;Aanmaakdatum_bestand;Soort_vervoer;Aantal_ritten;Kosten\r\n"
GOOD = HEADER + "0363;20180131;A;120;45000\r\n0363;20180131;B;;1200\r\n"
BAD = HEADER + "0363;20180131;D;120;45000\r\n0363;20180131;B;;\r\n0363;20180131;B;1;1.200\r\n"
KIND = "kinds/VERVOER.yaml"


def extended(config: Path) -> Path:
    """A configuration with the fifth kind in its round."""
    for name, content in FILES.items():
        (config / name).write_text(content)
    path = config / "rounds" / "2017H2.yaml"
    path.write_text(path.read_text().replace("SBW, JEUGD]", "SBW, JEUGD, VERVOER]"))
    return config


@pytest.fixture
def fifth(tmp_path: Path) -> Path:
    """The shipped configuration with a fifth kind."""
    return extended(Path(shutil.copytree(SHIPPED, tmp_path / "config")))


def checked(config: Path, body: str) -> Any:
    """What `gateway check` says of a file of the kind."""
    path = config.parent / NAME
    path.write_bytes(body.encode())
    asked = ["check", "--json", "--config", str(config), "--received", "2018-02-14", str(path)]
    return json.loads(CliRunner().invoke(commands, asked).stdout)[0]


def test_the_documentation_holds_the_two_files() -> None:
    assert set(FILES) == {"codelists/vervoer.yaml", KIND}


def test_its_files_are_judged_by_its_columns_and_rules(fifth: Path) -> None:
    good = checked(fifth, GOOD)["reports"][0]
    assert (good["outcome"], good["kind"], good["findings"]) == ("GOEDGEKEURD", "VERVOER", [])
    found = [(each["code"], each["line"], each["column"]) for each in checked(fifth, BAD)["reports"][0]["findings"]]
    assert sorted(found) == [
        ("R01", 3, "Aantal_ritten"),
        ("R02", 4, "Kosten"),
        ("R05", 2, "Soort_vervoer"),
        ("R09", 4, "Soort_vervoer"),
    ]


def test_its_files_are_received_and_answered_by_a_running_gateway(gateway: Gateway, tmp_path: Path) -> None:
    gateway.stop()
    extended(gateway.config)
    gateway.start()
    path = tmp_path / NAME
    path.write_bytes(BAD.encode())
    assert gateway.sftp("amsterdam", f"put {path} /0363/inbox/{NAME}\n").returncode == 0
    assert gateway.wait_report("0363", "^TR_0363_2017H2_VERVOER_v001_").outcome == "AFGEKEURD"
    path.write_bytes(GOOD.encode())
    assert gateway.sftp("amsterdam", f"put {path} /0363/inbox/{NAME}\n").returncode == 0
    assert gateway.wait_report("0363", "^TR_0363_2017H2_VERVOER_v002_").outcome == "GOEDGEKEURD"


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ("type: code", "type: cod", "columns[2].type"),
        ("codelist: vervoer", "codelist: vervoeren", "columns[2].codelist"),
        ("max_length: 8", "max_lenght: 8", "columns[3].max_lenght"),
        ("check: unique", "check: uniek", "rules[2].check"),
        ("columns: [Soort_vervoer]", "columns: [Soort]", "rules[2].columns[0]"),
        ("[Aantal_ritten, Kosten]", "[Kosten]", "rules[3].columns"),
        ("code: VERVOER", "code: vervoer", "code"),
        ("{nl: Vervoer, en: Transport}", "{nl: Vervoer}", "name"),
        ("minimum: 0", "minimum: 99999999999", "columns[4].minimum"),
    ],
)
def test_a_mistake_in_it_is_explained_with_its_place(fifth: Path, right: str, wrong: str, told: str) -> None:
    path = fifth / KIND
    content = path.read_text()
    assert right in content
    path.write_text(content.replace(right, wrong))
    done = CliRunner().invoke(commands, ["check-config", "--config", str(fifth)])
    assert done.exit_code == 3
    lines = [line for line in done.stdout.splitlines() if line.startswith(f"{KIND}:")]
    assert any(re.match(rf"{KIND}:[0-9]+:[0-9]+: {re.escape(told)}", line) for line in lines), done.stdout
