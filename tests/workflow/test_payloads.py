"""Uploads sealed at rest: the ledger holds no plain byte, everything works as it does without, keys can be changed."""

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from gateway.config.sections import Push
from gateway.domain.model import Account, Lane, Role
from gateway.errors import Corrupt, Refusal
from gateway.store.ledger import drops
from gateway.store.ledger import packages as kept
from gateway.store.sealing import Sealing, make_identity, seal, sealing
from gateway.workflow import assessor, handover, packages, payloads, retain
from gateway.workflow.assess import assess_all
from gateway.workflow.sending import push_all
from tests.reports.judge import valid
from tests.samples import cost_csv, wmo_csv, zipped
from tests.workflow.test_handover import AFTER, NAME, Server
from tests.world import World, shipped

BODY = wmo_csv(30)
CANARY = BODY.split(b"\r\n")[1].split(b";")[2]


def key(world: World, name: str) -> str:
    return make_identity(world.folder / name)


def use(world: World, sealing: Sealing) -> None:
    """As a process that starts anew with other keys."""
    world.ctx = replace(world.ctx, sealing=sealing)


def everywhere(folder: Path, needle: bytes) -> list[str]:
    """The files below a folder that hold these bytes."""
    return [path.name for path in sorted(folder.rglob("*")) if path.is_file() and needle in path.read_bytes()]


@pytest.fixture
def sealed(world: World) -> World:
    """A world that seals to the key `own` and can open."""
    public = key(world, "own")
    use(world, sealing((public,), [world.folder / "own"]))
    return world


def cbs(world: World, *, recipient: str | None = None, push: bool = False) -> Account:
    """An assessor's account, in force from now on."""
    account = Account("cbs", "Cas Bos", "cas@cbs.example", frozenset({Role.ASSESSOR}), (), age_recipient=recipient)
    people = world.configuration.participants
    world.configure(participants=replace(people, accounts={**people.accounts, "cbs": account}))
    return account


def pushing(world: World, recipient: str | None) -> None:
    line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIPIrLIMcSBgytvL//Z/KwoGqOHxUFmlA4NJ+irVAL+D"
    push = Push(host="sftp.cbs.example", user="g", key_file=Path("k"), host_key=line, age_recipient=recipient)
    world.configure(settings=world.configuration.settings.model_copy(update={"push": push}))


def test_the_ledger_holds_no_plain_byte_and_the_verdict_is_the_same(sealed: World) -> None:
    drop = sealed.drop(NAME, BODY)
    assert everywhere(sealed.folder, CANARY) == []
    assert drops.payload(sealed.engine, drop.id).startswith(b"age-encryption.org/v1\n")
    assert payloads.payload(sealed.ctx, drop.id) == BODY
    assert drop.file.sha256 == sha256(BODY).hexdigest()
    sealed.work()
    assert sealed.versions() == ["approved"]
    sealed.engine.copy(sealed.folder / "backup.db")
    assert everywhere(sealed.folder, CANARY) == []
    assert everywhere(sealed.folder, b"age-encryption.org/v1") >= ["backup.db"]


def test_a_repeat_is_known_by_the_checksum_of_the_plain_bytes(sealed: World) -> None:
    first = sealed.drop(NAME, BODY)
    again = sealed.drop(NAME, BODY)
    assert again.repeat_of == first.id
    assert payloads.payload(sealed.ctx, again.id) == b""
    assert sealed.drop(NAME, wmo_csv(31)).repeat_of is None


def test_what_is_only_tried_is_sealed_until_it_goes(sealed: World) -> None:
    drop = sealed.drop(NAME, BODY, lane=Lane.TRIAL)
    assert everywhere(sealed.folder, CANARY) == []
    sealed.work()
    with pytest.raises(Corrupt, match="no payload"):
        payloads.payload(sealed.ctx, drop.id)


def test_who_has_only_the_public_key_takes_in_and_reads_nothing(sealed: World) -> None:
    full = sealed.ctx.sealing
    use(sealed, Sealing(full.recipients))
    drop = sealed.drop(NAME, BODY)
    with pytest.raises(Corrupt, match="no identity"):
        payloads.payload(sealed.ctx, drop.id)
    assert not payloads.can_open(sealed.ctx, drop.id)
    use(sealed, full)
    sealed.work()
    assert sealed.versions() == ["approved"]


def test_a_payload_that_somebody_put_in_its_place_is_not_examined(sealed: World) -> None:
    drop = sealed.drop(NAME, BODY)
    other = seal(wmo_csv(5), sealed.ctx.sealing.recipients)
    drops.replace_payload(sealed.engine, drop.id, other, sealed.ctx.sealing.recipients[0])
    with pytest.raises(Corrupt, match="not what was received"):
        payloads.payload(sealed.ctx, drop.id)
    sealed.work()
    assert sealed.versions() == []
    assert drops.get(sealed.engine, drop.id).state == "held"


# --- changing keys ----------------------------------------------------------------------------------------------------


def test_keys_are_changed_without_losing_a_file(sealed: World) -> None:
    first, old = sealed.drop(NAME, BODY), sealed.folder / "own"
    new = key(sealed, "new")
    use(sealed, sealing((new,), [sealed.folder / "new", old]))
    second = sealed.drop("SBW_0363_2017H2.csv", cost_csv("SBW"))
    assert [payloads.payload(sealed.ctx, each.id) for each in (first, second)] == [BODY, cost_csv("SBW")]
    use(sealed, sealing((new,), [sealed.folder / "new"]))
    assert payloads.out_of_reach(sealed.ctx) == (1, 1)
    use(sealed, sealing((new,), [sealed.folder / "new", old]))
    steps: list[None] = []
    assert payloads.reseal(sealed.ctx, lambda: steps.append(None)) == 1
    assert len(steps) == 2
    use(sealed, sealing((new,), [sealed.folder / "new"]))
    assert payloads.out_of_reach(sealed.ctx) == (0, 0)
    assert payloads.payload(sealed.ctx, first.id) == BODY
    assert payloads.reseal(sealed.ctx, lambda: None) == 0


def test_of_two_recipients_either_opens(sealed: World) -> None:
    spare = key(sealed, "spare")
    use(sealed, sealing((*sealed.ctx.sealing.recipients, spare), [sealed.folder / "spare"]))
    drop = sealed.drop(NAME, BODY)
    assert payloads.payload(sealed.ctx, drop.id) == BODY
    use(sealed, sealing((), [sealed.folder / "own"]))
    assert payloads.payload(sealed.ctx, drop.id) == BODY


def test_what_came_before_sealing_is_sealed_by_reseal_and_leaves_no_trace(world: World) -> None:
    drop = world.drop(NAME, BODY)
    assert everywhere(world.folder, CANARY) != []
    assert payloads.unsealed(world.ctx) == 1
    use(world, sealing((key(world, "own"),), [world.folder / "own"]))
    assert payloads.payload(world.ctx, drop.id) == BODY
    assert payloads.reseal(world.ctx, lambda: None) == 1
    assert payloads.unsealed(world.ctx) == 0
    assert everywhere(world.folder, CANARY) == []


# --- the assessor -----------------------------------------------------------------------------------------------------


def work(world: World) -> None:
    world.judge_all()
    assess_all(world.ctx, world.tell)
    packages.make_all(world.ctx, world.tell)


def listed(world: World, account: Account | None, folder: str = "overdracht") -> dict[str, Any]:
    return assessor.shown(world.ctx, "2017H2", folder, account)


def test_an_assessor_with_a_recipient_gets_sealed_files_with_both_checksums(sealed: World) -> None:
    theirs = key(sealed, "cbs")
    account = cbs(sealed, recipient=theirs)
    sealed.drop(NAME, BODY)
    sealed.drop("MSD.zip", zipped({"SBW_0363_2017H2.csv": cost_csv("SBW"), "JEUGD_0363_2017H2.csv": cost_csv("JEUGD")}))
    work(sealed)
    assert packages.make_all(sealed.ctx, sealed.tell) == 0
    shown = listed(sealed, account)
    document = valid("manifest", shown["manifest.json"].read())
    assert {name for name in shown if name != "manifest.json"} == {
        each["sealed"][0]["name"] for each in document["files"]
    }
    assert len(document["files"]) == 3
    at_cbs = sealing((), [sealed.folder / "cbs"])
    for each in document["files"]:
        (how,) = each["sealed"]
        body = shown[how["name"]].read()
        assert body == shown[how["name"]].read()
        assert (len(body), sha256(body).hexdigest(), how["recipient"]) == (how["bytes"], how["sha256"], theirs)
        assert shown[how["name"]].size == how["bytes"]
        plain = at_cbs.open(body, "it")
        assert (len(plain), sha256(plain).hexdigest()) == (each["bytes"], each["sha256"])
    assert everywhere(sealed.folder, CANARY) == []


def test_who_has_only_the_public_key_hands_out_what_was_sealed_and_never_a_plain_file(sealed: World) -> None:
    account = cbs(sealed, recipient=key(sealed, "cbs"))
    sealed.drop(NAME, BODY)
    work(sealed)
    use(sealed, Sealing(sealed.ctx.sealing.recipients))
    shown = listed(sealed, account)
    (name,) = [name for name in shown if name.endswith(".age")]
    assert sealing((), [sealed.folder / "cbs"]).open(shown[name].read(), "it") == BODY
    assert [name for name in listed(sealed, None) if "manifest" not in name] == []


def test_what_is_not_sealed_yet_is_not_there_yet(sealed: World) -> None:
    account = cbs(sealed, recipient=key(sealed, "cbs"))
    sealed.drop(NAME, BODY)
    sealed.judge_all()
    shown = listed(sealed, account)
    assert set(shown) == {"manifest.json"}
    assert json.loads(shown["manifest.json"].read())["count"] == 0
    sealed.clock.moment = AFTER
    assess_all(sealed.ctx, sealed.tell)
    assert handover.finish(sealed.ctx, sealed.tell) == 0
    packages.make_all(sealed.ctx, sealed.tell)
    assert handover.finish(sealed.ctx, sealed.tell) == 1
    final = valid("manifest", listed(sealed, account)["manifest-definitief.json"].read())
    assert [each["sealed"][0]["name"] for each in final["files"]] == [
        name for name in listed(sealed, account) if name.endswith(".age")
    ]


def test_another_recipient_gets_files_of_its_own_and_the_old_ones_go(sealed: World) -> None:
    cbs(sealed, recipient=key(sealed, "cbs"))
    sealed.drop(NAME, BODY)
    work(sealed)
    account = cbs(sealed, recipient=key(sealed, "cbs2"))
    assert [name for name in listed(sealed, account) if name.endswith(".age")] == []
    assert packages.make_all(sealed.ctx, sealed.tell) == 1
    (name,) = [name for name in listed(sealed, account) if name.endswith(".age")]
    assert sealing((), [sealed.folder / "cbs2"]).open(listed(sealed, account)[name].read(), "it") == BODY
    assert len(sealed.engine.rows("select 1 from packages")) == 1


def test_packages_go_with_their_upload(sealed: World) -> None:
    account = cbs(sealed, recipient=key(sealed, "cbs"))
    drop = sealed.drop(NAME, BODY)
    work(sealed)
    (name,) = [name for name in listed(sealed, account) if name.endswith(".age")]
    assessor.collected(sealed.ctx, account, listed(sealed, account)[name])
    sealed.clock.moment = AFTER
    handover.finish(sealed.ctx, sealed.tell)
    sealed.clock.forward(days=60)
    assert "payload" in {each.erasure.what for each in retain.purge(sealed.ctx)}
    assert sealed.engine.rows("select 1 from packages") == []
    package = kept.Package("delivery", "x", "age1x", 1, "0")
    kept.add(sealed.engine, package, drop.id, b"x", 0)
    assert sealed.engine.rows("select 1 from packages") == []


def test_without_a_recipient_files_are_as_before(sealed: World) -> None:
    account = cbs(sealed)
    sealed.drop(NAME, BODY)
    work(sealed)
    shown = listed(sealed, account)
    (each,) = valid("manifest", shown["manifest.json"].read())["files"]
    assert "sealed" not in each
    assert shown[each["name"]].read() == BODY


def test_an_upload_to_be_judged_is_sealed_too(sealed: World) -> None:
    sealed.configure(settings=sealed.configuration.settings.model_copy(update={"technical": "external"}))
    account = cbs(sealed, recipient=key(sealed, "cbs"))
    drop = sealed.drop(NAME, BODY)
    work(sealed)
    shown = listed(sealed, account, "te-keuren")
    assert set(shown) == {f"{drop.short_id}.csv.age"}
    assert sealing((), [sealed.folder / "cbs"]).open(shown[f"{drop.short_id}.csv.age"].read(), "it") == BODY


def test_without_an_identity_a_report_with_any_possible_number_is_refused(sealed: World) -> None:
    sealed.configure(settings=sealed.configuration.settings.model_copy(update={"quality": "external"}))
    account = cbs(sealed, recipient=key(sealed, "cbs"))
    sealed.drop(NAME, BODY)
    work(sealed)
    (name,) = [name for name in listed(sealed, account, "te-beoordelen") if name.endswith(".age")]
    report = name.split(".")[0] + ".csv"
    other = b"aantal;999990019\r\n"
    use(sealed, Sealing(sealed.ctx.sealing.recipients))
    with pytest.raises(Refusal, match="ASSESSOR_BSN"):
        assessor.drop(sealed.ctx, account, "2017H2", "rapporten", report, other)
    assessor.drop(sealed.ctx, account, "2017H2", "rapporten", report, b"aantal;12\r\n")
    assert sealed.versions() == ["assessed"]


# --- pushed -----------------------------------------------------------------------------------------------------------


def test_what_is_pushed_is_sealed_when_a_recipient_is_set(sealed: World) -> None:
    pushing(sealed, key(sealed, "cbs"))
    server = Server()
    sealed.drop(NAME, BODY)
    sealed.judge_all()
    assert push_all(sealed.ctx, server, sealed.tell) == 0
    work(sealed)
    assert push_all(sealed.ctx, server, sealed.tell) == 2
    (document,) = server.manifests()
    (how,) = document["files"][0]["sealed"]
    assert set(server.files) == {how["name"], "manifest-0001.json"}
    assert sha256(server.files[how["name"]]).hexdigest() == how["sha256"]
    assert sealing((), [sealed.folder / "cbs"]).open(server.files[how["name"]], "it") == BODY


def test_a_recipient_that_is_set_while_a_file_waits_counts_for_that_file(sealed: World) -> None:
    pushing(sealed, None)
    server = Server()
    server.down = True
    sealed.drop(NAME, BODY)
    work(sealed)
    assert push_all(sealed.ctx, server, sealed.tell) == 0
    pushing(sealed, key(sealed, "cbs"))
    packages.make_all(sealed.ctx, sealed.tell)
    server.down = False
    sealed.clock.forward(hours=2)
    assert push_all(sealed.ctx, server, sealed.tell) == 2
    assert [name.rpartition(".")[2] for name in server.put] == ["age", "json"]


def test_the_shipped_configuration_seals_nothing(world: World) -> None:
    assert shipped().settings.sealing.recipients == ()
    drop = world.drop(NAME, BODY)
    assert drops.sealed_to(world.engine, drop.id) is None
