"""The handbook: every link leads somewhere, every alarm is in it, its examples load.

Does: follows the links between the pages of docs/; holds the handbook against the catalogue of troubles and the loader
of the configuration.
Touches: docs/, reading; temporary folders.
Does not: run the commands (test_deb does).
"""

import re
import shutil
from pathlib import Path

import pytest

from gateway.config import load, load_texts
from tests.layers.house import ROOT

DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md")), *sorted((DOCS / "administrator").glob("*.md"))]
HANDBOOK = DOCS / "administrator"


def prose(page: Path) -> str:
    """A page without its code blocks."""
    return re.sub(r"(?ms)^ *```.*?^ *```$", "", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """The anchors of the headings of a page, as GitHub makes them."""
    headings = re.findall(r"(?m)^#+ (.+)$", prose(page))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_page_and_a_heading(page: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if not re.match(r"[a-z]+:", target):
            name, _, anchor = target.partition("#")
            found = (page.parent / name).resolve() if name else page
            if not found.exists() or (anchor and anchor not in anchors(found)):
                broken.append(target)
    assert broken == []


def test_the_index_names_every_page_of_the_handbook() -> None:
    index = (DOCS / "administrator.md").read_text(encoding="utf-8")
    assert [page.name for page in HANDBOOK.glob("*.md") if f"(administrator/{page.name})" not in index] == []


@pytest.mark.parametrize("name", ["administrator.md", "administrator/alarms.md"])
def test_every_alarm_is_told_with_what_to_do(name: str) -> None:
    table = "\n".join(re.findall(r"(?m)^\| `.*$", (DOCS / name).read_text(encoding="utf-8")))
    keys = "\n".join(load_texts().sentences["en"])
    codes = sorted(set(re.findall(r"(?m)^health\.([A-Z_]+)", keys)))
    assert len(codes) > 20
    assert [code for code in codes if f"`{code}`" not in table] == []


@pytest.mark.parametrize("page", ["install.md", "round.md"])
def test_the_files_of_the_handbook_load(page: str, tmp_path: Path) -> None:
    config = tmp_path / "config"
    shutil.copytree(ROOT / "config", config)
    for name in ("gateway.yaml", "participants.yaml"):
        shutil.copy(ROOT / "packaging" / "deb" / name, config / name)
    (config / "host_key_ed25519").touch()
    text = (HANDBOOK / page).read_text(encoding="utf-8")
    found = re.findall(r"(?ms)^( *)```yaml\n *# /etc/gateway/(\S+)\n(.*?)^ *```$", text)
    assert found
    for indent, name, content in found:
        key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIPIrLIMcSBgytvL//Z/KwoGqOHxUFmlA4NJ+irVAL+D"
        written = re.sub(r"ssh-ed25519 AAAA\S*\.\.\.", key, re.sub(rf"(?m)^{indent}", "", content))
        (config / name).write_text(written, encoding="utf-8")
    assert load(config).rounds
