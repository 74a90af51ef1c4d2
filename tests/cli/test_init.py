"""`gateway init`: complete, private, repeatable, and never over what is there.

Does: lays out folders, with and without demo, once, twice and after a cut-off, and loads what came of it.
Touches: temporary folders; ssh-keygen reads the keys.
Does not: start the gateway.
"""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.cli.init import fingerprint, init
from gateway.config import load
from gateway.errors import ConfigError

LAID_OUT = (
    "config/gateway.yaml",
    "config/participants.yaml",
    "config/rounds/2017H2.yaml",
    "config/kinds/WMO.yaml",
    "config/codelists/wmo_type.yaml",
    "config/host_key_ed25519",
    "config/host_key_ed25519.pub",
)
LOGINS = ("amsterdam", "bloemendaal", "cbs", "operator", "zandvoort")


def quiet(_line: str) -> None:
    """Nobody listens."""


def content(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Mode and bytes of every file below a folder."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mode & 0o777, path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def keygen(*arguments: str) -> str:
    """What ssh-keygen answers."""
    return subprocess.run(["ssh-keygen", *arguments], capture_output=True, text=True, check=True, timeout=20).stdout


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo, to look at only."""
    folder = tmp_path_factory.mktemp("gateway") / "demo of gateway"
    init(folder, True, quiet)
    return folder


def test_without_demo_it_serves_and_has_no_strangers_keys(tmp_path: Path) -> None:
    said: list[str] = []
    init(tmp_path / "gateway", False, said.append)
    made = content(tmp_path / "gateway")
    assert set(LAID_OUT) <= set(made)
    assert not any(name.startswith("demo") for name in made)
    loaded = load(tmp_path / "gateway" / "config")
    assert {account.keys for account in loaded.participants.accounts.values()} == {()}
    paths = loaded.settings.paths
    assert [path.is_dir() for path in (paths.inbox, paths.outbox, paths.state)] == [True] * 3
    assert paths.state.stat().st_mode & 0o777 == 0o700
    assert made["config/host_key_ed25519"][0] == 0o600
    assert fingerprint(made["config/host_key_ed25519.pub"][1].decode()) in said[-2]


def test_the_host_key_is_one_that_openssh_reads(demo: Path) -> None:
    key = demo / "config" / "host_key_ed25519"
    public = key.with_name("host_key_ed25519.pub").read_text()
    assert keygen("-y", "-f", str(key)).split()[:2] == public.split()[:2]
    assert fingerprint(public) in keygen("-l", "-f", str(key))


@pytest.mark.parametrize("login", LOGINS)
def test_each_account_of_the_demo_has_its_own_key(demo: Path, login: str) -> None:
    key = demo / "demo" / "keys" / login
    assert key.stat().st_mode & 0o777 == 0o600
    public = keygen("-y", "-f", str(key)).split()[:2]
    accounts = load(demo / "config").participants.accounts
    keys = [(owner, each.key.split()[:2]) for owner, account in accounts.items() for each in account.public_keys()]
    assert [owner for owner, key in keys if key == public] == [login]


def test_known_hosts_names_this_host_key_at_this_port(demo: Path) -> None:
    found = keygen("-F", "[127.0.0.1]:2222", "-f", str(demo / "demo" / "known_hosts"))
    assert (demo / "config" / "host_key_ed25519.pub").read_text().split()[1] in found


def test_what_is_to_be_pasted_is_shell_that_names_existing_files(demo: Path) -> None:
    paste = (demo / "demo" / "PASTE.txt").read_text()
    commands = [line for line in paste.splitlines() if not line.startswith("---")]
    start = next(number for number, line in enumerate(commands) if line.startswith("cd "))
    script = "\n".join(commands[start:])
    subprocess.run(["sh", "-n"], input=script, text=True, check=True, timeout=20)
    where = subprocess.run(
        ["sh", "-c", f"{commands[start]} && pwd"], capture_output=True, text=True, check=True, timeout=20
    )
    assert Path(where.stdout.strip()) == demo / "demo"
    named = {word for line in commands for word in line.split() if word.startswith(("files/", "keys/"))}
    assert len(named) == 6
    assert [word for word in named if not (demo / "demo" / word).exists()] == []


def test_the_readme_lists_every_faulty_file(demo: Path) -> None:
    files = demo / "demo" / "files"
    readme = (files / "README.txt").read_text()
    faulty = [path.name for path in files.glob("*-fout.csv")]
    assert len(faulty) == 12
    assert [name for name in faulty if name not in readme] == []
    assert "line 4  R01  BSN" in readme


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    init(tmp_path, True, quiet)
    before = content(tmp_path)
    said: list[str] = []
    init(tmp_path, True, said.append)
    assert content(tmp_path) == before
    assert [line for line in said if " kept" in line and ": 0 made" not in line] == []


def test_what_is_missing_is_made_and_what_is_there_is_kept(tmp_path: Path) -> None:
    init(tmp_path, True, quiet)
    before = content(tmp_path)
    mine = "# mine\n" + (tmp_path / "config" / "gateway.yaml").read_text()
    (tmp_path / "config" / "gateway.yaml").write_text(mine)
    (tmp_path / "config" / "kinds" / "WMO.yaml").unlink()
    (tmp_path / "demo" / "keys" / "amsterdam.pub").unlink()
    (tmp_path / "demo" / "PASTE.txt").unlink()
    init(tmp_path, True, quiet)
    after = content(tmp_path)
    assert after.pop("config/gateway.yaml")[1].decode() == mine
    before.pop("config/gateway.yaml")
    assert after == before


def interrupted(at: str) -> Callable[[Path, Path], Path]:
    """A rename that is cut off when its turn comes for a file of this name."""
    real = Path.rename

    def rename(self: Path, target: Path) -> Path:
        if Path(target).name == at:
            raise KeyboardInterrupt
        return real(self, target)

    return rename


@pytest.mark.parametrize(
    "at", ["gateway.yaml", "bloemendaal", "amsterdam.pub", "participants.yaml", "host_key_ed25519", "MSD.zip"]
)
def test_a_run_that_was_cut_off_is_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", interrupted(at))
        with pytest.raises(KeyboardInterrupt):
            init(tmp_path, True, quiet)
    half = {name: held for name, held in content(tmp_path).items() if not Path(name).name.startswith(".")}
    init(tmp_path, True, quiet)
    whole = content(tmp_path)
    assert {name: whole[name] for name in half} == half
    assert [name for name in whole if name.endswith(".new")] == []
    accounts = load(tmp_path / "config").participants.accounts
    assert all(len(account.keys) == 1 for account in accounts.values())


def test_a_demo_is_not_laid_over_participants_of_ones_own(tmp_path: Path) -> None:
    init(tmp_path, False, quiet)
    before = content(tmp_path / "config")
    with pytest.raises(ConfigError, match="amsterdam"):
        init(tmp_path, True, quiet)
    assert content(tmp_path / "config") == before


def test_a_file_in_the_place_of_a_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "gateway").write_text("not a folder")
    for folder in (tmp_path / "gateway", tmp_path / "gateway" / "below"):
        with pytest.raises(ConfigError, match="not a folder"):
            init(folder, False, quiet)


def test_a_broken_configuration_is_told_and_kept(tmp_path: Path) -> None:
    init(tmp_path, False, quiet)
    (tmp_path / "config" / "gateway.yaml").write_text("sftp: {listen: nowhere}\n")
    with pytest.raises(ConfigError, match="nowhere"):
        init(tmp_path, False, quiet)


@pytest.mark.parametrize("language", ["nl", "en"])
def test_it_speaks_both_languages(tmp_path: Path, language: str) -> None:
    said: list[str] = []
    init(tmp_path, False, said.append, language)
    assert all(said)
    assert ("gemaakt" in said[0]) == (language == "nl")
