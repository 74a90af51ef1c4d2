"""The assessor: what it finds, what is noted of it, and what its files do or are refused for."""

import json
import re
from hashlib import sha256
from typing import Any

import pytest

from gateway.config import load_texts
from gateway.domain.model import Account, Drop
from gateway.domain.papers import MOST_BYTES, judgement
from gateway.errors import Refusal
from gateway.store.ledger import assessor as rows
from gateway.store.ledger import deadlines, deliveries, log, mails, reports
from gateway.workflow import assessor
from gateway.workflow.assess import assess_all
from gateway.workflow.assessor import HANDOVER, REPORTS, TO_ASSESS, TO_JUDGE, VERDICTS, Shown
from gateway.workflow.folders import status_facts
from gateway.workflow.publish import publish
from gateway.workflow.recover import replay
from tests.reports.judge import valid
from tests.samples import BSNS, cost_csv, wmo_csv, zipped
from tests.world import SHIPPED, World

NAME = "WMO_0363_2017H2.csv"
ROUND = "2017H2"
PDF = b"%PDF-1.7\n1 0 obj <<>> endobj\n%%EOF\n"
PAGE = b"<!DOCTYPE html>\n<html><head><style>p{margin:0}</style></head><body><p>In orde</p></body></html>"


def external(world: World, **who: object) -> World:
    """The world in which CBS makes the reports that are named."""
    world.configure(settings=world.configuration.settings.model_copy(update=who))
    return world


@pytest.fixture
def assessed(world: World) -> World:
    """A world in which CBS makes the op-orde reports."""
    return external(world, quality="external")


def cbs(world: World) -> Account:
    """The assessor's account."""
    return world.account("cbs")


def data(world: World, folder: str = TO_ASSESS) -> dict[str, Shown]:
    """The data files in a folder, without lists of them."""
    return {name: file for name, file in assessor.shown(world.ctx, ROUND, folder).items() if file.what == "delivery"}


def delivery_id(world: World, drop: Drop) -> str:
    return deliveries.of_drop(world.engine, drop.id)[0].id


def put(world: World, name: str, body: bytes, folder: str = REPORTS) -> None:
    """CBS drops a file."""
    assessor.drop(world.ctx, cbs(world), ROUND, folder, name, body)


def refused(world: World, name: str, body: bytes, folder: str = REPORTS) -> str:
    """The code of a refusal, which is in the log."""
    with pytest.raises(Refusal) as caught:
        put(world, name, body, folder)
    last = log.everything(world.engine)[-1]
    assert (last.event, last.account, last.detail["code"]) == ("refused", "cbs", caught.value.code)
    assert last.municipality is None
    return caught.value.code


def verdict(**content: Any) -> bytes:
    return json.dumps(content).encode()


# --- fetching ---------------------------------------------------------------------------------------------------------


def test_only_an_assessor_may_look(assessed: World) -> None:
    assert assessor.may_look(assessed.ctx, cbs(assessed), ROUND, TO_ASSESS)
    assert not assessor.may_look(assessed.ctx, cbs(assessed), ROUND, TO_JUDGE)
    assert not assessor.may_look(assessed.ctx, cbs(assessed), "2031H1")
    assert not assessor.may_look(assessed.ctx, cbs(assessed), ROUND, "inbox")
    for login in ("amsterdam", "operator"):
        assert not assessor.may_look(assessed.ctx, assessed.account(login))


def test_an_assessor_that_has_not_had_its_first_login_sees_nothing(assessed: World) -> None:
    external(assessed, account_verification=True)
    assert not assessor.may_look(assessed.ctx, cbs(assessed))


def test_approved_data_files_are_there_by_delivery_with_a_list(assessed: World) -> None:
    body = cost_csv("SBW")
    loose = assessed.drop(NAME, wmo_csv(20))
    packed = assessed.drop("MSD.zip", zipped({"SBW_0363_2017H2.csv": body, "JEUGD_0363_2017H2.csv": b"kapot"}))
    assessed.judge_all()
    found = data(assessed)
    sbw = next(each for each in deliveries.of_drop(assessed.engine, packed.id) if each.kind == "SBW")
    assert set(found) == {f"{delivery_id(assessed, loose)}.csv", f"{sbw.id}.csv"}
    assert found[f"{sbw.id}.csv"].read() == body
    assert {name: file.size for name, file in found.items()} == {n: len(f.read()) for n, f in found.items()}
    overview = valid("manifest", assessor.shown(assessed.ctx, ROUND, TO_ASSESS)["overzicht.json"].read())
    assert (overview["sort"], overview["count"]) == ("to_assess", 2)
    for each in overview["files"]:
        assert each["sha256"] == sha256(found[each["name"]].read()).hexdigest()
        assert each["quality_due"].startswith("2018-02-14")
    assert {each["drop_id"] for each in overview["files"]} == {loose.short_id, packed.short_id}


def test_what_was_replaced_rejected_or_tried_is_not_there(assessed: World) -> None:
    assessed.drop(NAME, wmo_csv(20))
    assessed.judge_all()
    newer = assessed.drop(NAME, wmo_csv(21))
    assessed.drop("SBW_0363_2017H2.csv", b"kapot")
    assessed.judge_all()
    assert set(data(assessed)) == {f"{delivery_id(assessed, newer)}.csv"}


def test_a_collection_is_noted_once_and_told_to_the_municipality(assessed: World) -> None:
    drop = assessed.drop(NAME, wmo_csv(20))
    assessed.judge_all()
    (file,) = data(assessed).values()
    for _ in range(2):
        assessor.collected(assessed.ctx, cbs(assessed), file)
    assert [who for who, _ in rows.collections(assessed.engine, "delivery", file.subject)] == ["cbs"]
    lines = [line for line in log.of_drop(assessed.engine, drop.id) if line.event == "assessor_collected"]
    assert [(line.municipality, line.account, line.delivery_id) for line in lines] == [("0363", "cbs", file.subject)]


def test_a_size_that_was_never_kept_is_counted(assessed: World) -> None:
    assessed.drop("MSD.zip", zipped({NAME: wmo_csv(30)}))
    assessed.judge_all()
    assessed.engine.run("update deliveries set bytes = null")
    (file,) = data(assessed).values()
    assert file.size == len(wmo_csv(30)) == len(file.read())


# --- op-orde reports --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("extension", "body"),
    [("pdf", PDF), ("html", PAGE), ("csv", b"Onderdeel;Aantal\r\nRecords;20\r\n"), ("json", b'{"records": 20}')],
)
def test_a_report_goes_to_the_right_outbox_and_meets_the_deadline(assessed: World, extension: str, body: bytes) -> None:
    drop = assessed.drop(NAME, wmo_csv(20))
    assessed.judge_all()
    owner = delivery_id(assessed, drop)
    assessed.clock.forward(hours=5)
    put(assessed, f"{owner}.{extension}", body)
    publish(assessed.ctx)
    name = f"OO_0363_2017H2_WMO_v001_{drop.short_id}_GEREED.{extension}"
    assert (assessed.folder / "outbox" / "0363" / name).read_bytes() == body
    assert assessed.versions() == ["assessed"]
    owed = deadlines.find(assessed.engine, "quality", owner)
    assert owed is not None
    assert owed.met_at == assessed.clock()
    line = next(line for line in log.of_drop(assessed.engine, drop.id) if line.event == "assessed")
    assert (line.account, line.municipality) == ("cbs", "0363")
    assert assessed.engine.rows("select 1 from notifications where occasion = 'quality' and drop_id = :id", id=drop.id)
    assert data(assessed) == {}
    assert assess_all(assessed.ctx, assessed.tell) == 0
    assert replay(assessed.ctx) == []


def test_a_report_may_come_in_several_forms_and_again(assessed: World) -> None:
    drop = assessed.drop(NAME, wmo_csv(20))
    assessed.judge_all()
    owner = delivery_id(assessed, drop)
    put(assessed, f"{owner}.pdf", PDF)
    put(assessed, f"{owner}.html", PAGE)
    put(assessed, f"{owner}.pdf", PDF)
    put(assessed, f"{owner.upper()}.PDF", PDF)
    found = [file.name for report in assessed.reports_of(drop) for file in reports.files(assessed.engine, report.id)]
    stem = f"OO_0363_2017H2_WMO_v001_{drop.short_id}_GEREED"
    assert [name for name in found if name.startswith("OO")] == [f"{stem}.pdf", f"{stem}-HTML.html"]
    assert refused(assessed, f"{owner}.pdf", PDF + b"%%EOF") == "ASSESSOR_EXISTS"
    assert assessed.events(of=drop).count("assessed") == 1
    assert assessed.events(of=drop).count("assessed_too") == 1
    assert replay(assessed.ctx) == []


BAD_PAGES = [
    b"<html><script>alert(1)</script></html>",
    b"<html><img src='https://example.org/x.png'></html>",
    b"<html><body onload='x()'></html>",
    b"<html><a href='javascript:x()'>x</a></html>",
    b"<html><form action='https://example.org'></form></html>",
    b"<html><meta http-equiv=refresh content='0;url=https://example.org'></html>",
    b"<html><style>p{background:url(https://example.org)}</style></html>",
    b"<html><p style='background:url(//example.org)'></p></html>",
    b"<html><iframe></iframe></html>",
    b"<p>geen pagina</p>",
    b"<html>\x00</html>",
    PDF,
]


@pytest.mark.parametrize(
    ("name", "body", "code"),
    [
        *((".html", page, "ASSESSOR_CONTENT") for page in BAD_PAGES),
        (".pdf", PAGE, "ASSESSOR_CONTENT"),
        (".pdf", PDF[:-6], "ASSESSOR_CONTENT"),
        (".pdf", b"%PDF-1.7 /OpenAction << /S /JavaScript /JS (x) >> %%EOF", "ASSESSOR_CONTENT"),
        (".csv", b"PK\x03\x04", "ASSESSOR_CONTENT"),
        (".csv", b"caf\xe9;1\n", "ASSESSOR_CONTENT"),
        (".json", b"{", "ASSESSOR_CONTENT"),
        (".json", b'"x"', "ASSESSOR_CONTENT"),
        (".json", b"[" * 100_000, "ASSESSOR_CONTENT"),
        (".pdf", b"", "EMPTY"),
        (".pdf", b"%PDF-" + bytes(MOST_BYTES), "TOO_LARGE"),
        (".xlsx", b"PK", "ASSESSOR_NAME"),
        ("", PDF, "ASSESSOR_NAME"),
        ("x.pdf", PDF, "ASSESSOR_NAME"),
    ],
)
def test_what_is_no_report_is_refused(assessed: World, name: str, body: bytes, code: str) -> None:
    drop = assessed.drop(NAME, wmo_csv(20))
    assessed.judge_all()
    assert refused(assessed, f"{delivery_id(assessed, drop)}{name}", body) == code
    assert assessed.versions() == ["approved"]


def test_a_report_on_nothing_that_waits_is_refused(assessed: World) -> None:
    drop = assessed.drop(NAME, wmo_csv(20))
    assessed.judge_all()
    first = delivery_id(assessed, drop)
    assessed.drop(NAME, wmo_csv(21))
    bad = assessed.drop("SBW_0363_2017H2.csv", b"kapot")
    assessed.judge_all()
    assert refused(assessed, f"{first}.pdf", PDF) == "ASSESSOR_SUPERSEDED"
    assert refused(assessed, f"{delivery_id(assessed, bad)}.pdf", PDF) == "ASSESSOR_SUPERSEDED"
    assert refused(assessed, "0161f9e0-4c7a-7b21-9d52-3f6c1a2b4d5e.pdf", PDF) == "ASSESSOR_UNKNOWN"
    assert refused(assessed, f"{first}.pdf", PDF, TO_ASSESS) == "READ_ONLY"
    assert refused(assessed, f"{first}.pdf", PDF, VERDICTS) == "NO_SUCH_FILE"


@pytest.mark.parametrize(
    ("extension", "shape"), [("csv", b"BSN\n%s\n"), ("json", b'["%s"]'), ("html", b"<html>%s</html>")]
)
def test_a_report_with_a_number_of_the_data_is_refused(assessed: World, extension: str, shape: bytes) -> None:
    drop = assessed.drop(NAME, wmo_csv(20))
    assessed.judge_all()
    owner = delivery_id(assessed, drop)
    inside = next(bsn for bsn in BSNS if bsn.encode() in wmo_csv(20))
    outside = next(bsn for bsn in BSNS if bsn.encode() not in wmo_csv(20))
    assert refused(assessed, f"{owner}.{extension}", shape % inside.encode()) == "ASSESSOR_BSN"
    put(assessed, f"{owner}.{extension}", shape % outside.encode())
    assert assessed.versions() == ["assessed"]


def test_amounts_of_nine_digits_may_stand_in_a_report_on_costs(assessed: World) -> None:
    body = b"\r\n".join(
        [b";".join(cost_csv("SBW").split(b"\r\n")[0].split(b";")), b"0363;20180131;6.1;123456782;1", b""]
    )
    drop = assessed.drop("SBW_0363_2017H2.csv", body)
    assessed.judge_all()
    put(assessed, f"{delivery_id(assessed, drop)}.csv", b"Begroot\n123456782\n")
    assert assessed.versions("SBW") == ["assessed"]


# --- verdicts ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def judged(world: World) -> World:
    """A world in which CBS judges."""
    return external(world, technical="external")


def outcomes(world: World, drop: Drop) -> list[str]:
    """Outcomes of the technical reports on a drop."""
    return [report.outcome for report in world.reports_of(drop) if report.kind == "TR"]


def test_a_drop_waits_for_the_verdict_after_its_pre_check(judged: World) -> None:
    drop = judged.drop(NAME, wmo_csv(20))
    other = judged.drop("SBW_0363_2017H2.csv", cost_csv("SBW"))
    assert judged.judge_all() == 2
    assert outcomes(judged, drop) == ["VOORCONTROLE-GOEDGEKEURD"]
    assert judged.versions() == []
    owed = deadlines.find(judged.engine, "technical", drop.id)
    assert owed is not None
    assert owed.met_at is None
    assert {each.drop_id for each in status_facts(judged.ctx, "0363").pending} == {drop.short_id, other.short_id}
    waiting = assessor.shown(judged.ctx, ROUND, TO_JUDGE)
    assert set(waiting) == {f"{drop.short_id}.csv", f"{other.short_id}.csv"}
    assert waiting[f"{drop.short_id}.csv"].read() == wmo_csv(20)
    report = next(report for report in judged.reports_of(drop) if report.kind == "TR")
    document = valid("technical", reports.files(judged.engine, report.id)[-1].body)
    assert "Het CBS keurt uw bestand" in document["next_step"]["nl"]
    assert document["next_step"]["by"].startswith("2018-02-15")
    assert judged.judge_all() == 0
    told = [(each.occasion, each.account) for each in mails.of_drop(judged.engine, drop.id)]
    assert told == [("precheck", "amsterdam")]


def test_the_verdict_decides(judged: World) -> None:
    good = judged.drop(NAME, wmo_csv(20))
    bad = judged.drop("SBW_0363_2017H2.csv", cost_csv("SBW"))
    judged.judge_all()
    put(judged, f"{good.short_id}.json", verdict(verdict="approved"), VERDICTS)
    put(judged, f"{bad.short_id}.json", verdict(verdict="rejected", reason="Bedragen in duizenden."), VERDICTS)
    assert judged.judge_all() == 2
    assert (judged.versions(), judged.versions("SBW")) == (["approved"], ["rejected"])
    assert outcomes(judged, good) == ["VOORCONTROLE-GOEDGEKEURD", "GOEDGEKEURD"]
    assert outcomes(judged, bad) == ["VOORCONTROLE-GOEDGEKEURD", "AFGEKEURD"]
    document = valid("technical", reports.files(judged.engine, judged.reports_of(bad)[-1].id)[-1].body)
    assert [(each["code"], each["nl"]) for each in document["findings"]] == [
        ("F13", "Het CBS keurt dit bestand af: Bedragen in duizenden.")
    ]
    assert assess_all(judged.ctx, judged.tell) == 1
    assert replay(judged.ctx) == []
    assert assessor.shown(judged.ctx, ROUND, TO_JUDGE) == {}


def test_a_verdict_overrules_our_own_check(judged: World) -> None:
    drop = judged.drop(NAME, wmo_csv(20).replace(b"9999", b"1111", 1))
    judged.judge_all()
    assert outcomes(judged, drop) == ["VOORCONTROLE-AFGEKEURD"]
    put(judged, f"{drop.short_id}.json", verdict(verdict="approved"), VERDICTS)
    judged.judge_all()
    assert judged.versions() == ["approved"]
    document = valid("technical", reports.files(judged.engine, judged.reports_of(drop)[-1].id)[-1].body)
    assert {each["severity"] for each in document["findings"]} == {"warning"}
    assert assess_all(judged.ctx, judged.tell) == 1


def test_a_verdict_per_item(judged: World) -> None:
    members = {NAME: wmo_csv(20), "SBW_0363_2017H2.csv": cost_csv("SBW"), "JEUGD_0363_2017H2.csv": b"kapot"}
    drop = judged.drop("MSD.zip", zipped(members))
    judged.judge_all()
    said = [{"kind": "SBW", "period": "2017H2", "verdict": "rejected"}]
    put(judged, f"{drop.short_id}.json", verdict(items=said), VERDICTS)
    judged.judge_all()
    assert (judged.versions(), judged.versions("SBW"), judged.versions("JEUGD")) == (
        ["approved"],
        ["rejected"],
        ["rejected"],
    )


def test_what_maps_to_nothing_or_is_tried_is_decided_here(judged: World) -> None:
    nothing = judged.drop("brief.pdf", b"%PDF")
    judged.judge_all()
    assert outcomes(judged, nothing) == ["AFGEKEURD"]


def test_verdicts_that_are_refused(judged: World) -> None:
    drop = judged.drop(NAME, wmo_csv(20))
    approved = verdict(verdict="approved")
    assert refused(judged, f"{drop.short_id}.json", approved, VERDICTS) == "VERDICT_UNKNOWN"
    judged.judge_all()
    assert refused(judged, "oordeel.json", approved, VERDICTS) == "VERDICT_NAME"
    assert refused(judged, "180214-000000.json", approved, VERDICTS) == "VERDICT_UNKNOWN"
    for body in (
        b"{",
        b"[]",
        b"{}",
        b"approved",
        verdict(verdict="good"),
        verdict(verdict="rejected", reason="x" * 501),
        verdict(verdict="rejected", reason="a\x00b"),
        verdict(items=[{"kind": "WMO"}]),
        verdict(items={"WMO": "approved"}),
        verdict(verdict="approved", items=[{}] * 51),
    ):
        assert refused(judged, f"{drop.short_id}.json", body, VERDICTS) == "VERDICT_CONTENT"
    numbered = f"zie {BSNS[0]}"
    for body in (
        verdict(verdict="rejected", reason=numbered),
        verdict(items=[{"kind": "WMO", "period": "2017H2", "verdict": "rejected", "reason": numbered}]),
    ):
        assert refused(judged, f"{drop.short_id}.json", body, VERDICTS) == "VERDICT_NUMBER"
    put(judged, f"{drop.short_id}.json", approved, VERDICTS)
    put(judged, f"{drop.short_id}.json", approved, VERDICTS)
    assert refused(judged, f"{drop.short_id}.json", verdict(verdict="rejected"), VERDICTS) == "VERDICT_EXISTS"
    judged.judge_all()
    put(judged, f"{drop.short_id}.json", approved, VERDICTS)
    assert judged.versions() == ["approved"]


def test_a_drop_that_waits_is_judged_here_when_the_setting_changes(judged: World) -> None:
    judged.drop(NAME, wmo_csv(20))
    judged.judge_all()
    external(judged, technical="builtin")
    assert judged.judge_all() == 1
    assert judged.versions() == ["approved"]


def test_an_older_drop_whose_verdict_comes_later_never_counts(judged: World) -> None:
    first = judged.drop(NAME, wmo_csv(20))
    second = judged.drop(NAME, wmo_csv(21))
    judged.judge_all()
    for drop in (second, first):
        put(judged, f"{drop.short_id}.json", verdict(verdict="approved"), VERDICTS)
        judged.judge_all()
    assert sorted(judged.versions()) == ["approved", "superseded"]
    assert [file.drop_id for file in rows.current_files(judged.engine, ROUND)] == [second.id]
    assert set(data(judged, HANDOVER)) == {f"{delivery_id(judged, second)}.csv"}


def test_the_verdicts_of_the_manual_are_verdicts() -> None:
    text = (SHIPPED.parent / "docs" / "assessor.md").read_text(encoding="utf-8")
    examples = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    first, second = (judgement(example.encode()) for example in examples)
    assert first.of("WMO", "2017H2") == (False, "Bedragen staan in duizenden euro's.")
    assert second.of("WMO", "2017H2") == (True, "")
    assert second.of("JEUGD", "2017H2") is None
    codes = set(re.findall(r"`((?:ASSESSOR|VERDICT)_[A-Z]+)`", text))
    assert codes == {code for code in codes_of_refusals() if code.startswith(("ASSESSOR_", "VERDICT_"))}


def codes_of_refusals() -> set[str]:
    """Every code of the catalogue."""
    return {key.split(".")[1] for key in load_texts().sentences["nl"] if key.startswith("refusals.")}
