"""The daemon's log: one form for every line, one id through the story, nothing in it that does harm."""

import ast
import json
import os
import pty
import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.logs import STORY, harmless
from tests.house import Gateway
from tests.layers.house import ROOT, modules

NAMES = {"event", "time", "level", "action", "object", "result", "actor", "origin"}
PROGRAM = """
import sys
from datetime import UTC, datetime
from gateway import logs
tell = logs.set_up(lambda: datetime(2018, 2, 12, tzinfo=UTC), sandbox=False)
{body}
"""
EVIL = 'x\n{"event": "login"}\r\x1b[2J\u202e\x85 999990019'


def said(body: str) -> list[dict[str, object]]:
    """The lines that a program tells, each of which is JSON."""
    command = [sys.executable, "-c", PROGRAM.format(body=body)]
    told = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    return [json.loads(line) for line in told.stderr.splitlines()]


def test_one_drop_is_followed_by_one_id_through_every_line(gateway: Gateway) -> None:
    file = gateway.root / "demo" / "files" / "WMO_0363_2017H2.csv"
    assert gateway.sftp("amsterdam", f"put {file} /0363/inbox/WMO_0363_2017H2.csv\n").returncode == 0
    gateway.wait_report("0363", "^OO_")
    gateway.wait_event("mailed", occasion="quality")
    drop = gateway.drops()[0]
    story = gateway.events(drop=drop.id)
    events = [each["event"] for each in story]
    marks = ["received", "decided", "assessed"]
    assert [each for each in events if each in marks] == marks
    assert {"received", "placed", "decided", "assessed", "mailed"} <= set(events)
    assert events.count("placed") == 3
    assert {each["occasion"] for each in story if each["event"] == "mailed"} >= {"technical", "quality"}
    received = story[0]
    assert (received["actor"], received["origin"], received["object"]) == ("amsterdam", "sftp", "drop")
    assert (received["action"], received["result"], received["id"]) == ("receive", "ok", drop.short_id)
    # No line of this drop goes without its id: its short id stands nowhere else.
    assert [each for each in gateway.events() if drop.short_id in str(each) and each.get("drop") != drop.id] == []


def test_every_line_has_the_names_that_every_line_has(gateway: Gateway) -> None:
    file = gateway.root / "demo" / "files" / "WMO_0363_2017H2.csv"
    gateway.sftp("amsterdam", f"put {file} /0363/inbox/999990019.csv\n")
    gateway.wait_event("refused")
    gateway.stop()
    lines = gateway.text().splitlines()
    assert len(lines) > 4
    for line in lines:
        assert json.loads(line).keys() >= NAMES, line
    refused = gateway.events("refused")[0]
    assert (refused["action"], refused["result"], refused["actor"]) == ("deliver", "refused", "amsterdam")
    assert refused["origin"] == "127.0.0.1"
    assert "999990019" not in gateway.text()


@pytest.mark.parametrize(
    "body",
    [
        f'tell("x", name={EVIL!r})',
        f'tell("x", **{{{EVIL!r}: 1}})',
        f'tell("x", problems=[{EVIL!r}], kept={{{EVIL!r}: {EVIL!r}}})',
        f"tell({EVIL!r})",
        f'tell("x", reason=ValueError({EVIL!r}))',
        f'import logging; logging.getLogger("paramiko").error({EVIL!r})',
        'tell("x", number=999990019)',
        'tell("x", path=b"999990019")',
    ],
)
def test_no_value_forges_a_line_or_shows_a_number(body: str) -> None:
    lines = said(body)
    assert len(lines) == 1
    assert lines[0].keys() >= NAMES
    text = json.dumps(lines[0], ensure_ascii=False)
    assert "999990019" not in text
    assert not re.search("[\x00-\x1f\x7f-\x9f\u202e]", text)


@pytest.mark.parametrize(
    "body",
    [
        'raise ValueError("999990019")',
        'import threading; t = threading.Thread(target=lambda: int("999990019x")); t.start(); t.join()',
        'import logging\ntry: int("999990019x")\nexcept ValueError: logging.getLogger("asyncio").exception("so\\nso")',
    ],
)
def test_an_error_that_nobody_caught_is_a_line_too_without_its_words(body: str) -> None:
    lines = said(body)
    assert len(lines) == 1
    assert lines[0]["event"] in ("uncaught", "library")
    assert (lines[0]["level"], lines[0]["result"]) == ("error", "failed")
    assert "ValueError at" in str(lines[0]["where"])
    assert "999990019" not in json.dumps(lines)


def test_on_a_terminal_it_is_for_people_and_no_escape_gets_through() -> None:
    ours, theirs = pty.openpty()
    program = PROGRAM.format(body=f'tell("received", name={EVIL!r}, drop="one")')
    subprocess.run([sys.executable, "-c", program], stderr=theirs, check=True, timeout=30)
    os.close(theirs)
    shown = read_all(ours).decode()
    assert "received" in shown
    assert not shown.startswith("{")
    assert "\x1b[2J" not in shown
    assert "\u202e" not in shown
    assert "999990019" not in shown
    assert len(shown.splitlines()) == 1


def read_all(descriptor: int) -> bytes:
    found = b""
    while True:
        try:
            piece = os.read(descriptor, 4096)
        except OSError:  # what a pseudo-terminal says at its end
            piece = b""
        if not piece:
            os.close(descriptor)
            return found
        found += piece


VALUES = st.recursive(
    st.text() | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


@given(VALUES)
def test_whatever_it_is_it_can_be_written_and_is_harmless(value: object) -> None:
    line = json.dumps(harmless(value))
    assert "\n" not in line
    assert json.loads(line) == harmless(harmless(value))


def test_an_id_of_ours_is_left_alone() -> None:
    # Nine digits on end that pass the eleven-test: in a UUID they are nobody's number.
    made = "01234567-89ab-7cde-8f01-a999990019bc"
    assert harmless(made, "drop") == made
    assert harmless(made, "name") != made


# Who takes an event and passes it on as `event`. (A `handler` is asked what it told of, in edge/sftp/wire.)
PASSED_ON = {"tell": 0, "_tell": 0, "say": 0, "_say": 0, "told": 0, "_told": 0, "_tell_desk": 2}
# Rooms whose `tell` is not the log's: there it says sentences to users.
OTHER_ROOMS = {"cli", "client", "reports", "config", "domain"}


def names_in(given: ast.expr, constants: dict[str, str]) -> list[str]:
    """The events that an argument may be; itself, in angle brackets, when that cannot be seen."""
    match given:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.IfExp(body=one, orelse=other):
            return names_in(one, constants) + names_in(other, constants)
        case ast.Name(id="event" | "handler"):
            return []
        case ast.Name(id=name) if name in constants:
            return [constants[name]]
    return [f"<{ast.unparse(given)}>"]


def told() -> dict[str, str]:
    """Every event that any module tells, and where."""
    found: dict[str, str] = {}
    for path in modules():
        if path.relative_to(ROOT / "gateway").parts[0] in OTHER_ROOMS:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        constants = {
            target.id: each.value.value
            for each in tree.body
            if isinstance(each, ast.Assign) and isinstance(each.value, ast.Constant)
            for target in each.targets
            if isinstance(target, ast.Name) and isinstance(each.value.value, str)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
                callee = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
                place = PASSED_ON.get(callee)
                of_texts = isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value).endswith("texts")
                if place is not None and place < len(node.args) and not of_texts:
                    found |= dict.fromkeys(names_in(node.args[place], constants), f"{path}:{node.lineno}")
    return found


def test_every_event_that_is_told_has_its_place_in_the_story_and_no_other() -> None:
    events = told()
    assert {event: where for event, where in events.items() if event not in STORY} == {}
    assert [event for event in STORY if event not in events] == []
