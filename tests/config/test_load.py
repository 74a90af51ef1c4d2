"""The whole: one value from a directory, its version, its fingerprint, and what importing it costs."""

import copy
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.config import fingerprint, load, rules_from_json, rules_to_json
from gateway.config.canonical import digest
from gateway.errors import ConfigError
from tests.config.conftest import SHIPPED


def test_the_shipped_directory_loads(config: Path) -> None:
    loaded = load(config)
    assert loaded.directory == config.resolve()
    assert list(loaded.rounds) == list(loaded.rules) == ["2017H2"]
    assert len(loaded.version) == 12
    assert {warning.what.split("` ")[1] for warning in loaded.warnings} == {"has no key and cannot log in"}


def test_equal_content_has_an_equal_version_and_other_content_another(config: Path) -> None:
    version = load(config).version
    people = config / "participants.yaml"
    people.write_text("# a remark\n" + people.read_text())
    assert load(config).version == version
    people.write_text(people.read_text().replace("Anna de Vries", "Anna Smit"))
    assert load(config).version != version


def test_a_missing_directory_tells_each_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "none")
    assert [problem.file for problem in caught.value.problems] == ["gateway.yaml", "participants.yaml"]
    assert all("gateway init" in problem.what for problem in caught.value.problems)


def test_rules_travel_to_a_worker(config: Path) -> None:
    rules = load(config).rules["2017H2"]
    assert pickle.dumps(rules)
    assert copy.deepcopy(rules) == rules


def test_rules_are_kept_as_json_and_come_back_the_same(config: Path) -> None:
    rules = load(config).rules["2017H2"]
    kept = rules_from_json(rules_to_json(rules))
    assert kept == rules
    assert digest(kept) == digest(rules)


@pytest.mark.parametrize(
    ("name", "cure"),
    [
        ("particpants.yaml", "did you mean `participants.yaml`?"),
        ("participants.yml", "rename it to participants.yaml"),
        ("round/2018H1.yaml", "this file is not read"),
        ("rounds/2018H1.yml", "rename it to 2018H1.yaml"),
        ("texts/de.yaml", "this file is not read"),
    ],
)
def test_a_file_that_nothing_reads_is_warned_of(name: str, cure: str, config: Path) -> None:
    (config / name).parent.mkdir(exist_ok=True)
    (config / name).write_text("a: b\n")
    [warning] = [warning for warning in load(config).warnings if warning.file == name]
    assert warning.what.startswith("this file is not read")
    assert cure in warning.what


def test_the_fingerprint_changes_with_every_file(config: Path) -> None:
    seen = [fingerprint(config)]

    def changed() -> bool:
        seen.append(fingerprint(config))
        return seen[-1] not in seen[:-1]

    assert fingerprint(config) == seen[0]
    main = config / "gateway.yaml"
    main.write_text(main.read_text() + "\n")
    assert changed()
    os.utime(main, ns=(0, 1))
    assert changed()
    (config / "rounds" / "2018H1.yaml").write_text("")
    assert changed()
    (config / "rounds" / "2018H1.yaml").rename(config / "rounds" / "2018H2.yaml")
    assert changed()
    (config / "kinds" / "SBW.yaml").unlink()
    assert changed()
    (config / "host_key_ed25519").write_text("no configuration")
    assert fingerprint(config) == seen[-1]


def test_a_fingerprint_of_nothing_is_one_too(tmp_path: Path) -> None:
    assert fingerprint(tmp_path / "none") == fingerprint(tmp_path)


def test_loading_brings_no_package_of_the_workers_with_it() -> None:
    """The daemon loads; its memory and its start are paid by everybody."""
    code = (
        "import sys, pathlib, gateway.config\n"
        "before = {'holidays'} & set(sys.modules)\n"
        "gateway.config.load(pathlib.Path(sys.argv[1]))\n"
        "print(sorted(before | ({'polars', 'asyncssh', 'jinja2'} & set(sys.modules))))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(SHIPPED)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
