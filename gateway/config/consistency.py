"""One file against another and against the disk: what no file can know by itself.

Does: holds the watch folders against accounts and municipalities, looks whether secrets are there and readable by their
owner alone, and finds YAML files that nothing reads.
Touches: names and modes of files; no content.
Does not: look inside a section that one file can judge alone (sections, participants, rounds).
"""

from collections.abc import Iterator
from pathlib import Path

from gateway.config.participants import Loaded
from gateway.config.sections import Settings
from gateway.config.shapes import did_you_mean
from gateway.config.yaml import WHOLE_FILE, Document, Loc
from gateway.domain.model import Role
from gateway.errors import Problem
from gateway.reports.wording import LANGUAGES

FILES = ("gateway.yaml", "participants.yaml", "personal_columns.yaml")
FOLDERS = ("rounds", "kinds", "codelists")


def watch_problems(document: Document, settings: Settings, people: Loaded) -> Iterator[Problem]:
    """Watch folders in the name of somebody who may not deliver there."""
    accounts = people.participants.accounts
    for code, login in settings.watch.accounts.items():
        loc: Loc = ("watch", "accounts", code)
        if loc in document.faulty:
            continue
        if code not in people.codes:
            what = f'municipality "{code}" is not in participants.yaml{did_you_mean(code, people.codes)}'
            yield document.problem(loc, what, key=True)
        account = accounts.get(login)
        if account is None:
            yield document.problem(loc, f"no account `{login}` in participants.yaml{did_you_mean(login, accounts)}")
            continue
        if Role.PRODUCTBEHEERDER not in account.roles:
            yield document.problem(loc, f"`{login}` may not deliver: it has not the role productbeheerder")
        leads = {p.lead for p in people.participants.partnerships.values() if code in p.members}
        if code in people.codes and not {code, *leads} & set(account.municipalities):
            yield document.problem(loc, f'`{login}` does not work for municipality "{code}", nor for the lead of it')


def secrets(settings: Settings) -> Iterator[tuple[Loc, Path, bool]]:
    """Every file that holds a secret: where it is named, its path, and whether it must exist already."""
    for index, path in enumerate(settings.sftp.host_keys):
        yield ("sftp", "host_keys", index), path, False
    if settings.ledger.password_file is not None:
        yield ("ledger", "password_file"), settings.ledger.password_file, True
    if settings.mail is not None and settings.mail.password_file is not None:
        yield ("mail", "password_file"), settings.mail.password_file, True
    if settings.sealing.identity_file is not None:
        yield ("sealing", "identity_file"), settings.sealing.identity_file, True
    for index, path in enumerate(settings.sealing.old_identity_files):
        yield ("sealing", "old_identity_files", index), path, True
    if settings.push is not None:
        yield ("push", "key_file"), settings.push.key_file, True


def assessor_warnings(document: Document, settings: Settings, people: Loaded) -> Iterator[Problem]:
    """Reports that somebody else is to make, and nobody who could."""
    if any(Role.ASSESSOR in account.roles for account in people.participants.accounts.values()):
        return
    for name in ("technical", "quality"):
        if getattr(settings, name) == "external":
            yield document.problem((name,), "external, but no account has the role assessor: no report would ever come")


def secret_problems(document: Document, settings: Settings) -> tuple[list[Problem], list[Problem]]:
    """Problems and warnings of files with secrets; `settings` with absolute paths. A missing host key is made later."""
    problems, warnings = [], []
    for loc, path, required in secrets(settings):
        try:
            mode = path.stat().st_mode
        except OSError as error:
            if required:
                problems.append(document.problem(loc, f"{path}: {error.strerror}"))
            continue
        if mode & 0o027:
            what = f"{path} is not only its owner's (mode {mode & 0o777:03o}); `chmod 600` it"
            warnings.append(document.problem(loc, what))
    trusted = settings.mail.ca_file if settings.mail else None
    if trusted is not None and not trusted.is_file():
        problems.append(document.problem(("mail", "ca_file"), f"{trusted}: no such file"))
    return problems, warnings


def stray_files(directory: Path) -> Iterator[Problem]:
    """YAML files that look like configuration and that nothing reads."""
    known = {*FILES, *(f"{folder}/" for folder in FOLDERS), *(f"texts/{language}.yaml" for language in LANGUAGES)}
    for path in sorted((*directory.glob("*.y*ml"), *directory.glob("*/*.y*ml"))):
        name = path.relative_to(directory).as_posix()
        if name in known or (path.suffix == ".yaml" and f"{path.parent.name}/" in known and path.parent != directory):
            continue
        cure = f"; rename it to {path.stem}.yaml" if path.suffix == ".yml" else did_you_mean(name, known)
        yield Problem(name, 1, 1, WHOLE_FILE, f"this file is not read{cure}")
