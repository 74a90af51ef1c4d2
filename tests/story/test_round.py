"""The pilot round as `scripts/demo` plays it: what must have come of it when it is over.

Does: plays the round once, through SFTP, the real worker and the real ledger; looks at the message log, the letters,
the folders and the proofs that are left.
Touches: a demo of its own.
Does not: repeat what each scene expects of itself while it is played.
"""

import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.cli import samples
from gateway.cli.rehearsal import Rehearsal
from gateway.cli.replay import Played, play
from gateway.cli.scenes import SCENES, Scene, expect
from gateway.errors import GatewayError
from gateway.store.ledger import deadlines, drops, retention
from gateway.workflow.recover import differences
from tests.world import tree

START = datetime(2018, 1, 1, tzinfo=UTC)
END = datetime(2019, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Round:
    """A round that was played: where, what is left in memory, and what was told."""

    root: Path
    played: Played
    told: tuple[str, ...]

    def events(self, name: str, code: str = "0363") -> list[str]:
        """The local days on which something happened to a municipality."""
        found = [line for line in self.played.lines if (line.event, line.municipality) == (name, code)]
        return [f"{line.at:%d %b}" for line in found]

    def letters(self, to: str, about: str) -> int:
        """How many letters somebody got with such a subject."""
        return sum(to in each.recipient and about in each.subject for each in self.played.letters)


@pytest.fixture(scope="module")
def round_(tmp_path_factory: pytest.TempPathFactory) -> Round:
    """The whole round, played once."""
    root = tmp_path_factory.mktemp("round") / "gateway"
    told: list[str] = []
    played = play(root, told.append, "nl")
    return Round(root, played, tuple(told))


@pytest.fixture
def after(round_: Round) -> Rehearsal:
    """The gateway of the round, opened once more on the day after."""
    return Rehearsal(round_.root, datetime(2018, 7, 2, tzinfo=UTC))


def test_nothing_went_wrong_on_the_way(round_: Round) -> None:
    [told] = round_.played.faults
    assert "'event': 'deadline_breached'" in str(told)
    assert len(SCENES) == 30


def test_each_day_is_told_with_its_weekday_and_each_scene_in_its_own_words(round_: Round) -> None:
    story = "\n".join(round_.told)
    days = re.findall(r"(?m)^((?:maan|dins|woens|donder|vrij|zater|zon)dag .* 2018)$", story)
    assert days[:4] == [
        "maandag 5 februari 2018", "dinsdag 6 februari 2018", "vrijdag 9 februari 2018", "maandag 12 februari 2018",
    ]  # fmt: skip
    assert days == list(dict.fromkeys(days))
    assert story.count("aanlevering goedgekeurd") == 7
    said = re.sub(r"\s+", " ", story)
    assert "(bloemendaal, DELEGATED)" in said
    assert "(zandvoort, DELEGATED)" in said
    assert max(map(len, round_.told)) <= 116


def test_no_citizen_service_number_is_told(round_: Round) -> None:
    story = "\n".join(round_.told) + "".join(each.text + each.html for each in round_.played.letters)
    assert [bsn for bsn in samples.BSNS if bsn in story] == []


def test_what_happened_to_amsterdam_and_when(round_: Round) -> None:
    assert round_.events("received") == ["05 Feb", "12 Feb", "12 Feb", "14 Feb", "09 Mar"]
    assert round_.events("repeated") == ["13 Feb"]
    assert round_.events("rejected") == ["12 Feb"]
    assert round_.events("superseded") == ["14 Feb", "09 Mar"]
    assert round_.events("withdrawn") == ["14 Mar", "15 Mar"]
    assert round_.events("reinstated") == ["15 Mar"]
    assert len(round_.events("assessed")) == 6


def test_what_was_refused_and_why(round_: Round) -> None:
    codes = [line.detail["code"] for line in round_.played.lines if line.event == "refused"]
    assert codes == [
        "NOT_VERIFIED", "TERMS", "WINDOW_NOT_OPEN", "LEAD_ONLY", "WINDOW_CLOSED", "DELEGATED", "DELEGATED",
        "WITHDRAWAL_CLOSED",
    ]  # fmt: skip


def test_every_letter_went_to_the_right_person_and_none_twice(round_: Round) -> None:
    letters = round_.played.letters
    assert [key for key, n in Counter((each.id) for each in letters).items() if n > 1] == []
    assert (round_.letters("anna", "Aanleveren kan nu"), round_.letters("bram", "Aanleveren kan nu")) == (1, 1)
    assert round_.letters("zoe", "Aanleveren kan nu") == 0
    assert round_.letters("anna", "Technisch rapport") == 4
    assert round_.letters("anna", "Herinnering") == 0
    assert round_.letters("bram", "er staan rapporten") == 2
    assert round_.letters("servicedesk@inlichtingenbureau.nl", "niet opgehaald na") == 2
    assert round_.letters("zoe", "Intrekken kan") == 1
    assert all("SANDBOX" in each.subject and "SANDBOX" in each.text for each in letters)
    assert len(list((round_.root / "outbox" / ".mail").glob("*.eml"))) == len(letters)


def test_every_deadline_was_met_and_nothing_is_left_to_mend(after: Rehearsal) -> None:
    with after as stage:
        assert deadlines.unmet(stage.ctx.engine) == []
        assert differences(stage.ctx) == []
        assert {str(drop.state) for drop in drops.recent(stage.ctx.engine, 100)} == {"decided"}


def test_every_file_is_proven_erased_and_no_file_of_the_gateway_holds_a_record(round_: Round, after: Rehearsal) -> None:
    with after as stage:
        proofs = retention.deletions(stage.ctx.engine, START, END)
        erased = {each.erasure.subject: f"{each.at:%d %b}" for each in proofs if each.erasure.what == "payload"}
        held = [drop.id for drop in drops.recent(stage.ctx.engine, 100) if drop.repeat_of is None]
        assert sorted(erased) == sorted(held)
        assert Counter(erased.values()) == {"06 Feb": 1, "14 Apr": 3, "17 Apr": 3, "21 Apr": 3}
    records = [line for kind in ("WMO", "JEUGD") for line in samples.good(kind, "0377").splitlines()[1:5]]
    assert len(records) == 8
    for folder in ("inbox", "outbox", "var"):
        holding = [path for path, body in tree(round_.root / folder).items() if any(each in body for each in records)]
        assert holding == []


def test_the_outbox_is_empty_but_for_the_mails(round_: Round) -> None:
    assert [path for path in tree(round_.root / "outbox") if not path.startswith(".mail/")] == []


def test_a_scene_that_does_not_come_out_as_it_must_ends_the_replay(tmp_path: Path) -> None:
    def wrong(stage: Rehearsal) -> None:
        expect(stage.port, 0, "the port")

    told: list[str] = []
    with pytest.raises(GatewayError, match=r"the port: .* instead of 0"):
        play(tmp_path / "gateway", told.append, "en", [Scene("2018-02-05T10:00", "first_login", wrong)])
    assert told[1] == "Monday 5 February 2018"


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_bytes(b"precious")
    with pytest.raises(GatewayError, match="not empty"):
        play(tmp_path, lambda _line: None, "en")
    assert list(tree(tmp_path)) == ["mine"]
