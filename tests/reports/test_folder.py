"""Generated files: status.json, LEESMIJ.txt and the message log."""

import csv
import io
import re
from dataclasses import replace
from datetime import date

import pytest

from gateway.domain.model import FileFacts, Municipality, ServiceLevels, Span
from gateway.reports import folder
from gateway.reports.facts import CollectStatus, ItemStatus, PendingStatus, ReadmeFacts, RefusalStatus, StatusFacts
from gateway.reports.names import OUTCOMES, REPORT_NAME
from tests.reports.facts import DESKS, REFUSAL, TIMES, texts
from tests.reports.judge import valid

CLOSES = TIMES.window_closes or TIMES.ready
OPENS = TIMES.window_opens or TIMES.ready
STATUS = StatusFacts(
    municipality=Municipality("0363", "Amsterdam"),
    round_id="2017H2",
    round_name="Tweede halfjaar 2017",
    at=TIMES.ready,
    opens=OPENS,
    closes=CLOSES,
    last_safe_day=date(2018, 3, 1),
    items=(
        ItemStatus(
            "WMO", "2017H2", "rejected", 2, "180214-7f3a9c", "WMO_0363_2017H2.csv", TIMES.received, None, None, 1
        ),
        ItemStatus("SBW", "2017H2", "none"),
    ),
    pending=(
        PendingStatus(
            "180214-0a1b2c", FileFacts("MSD.zip", 9, "cd" * 32), "received", TIMES.received, TIMES.technical_due
        ),
    ),
    refusals=(RefusalStatus(TIMES.received, "groot_999990019.csv", "TOO_LARGE", REFUSAL),),
    uncollected=(
        CollectStatus("TR_0363_2017H2_WMO_v002_180214-7f3a9c_AFGEKEURD", TIMES.ready, TIMES.technical_due),
        CollectStatus("OB_0363_ALLE_ALLE_180214-7f3a9c_ONTVANGEN", TIMES.received, None),
    ),
    desks=DESKS,
)
README = ReadmeFacts(
    login="anna.0363",
    municipalities=(Municipality("0363", "Amsterdam"), Municipality("0377", "Bloemendaal")),
    round_name="Tweede halfjaar 2017",
    periods=("2017H2", "2017H1"),
    kinds=("WMO", "KOSTENWMO", "SBW", "JEUGD"),
    opens=OPENS,
    closes=CLOSES,
    target=date(2018, 2, 23),
    last_safe_day=date(2018, 3, 1),
    upload_bytes=2_621_440,
    unpacked_bytes=50_000_000,
    host_key_fingerprints=("SHA256:0123456789abcdef",),
    desks=DESKS,
    withdrawal=Span(date(2018, 3, 12), date(2018, 3, 23)),
    terms_file="VOORWAARDEN_2017H2.akkoord",
)


def lines(facts: ReadmeFacts, language: str) -> str:
    """The text with its lines joined, to look for sentences."""
    return " ".join(folder.readme(facts, texts(), language).decode("utf-8-sig").split())


def test_status_follows_the_schema_and_tells_how_all_stands() -> None:
    document = valid("status", folder.status(STATUS, texts()))
    assert [(item["kind"], item["state"], item["approved_version"]) for item in document["items"]] == [
        ("WMO", "rejected", 1),
        ("SBW", "none", None),
    ]
    assert document["pending"][0]["technical_due"] == "2018-02-19T23:59:59+01:00"
    assert [(report["report"][:2], report["due"]) for report in document["to_collect"]] == [
        ("TR", "2018-02-19T23:59:59+01:00"),
        ("OB", None),
    ]
    assert [report["report"] for report in document["to_collect"]] == document["uncollected"]
    assert document["round"]["opens"] == "2018-02-12T00:00:00+01:00"
    assert document["refusals"][0]["retry"] is False


def test_status_holds_no_citizen_service_number_from_a_name() -> None:
    assert b"999990019" not in folder.status(STATUS, texts())


def test_status_of_a_municipality_that_did_nothing_yet() -> None:
    empty = replace(STATUS, items=(), pending=(), refusals=(), uncollected=())
    assert valid("status", folder.status(empty, texts()))["items"] == []


@pytest.mark.parametrize("language", ["nl", "en"])
def test_the_page_for_people_is_as_notepad_likes_it(language: str) -> None:
    written = folder.readme(README, texts(), language)
    assert written.startswith(b"\xef\xbb\xbf")
    assert written.count(b"\n") == written.count(b"\r\n") > 50
    wide = [line for line in written.decode().splitlines() if len(line) > 78 and not line.startswith("  ")]
    assert wide == []
    assert folder.readme(replace(README), texts(), language) == written


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("nl", "De laatste veilige dag is donderdag 1 maart 2018."),
        ("nl", "van maandag 12 februari 2018 tot en met vrijdag 9 maart 2018"),
        ("nl", "vrijdag 23 februari 2018"),
        ("nl", "2.621.440 bytes"),
        ("nl", "Verwijderen uit de inbox trekt niets in"),
        ("nl", "WMO_0363_2017H2.csv"),
        ("nl", "/0377/ Bloemendaal"),
        ("nl", "SHA256:0123456789abcdef"),
        ("nl", "0800 222 11 22"),
        ("nl", "070 337 49 94"),
        ("nl", "van maandag 12 maart 2018 tot en met vrijdag 23 maart 2018".replace("van", "Van", 1)),
        ("en", "The last safe day is Thursday 1 March 2018."),
        ("en", "2,621,440 bytes"),
        ("en", "Within 3 working days"),
        ("en", "within 1 working day."),
    ],
)
def test_the_page_for_people_answers_the_standing_questions(language: str, said: str) -> None:
    assert said in lines(README, language)


def test_examples_name_the_period_that_is_asked() -> None:
    text = lines(README, "nl")
    assert "over 2017H2. - Over 2017H1 mag ook" in text
    assert "GEEN_WMO_0363_2017H2.txt" in text
    both = lines(replace(README, expected=("2017H1", "2017H2")), "nl")
    assert "over 2017H1, 2017H2." in both
    assert "mag ook, voor het eerst" not in both


@pytest.mark.parametrize("language", ["nl", "en"])
def test_every_outcome_in_the_name_of_a_report_is_told(language: str) -> None:
    text = lines(replace(README, judged=True), language)
    outcomes = {re.split("-(?=GOED|AF|PDF|HTML|CSV|JSON)", name)[0] for some in OUTCOMES.values() for name in some}
    assert [name for name in sorted(outcomes) if name not in text] == []
    assert "VOORCONTROLE" not in lines(README, language)


def test_who_delivers_is_told_to_a_member_and_to_its_lead() -> None:
    zandvoort, lead = Municipality("0473", "Zandvoort"), Municipality("0377", "Bloemendaal")
    member = lines(replace(README, municipalities=(zandvoort,), leads=((zandvoort, lead),)), "nl")
    assert "Bloemendaal levert aan voor Zandvoort. Zelf aanleveren of intrekken kan hier daarom niet." in member
    assert "U levert ook aan voor Zandvoort: zet die bestanden in /0473/inbox." in lines(
        replace(README, led=(zandvoort,)), "nl"
    )
    assert "Wie levert aan?" not in lines(README, "nl")


def test_an_opt_in_round_is_told_as_one() -> None:
    text = lines(replace(README, opt_in=True), "nl")
    assert "Doet u niets, dan gebeurt dat niet." in text
    assert "dan stemt u toe" not in text
    assert "Geef het de naam WMO_2017H2.actief" in text


def test_the_page_of_an_assessor_asks_for_no_delivery_and_no_terms() -> None:
    text = lines(replace(README, municipalities=(), assessor=("2017H2",), terms_accepted=False), "nl")
    assert "/cbs (2017H2)" in text
    assert "te-keuren" not in text
    assert [word for word in ("inbox", "akkoord", "intrekken.") if word in text] == []
    assert "te-keuren" in lines(replace(README, municipalities=(), assessor=("2017H2",), judged=True), "nl")


def test_terms_stand_first_until_they_are_accepted() -> None:
    assert "VOORWAARDEN_2017H2.akkoord" in lines(replace(README, terms_accepted=False), "nl")[:400]
    assert "VOORWAARDEN" not in lines(README, "nl")


def test_what_does_not_apply_is_left_out() -> None:
    bare = replace(
        README, withdrawal=None, target=None, last_safe_day=None, host_key_fingerprints=(), municipalities=()
    )
    text = lines(bare, "nl")
    assert "CBS-formulier" not in text
    assert "laatste veilige dag" not in text
    assert "SANDBOX" not in text
    assert "SANDBOX" in lines(replace(bare, sandbox=True), "nl")


def test_one_working_day_is_one_day() -> None:
    assert "Binnen 1 werkdag ligt" in lines(replace(README, service=ServiceLevels(technical=1)), "nl")


def test_the_expression_for_scripts_matches_what_ours_does() -> None:
    (printed,) = (line.strip() for line in lines(README, "nl").split() if line.startswith("(OB|TR"))
    name = "TR_0363_2017H2_WMO_v002_180214-7f3a9c_AFGEKEURD.html"
    assert re.fullmatch(printed, name)
    assert REPORT_NAME.fullmatch(name)
    assert "?P" not in printed


def test_the_message_log_is_a_table_in_both_languages() -> None:
    log = folder.message_log(
        (
            (TIMES.received, "received", "anna.0363", {"name": "=cmd.csv", "size": 12}),
            (TIMES.ready, "unheard_of", None, {"name": "x_999990019\r\n.csv"}),
        ),
        texts(),
    )
    rows = list(csv.reader(io.StringIO(log.decode("utf-8-sig"), newline=""), delimiter=";"))
    assert rows == [
        ["Datum", "Tijd", "Gebeurtenis", "Event", "Gebruiker", "Bijzonderheden"],
        ["2018-02-14", "10:30:00", "bestand ontvangen", "file received", "anna.0363", "bestand: =cmd.csv, size: 12"],
        ["2018-02-14", "10:32:00", "unheard_of", "unheard_of", "", "bestand: x_*********\\x0d\\x0a.csv"],
    ]


def test_the_message_log_says_in_words_which_mail_and_which_deadline() -> None:
    due = "2018-02-19T22:59:59.999000+00:00"
    log = folder.message_log(
        (
            (TIMES.ready, "mailed", "anna.0363", {"occasion": "quality", "mail": "0199"}),
            (TIMES.ready, "mailed", "anna.0363", {"occasion": "not known any more", "mail": "0199"}),
            (TIMES.ready, "deadline_breached", None, {"term": "technical", "id": "180214-7f3a9c", "due": due}),
        ),
        texts(),
    )
    rows = list(csv.reader(io.StringIO(log.decode("utf-8-sig"), newline=""), delimiter=";"))
    assert [row[5] for row in rows[1:]] == [
        "soort: op-orde rapport",
        "soort: not known any more",
        "uiterlijk: maandag 19 februari 2018, aanleverkenmerk: 180214-7f3a9c, termijn: technisch rapport",
    ]


def test_every_mail_has_its_word_in_the_message_log() -> None:
    sentences = texts().sentences["nl"]
    occasions = {key.split(".")[1] for key in sentences if re.fullmatch(r"mails\.[a-z_]+\.subject", key)}
    assert len(occasions) > 15
    assert [name for name in sorted(occasions) if not texts().has(f"log.occasion.{name}")] == []


def test_a_refusal_stands_in_the_message_log_with_its_sentence_while_it_is_kept() -> None:
    detail: dict[str, str | int] = {"code": "TOO_LARGE", "name": "a.csv", "receipt": 1}
    kept, blanked = (
        folder.message_log(((TIMES.received, "refused", "anna.0363", {**detail, **more}),), texts()).decode()
        for more in ({"param_limit": 2_621_440}, {})
    )
    assert "2.621.440 bytes" in kept
    assert "param" not in kept
    assert blanked.rstrip().endswith("code: TOO_LARGE, bestand: a.csv")
