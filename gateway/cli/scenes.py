"""The pilot round, scene by scene: what people did between 5 February and 1 July 2018, and what must come of it.

Does: lets three municipalities, their partnership and the desk act in a rehearsal, through the doors that they have in
service: SFTP for municipalities, the desk's own steps for the desk; looks after each scene if it came out as it must.
Touches: the rehearsal alone.
Does not: tell (replay), or look where a municipality could not look without saying so: `expect` reads the ledger.

A scene is a moment, its name (a key below `replay.scene` of the texts) and what happens. To add one, add a function and
a line to SCENES.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from gateway.cli import samples
from gateway.cli.rehearsal import Rehearsal
from gateway.client.outcome import Outcome
from gateway.domain.model import Role
from gateway.domain.workdays import AMSTERDAM
from gateway.errors import GatewayError
from gateway.store.ledger import deliveries, reports, retention
from gateway.store.ledger.withdrawals import Withdrawal
from gateway.workflow import accounts, retain, withdraw
from gateway.workflow.extend import extend
from gateway.workflow.missing import missing

ROUND = "2017H2"
DESK = "servicedesk"
AMSTERDAM_CODE, BLOEMENDAAL, ZANDVOORT = "0363", "0377", "0473"


@dataclass(frozen=True, slots=True)
class Scene:
    """What happens at a local moment."""

    at: str
    name: str
    act: Callable[[Rehearsal], None]

    @property
    def moment(self) -> datetime:
        """When, aware."""
        return datetime.fromisoformat(self.at).replace(tzinfo=AMSTERDAM)


def expect(came: object, wanted: object, what: str) -> None:
    """GatewayError when something did not come out as it must."""
    if came != wanted:
        raise GatewayError(f"{what}: {came!r} instead of {wanted!r}")


# --- what scenes look at ----------------------------------------------------------------------------------------------


def versions(stage: Rehearsal, code: str, kind: str) -> list[str]:
    """The states of an item's versions over the half-year of the round."""
    made = deliveries.of_municipality(stage.ctx.engine, code, ROUND)
    return [str(each.state) for each in made if (each.kind, each.period) == (kind, ROUND)]


def outbox(stage: Rehearsal, login: str, code: str) -> list[str]:
    """The outcomes of the reports that wait in an outbox, as the municipality sees them, oldest first."""
    names = [entry.name for entry in stage.session(login).files(f"/{code}/outbox")]
    stems = dict.fromkeys(name.rpartition(".")[0] for name in names)
    return [f"{stem.split('_')[0]} {stem.rpartition('_')[2]}" for stem in stems]


def mailed(stage: Rehearsal, since: int, to: str) -> int:
    """How many letters a person got since so many had been sent."""
    return sum(to in letter.recipient for letter in stage.post.letters[since:])


def lacking(stage: Rehearsal) -> list[str]:
    """The municipalities that have not delivered all that is expected of them."""
    round_ = stage.configuration.rounds[ROUND]
    return [each.municipality.code for each in missing(stage.ctx, round_)]


def good(kind: str, code: str, seed: int = 1) -> bytes:
    """A faultless file."""
    return samples.good(kind, code, ROUND, seed=seed)


# --- before the opening -----------------------------------------------------------------------------------------------


def first_login(stage: Rehearsal) -> None:
    """The desk prepares the account of Amsterdam; the code works once, and nothing works before it."""
    engine = stage.ctx.engine
    accounts.request(stage.ctx, "amsterdam", Role.GEBRUIKERSBEHEERDER, "gemeente Amsterdam", DESK)
    accounts.approve(stage.ctx, "amsterdam", None, DESK)
    code = accounts.give_code(stage.ctx, "amsterdam", DESK)
    with stage.refused("NOT_VERIFIED"):
        stage.deliver("amsterdam", AMSTERDAM_CODE, f"WMO_0363_{ROUND}.csv", good("WMO", "0363"), trial=True)
    stage.put_empty("amsterdam", f"/VERIFICATIE_{code}")
    expect(retention.holds(engine), {}, "holds")


def terms(stage: Rehearsal) -> None:
    """Who has not accepted the terms cannot deliver; a file accepts them."""
    with stage.refused("TERMS"):
        stage.deliver("amsterdam", AMSTERDAM_CODE, f"WMO_0363_{ROUND}.csv", good("WMO", "0363"), trial=True)
    for login in ("amsterdam", "bloemendaal", "zandvoort"):
        stage.put_empty(login, f"/VOORWAARDEN_{ROUND}.akkoord")


def trial(stage: Rehearsal) -> None:
    """A file is only tried, before the window: a report, and nothing counts."""
    faulty = samples.wmo_faulty(AMSTERDAM_CODE).body
    stage.deliver("amsterdam", AMSTERDAM_CODE, f"WMO_0363_{ROUND}.csv", faulty, trial=True)
    expect(outbox(stage, "amsterdam", AMSTERDAM_CODE)[-1], "TR PROEF-AFGEKEURD", "the trial's report")
    expect(versions(stage, AMSTERDAM_CODE, "WMO"), [], "versions after a trial")
    stage.fetch("amsterdam", AMSTERDAM_CODE)


def too_early(stage: Rehearsal) -> None:
    """A real delivery before the opening is refused, with the day of the opening."""
    with stage.refused("WINDOW_NOT_OPEN"):
        stage.deliver("amsterdam", AMSTERDAM_CODE, f"WMO_0363_{ROUND}.csv", good("WMO", "0363"))


# --- the delivery window ----------------------------------------------------------------------------------------------


def faulty_file(stage: Rehearsal) -> None:
    """The first file has faults."""
    stage.deliver("amsterdam", AMSTERDAM_CODE, f"WMO_0363_{ROUND}.csv", samples.wmo_faulty(AMSTERDAM_CODE).body)
    expect(versions(stage, AMSTERDAM_CODE, "WMO"), ["rejected"], "versions of Wmo")
    expect(outbox(stage, "amsterdam", AMSTERDAM_CODE)[-1], "TR AFGEKEURD", "the technical report")


def mended_file(stage: Rehearsal) -> None:
    """The mended file is approved, and the op-orde report follows."""
    before = len(stage.post.letters)
    stage.deliver("amsterdam", AMSTERDAM_CODE, f"WMO_0363_{ROUND}.csv", good("WMO", AMSTERDAM_CODE))
    expect(versions(stage, AMSTERDAM_CODE, "WMO"), ["rejected", "assessed"], "versions of Wmo")
    waiting = outbox(stage, "amsterdam", AMSTERDAM_CODE)[-3:]
    expect(waiting, ["OB ONTVANGEN", "TR GOEDGEKEURD", "OO GEREED"], "the reports")
    expect(mailed(stage, before, "anna.devries"), 2, "mails about the two reports")


def pick_up(stage: Rehearsal) -> None:
    """Amsterdam fetches its reports and acknowledges them."""
    found = stage.fetch("amsterdam", AMSTERDAM_CODE)
    expect({each.outcome for each in found}, {Outcome.DONE}, "the reports that were fetched")
    expect(outbox(stage, "amsterdam", AMSTERDAM_CODE), [], "what is left in the outbox")


def same_again(stage: Rehearsal) -> None:
    """The same file once more: recognised, no new version."""
    receipt = stage.deliver("amsterdam", AMSTERDAM_CODE, f"WMO_0363_{ROUND}.csv", good("WMO", AMSTERDAM_CODE))
    expect(receipt.outcome, Outcome.REPEATED, "the receipt")
    expect(versions(stage, AMSTERDAM_CODE, "WMO"), ["rejected", "assessed"], "versions of Wmo")


def zip_with_all(stage: Rehearsal) -> None:
    """All four kinds in one ZIP; the Wmo file in it is a correction."""
    kinds = ("WMO", "KOSTENWMO", "SBW", "JEUGD")
    members = {f"{kind}_0363_{ROUND}.csv": good(kind, AMSTERDAM_CODE, seed=2) for kind in kinds}
    stage.deliver("amsterdam", AMSTERDAM_CODE, "MSD.zip", samples.zipped(members))
    expect(versions(stage, AMSTERDAM_CODE, "WMO"), ["rejected", "superseded", "assessed"], "versions of Wmo")
    for kind in kinds[1:]:
        expect(versions(stage, AMSTERDAM_CODE, kind), ["assessed"], f"versions of {kind}")
    stage.fetch("amsterdam", AMSTERDAM_CODE)
    expect(AMSTERDAM_CODE in lacking(stage), False, "Amsterdam is still missing something")


def lead(stage: Rehearsal) -> None:
    """The lead of the partnership delivers for itself and for its member."""
    for code in (BLOEMENDAAL, ZANDVOORT):
        stage.deliver("bloemendaal", code, f"WMO_{code}_{ROUND}.csv", good("WMO", code))
        expect(versions(stage, code, "WMO"), ["assessed"], f"versions of Wmo of {code}")
    seen = [entry.name for entry in stage.session("zandvoort").files(f"/{ZANDVOORT}/outbox")]
    expect(any(name.startswith("TR_") for name in seen), True, "the member sees its own reports")


def member(stage: Rehearsal) -> None:
    """The member itself may not deliver: its lead does."""
    with stage.refused("LEAD_ONLY"):
        stage.deliver("zandvoort", ZANDVOORT, f"WMO_0473_{ROUND}.csv", good("WMO", ZANDVOORT, seed=3))


def watch_folder(stage: Rehearsal) -> None:
    """A program puts the SBW file of Zandvoort into its folder, for the lead. From then on no worker runs."""
    stage.working = False
    stage.put_in_watch_folder(ZANDVOORT, f"SBW_0473_{ROUND}.csv", good("SBW", ZANDVOORT))
    expect(versions(stage, ZANDVOORT, "SBW"), [], "versions of SBW while no worker runs")


def worker_back(stage: Rehearsal) -> None:
    """The desk heard that the term was at risk, and that it passed; the worker is started and the report comes."""
    told = [line.event for line in stage.lines() if line.event.startswith("deadline_")]
    expect(told, ["deadline_at_risk", "deadline_breached"], "what the log says of the term")
    heard = [letter.subject for letter in stage.post.letters if "ermijn" in letter.subject.lower()]
    to_desk = [subject.split(": ")[1] for subject in heard]
    expect(to_desk.count("Termijn in gevaar"), 2, "mails to desk and operator of the term at risk")
    expect(to_desk.count("TERMIJN VERSTREKEN"), 2, "mails to desk and operator of the breach")
    stage.working = True
    stage.settle()
    expect(versions(stage, ZANDVOORT, "SBW"), ["assessed"], "versions of SBW")


def uncollected(stage: Rehearsal) -> None:
    """Nobody fetched the reports of Bloemendaal for a week: sender, user manager and desk were told in turn."""
    told = {line.detail["occasion"] for line in stage.lines() if line.event == "mailed"}
    expect(
        {"pickup", "pickup_manager", "pickup_desk"} <= told,
        True,
        f"mails about uncollected reports: {sorted(map(str, told))}",
    )
    expect("HB HERINNERING" in outbox(stage, "bloemendaal", BLOEMENDAAL), True, "the reminder in the outbox")
    stage.fetch("bloemendaal", BLOEMENDAAL, ZANDVOORT)
    expect(reports.uncollected(stage.ctx.engine, BLOEMENDAAL), [], "uncollected reports")


def rejected_correction(stage: Rehearsal) -> None:
    """On the last safe day a correction with faults: the approved version stands."""
    stage.deliver("bloemendaal", BLOEMENDAAL, f"WMO_0377_{ROUND}.csv", samples.wmo_faulty(BLOEMENDAAL).body)
    expect(versions(stage, BLOEMENDAAL, "WMO"), ["assessed", "rejected"], "versions of Wmo")
    stage.fetch("bloemendaal", BLOEMENDAAL)


def extension(stage: Rehearsal) -> None:
    """Bloemendaal gets five days more; nobody else does."""
    extend(stage.ctx, BLOEMENDAAL, date(2018, 3, 14), "systeemwissel bij de gemeente", DESK)
    stage.settle()


def last_evening(stage: Rehearsal) -> None:
    """Twenty minutes before the close."""
    stage.deliver("amsterdam", AMSTERDAM_CODE, f"WMO_0363_{ROUND}.csv", good("WMO", AMSTERDAM_CODE, seed=4))
    expect(versions(stage, AMSTERDAM_CODE, "WMO")[-2:], ["superseded", "assessed"], "versions of Wmo")


def too_late(stage: Rehearsal) -> None:
    """Half an hour after the close: refused, and a receipt in the outbox says so."""
    with stage.refused("WINDOW_CLOSED"):
        stage.deliver("amsterdam", AMSTERDAM_CODE, f"SBW_0363_{ROUND}.csv", good("SBW", AMSTERDAM_CODE, seed=5))
    expect(outbox(stage, "amsterdam", AMSTERDAM_CODE)[-1], "OB GEWEIGERD", "the receipt of the refusal")
    stage.fetch("amsterdam", AMSTERDAM_CODE)


def in_extension(stage: Rehearsal) -> None:
    """Under its extension Bloemendaal delivers one kind and states that there is nothing of the others."""
    stage.deliver("bloemendaal", BLOEMENDAAL, f"JEUGD_0377_{ROUND}.csv", good("JEUGD", BLOEMENDAAL))
    for kind in ("SBW", "KOSTENWMO"):
        stage.put_empty("bloemendaal", f"/0377/inbox/GEEN_{kind}_0377_{ROUND}.txt")
    expect(versions(stage, BLOEMENDAAL, "JEUGD"), ["assessed"], "versions of Jeugd")
    expect(lacking(stage), [ZANDVOORT], "who is missing something")


# --- withdrawals ------------------------------------------------------------------------------------------------------


def selection(stage: Rehearsal, code: str) -> list[str]:
    """The items of a municipality that are withdrawn now."""
    round_ = stage.configuration.rounds[ROUND]
    return [f"{kind} {period}" for (kind, period), gone in withdraw.selection(stage.ctx, round_, code).items() if gone]


def withdrawal(stage: Rehearsal) -> None:
    """Amsterdam withdraws the Wmo file: the file in intrekken/ gets another name."""
    folder = f"/{AMSTERDAM_CODE}/intrekken"
    stage.rename("amsterdam", f"{folder}/WMO_{ROUND}.actief", f"{folder}/WMO_{ROUND}.ingetrokken")
    expect(selection(stage, AMSTERDAM_CODE), [f"WMO {ROUND}"], "withdrawn items")


def undone(stage: Rehearsal) -> None:
    """And undoes it; another item stays withdrawn."""
    folder = f"/{AMSTERDAM_CODE}/intrekken"
    stage.put_empty("amsterdam", f"{folder}/WMO_{ROUND}.actief")
    stage.put_empty("amsterdam", f"{folder}/SBW_{ROUND}.ingetrokken")
    expect(selection(stage, AMSTERDAM_CODE), [f"SBW {ROUND}"], "withdrawn items")
    expect(outbox(stage, "amsterdam", AMSTERDAM_CODE)[-2:], ["IB ACTIEF", "IB INGETROKKEN"], "confirmations")
    stage.fetch("amsterdam", AMSTERDAM_CODE)


def delegated(stage: Rehearsal) -> None:
    """A member cannot withdraw here, and neither can its lead for it."""
    for login in ("zandvoort", "bloemendaal"):
        with stage.refused("DELEGATED"):
            stage.put_empty(login, f"/{ZANDVOORT}/intrekken/WMO_{ROUND}.ingetrokken")


def by_form(stage: Rehearsal) -> None:
    """The desk records the form that Zandvoort sent to CBS."""
    now = stage.clock()
    change = Withdrawal(ZANDVOORT, ROUND, "WMO", ROUND, True, DESK, "form", now, "formulier CBS 19 maart")
    withdraw.by_form(stage.ctx, change, date(2018, 3, 19))
    stage.settle()
    expect(selection(stage, ZANDVOORT), [f"WMO {ROUND}"], "withdrawn items of Zandvoort")


def answers(stage: Rehearsal) -> None:
    """What arrived, is it right, what must I do, until when, whom do I call, what did we withdraw: from the folders."""
    anna = stage.session("amsterdam")
    status = json.loads(anna.read(f"/{AMSTERDAM_CODE}/status.json"))
    items = {(each["kind"], each["period"]): each for each in status["items"]}
    wmo, sbw = items["WMO", ROUND], items["SBW", ROUND]
    expect((wmo["state"], wmo["version"], wmo["withdrawn"]), ("assessed", 4, False), "Wmo in status.json")
    expect((sbw["state"], sbw["version"], sbw["withdrawn"]), ("assessed", 1, True), "SBW in status.json")
    readme = anna.read("/LEESMIJ.txt").decode("utf-8-sig")
    for wanted in ("0800 222 11 22", "vrijdag 9 maart 2018", "donderdag 1 maart 2018", "vrijdag 23 maart 2018"):
        expect(wanted in readme, True, f"{wanted} in LEESMIJ.txt")
    story = anna.read(f"/{AMSTERDAM_CODE}/berichtenlog/2018-02-12_2018-03-23.csv").decode("utf-8-sig")
    for wanted in ("bestand ontvangen", "aanlevering afgekeurd", "rapport opgehaald", "ingetrokken", "mail verstuurd"):
        expect(wanted in story, True, f"'{wanted}' in the message log")
    expect("Bloemendaal" in story or BLOEMENDAAL in story, False, "another municipality in the message log")
    expect(stage.session("bloemendaal").municipalities(), (BLOEMENDAAL, ZANDVOORT), "what a lead sees")
    expect(stage.session("zandvoort").municipalities(), (ZANDVOORT,), "what a member sees")


def withdrawn_too_late(stage: Rehearsal) -> None:
    """After the last day the selection stands."""
    with stage.refused("WITHDRAWAL_CLOSED"):
        stage.put_empty("amsterdam", f"/{AMSTERDAM_CODE}/intrekken/WMO_{ROUND}.ingetrokken")
    expect(selection(stage, AMSTERDAM_CODE), [f"SBW {ROUND}"], "withdrawn items")
    stage.fetch("amsterdam", AMSTERDAM_CODE)


def hand_over(stage: Rehearsal) -> None:
    """CBS collects what counts: approved, current, and not withdrawn. The final list says the same."""
    folder = f"/cbs/{ROUND}/overdracht"
    cbs = stage.session("cbs")
    names = [entry.name for entry in cbs.files(folder)]
    bodies = {name: cbs.read(f"{folder}/{name}") for name in names}
    stage.settle()
    final = json.loads(bodies["manifest-definitief.json"])
    listed = sorted((each["municipality"], each["kind"], each["version"]) for each in final["files"])
    wanted = [
        ("0363", "JEUGD", 1),
        ("0363", "KOSTENWMO", 1),
        ("0363", "WMO", 4),
        ("0377", "JEUGD", 1),
        ("0377", "WMO", 1),
        ("0473", "SBW", 1),
    ]
    expect(listed, wanted, "the final list")
    expect(good("WMO", AMSTERDAM_CODE, seed=4) in bodies.values(), True, "the file of the last evening")
    expect(len(names), len(wanted) + 2, "files to collect, with both lists")


# --- keeping and erasing ----------------------------------------------------------------------------------------------


def payloads(stage: Rehearsal) -> dict[str, int]:
    """How many files the ledger still holds whole, by municipality."""
    rows = stage.ctx.engine.rows(
        """select d.municipality, count(*) as n from payloads as p join drops as d on d.id = p.drop_id
           where p.body is not null and length(p.body) > 0 group by d.municipality order by d.municipality"""
    )
    return {row["municipality"]: row["n"] for row in rows}


def legal_hold(stage: Rehearsal) -> None:
    """A court wants to see what Bloemendaal delivered."""
    expect(payloads(stage), {AMSTERDAM_CODE: 4, BLOEMENDAAL: 3, ZANDVOORT: 2}, "files in the ledger")
    retain.hold(stage.ctx, BLOEMENDAAL, "zaak 2018/17", DESK, held=True)


def erased(stage: Rehearsal) -> None:
    """Three weeks after the hand-over the files are gone, but for those under the hold."""
    expect(payloads(stage), {BLOEMENDAAL: 3}, "files in the ledger")


def lifted(stage: Rehearsal) -> None:
    """The case is closed; the next night takes the rest."""
    retain.hold(stage.ctx, BLOEMENDAAL, "zaak gesloten", DESK, held=False)


def reports_gone(stage: Rehearsal) -> None:
    """The reports are gone as well. What happened stays."""
    expect(payloads(stage), {}, "files in the ledger")
    for code in (AMSTERDAM_CODE, BLOEMENDAAL, ZANDVOORT):
        expect(reports.entries(stage.ctx.engine, code, confirmed=False), [], f"reports of {code}")
        expect(reports.entries(stage.ctx.engine, code, confirmed=True), [], f"collected reports of {code}")
    expect(versions(stage, AMSTERDAM_CODE, "WMO")[-1], "assessed", "the version that counts")


SCENES = (
    Scene("2018-02-05T10:00", "first_login", first_login),
    Scene("2018-02-05T10:15", "terms", terms),
    Scene("2018-02-05T10:30", "trial", trial),
    Scene("2018-02-09T16:00", "too_early", too_early),
    Scene("2018-02-12T09:15", "faulty_file", faulty_file),
    Scene("2018-02-12T14:00", "mended_file", mended_file),
    Scene("2018-02-13T09:00", "pick_up", pick_up),
    Scene("2018-02-13T11:00", "same_again", same_again),
    Scene("2018-02-14T10:00", "zip_with_all", zip_with_all),
    Scene("2018-02-15T13:00", "lead", lead),
    Scene("2018-02-15T13:30", "member", member),
    Scene("2018-02-16T16:30", "watch_folder", watch_folder),
    Scene("2018-02-22T08:30", "worker_back", worker_back),
    Scene("2018-02-22T09:00", "uncollected", uncollected),
    Scene("2018-03-01T15:00", "rejected_correction", rejected_correction),
    Scene("2018-03-08T10:00", "extension", extension),
    Scene("2018-03-09T23:40", "last_evening", last_evening),
    Scene("2018-03-10T00:30", "too_late", too_late),
    Scene("2018-03-13T10:00", "in_extension", in_extension),
    Scene("2018-03-14T11:00", "withdrawal", withdrawal),
    Scene("2018-03-15T11:00", "undone", undone),
    Scene("2018-03-16T10:00", "delegated", delegated),
    Scene("2018-03-19T14:00", "by_form", by_form),
    Scene("2018-03-23T16:00", "answers", answers),
    Scene("2018-03-24T09:00", "withdrawn_too_late", withdrawn_too_late),
    Scene("2018-03-26T10:00", "hand_over", hand_over),
    Scene("2018-04-09T10:00", "legal_hold", legal_hold),
    Scene("2018-04-17T09:00", "erased", erased),
    Scene("2018-04-20T10:00", "lifted", lifted),
    Scene("2018-07-01T09:00", "reports_gone", reports_gone),
)
