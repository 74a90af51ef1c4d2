"""Penalties and rates as arithmetic: what adds up, what runs off, who is whose neighbour, and how much is remembered.

Does: asks the pure functions of penalties and the token buckets of rates, with clocks that are numbers.
Touches: nothing.
Does not: connect (tests/attacks).
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.sections import Penalties
from gateway.edge.sftp.penalties import Offence, Register, Standing, after, at, is_allowed, network_of
from gateway.edge.sftp.rates import LINES_AT_ONCE, Rates, Voice

SETTINGS = Penalties()
moments = st.floats(0, 1e6)
offences = st.lists(st.tuples(st.sampled_from(Offence), st.floats(0, 5000)), max_size=40)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7/32"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1%eth0", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7/32"),
        ("no address", "no address"),
    ],
)
def test_whose_neighbour_an_address_is(address: str, network: str) -> None:
    assert network_of(address, SETTINGS) == network


@pytest.mark.parametrize(
    ("address", "allowed"),
    [("192.0.2.9", True), ("::ffff:192.0.2.9", True), ("2001:db8::1", True), ("198.51.100.1", False), ("x", False)],
)
def test_who_is_never_kept_out(address: str, allowed: bool) -> None:
    assert is_allowed(address, ("192.0.2.0/24", "2001:db8::/32")) == allowed


def test_failed_logins_add_up_until_the_network_is_kept_out_and_then_cost_twice_as_much() -> None:
    register, now = Register(), 100.0
    for _ in range(2):
        assert not register.offend("n", Offence.FAILED_LOGIN, now, SETTINGS).shut
    assert register.offend("n", Offence.FAILED_LOGIN, now, SETTINGS) == Standing(115.0, True, 1)
    assert register.shut_for("n", 114.0, SETTINGS) == 1.0
    assert register.shut_for("n", 115.0, SETTINGS) == 0.0
    # The second time two are enough, the third time one.
    register.offend("n", Offence.FAILED_LOGIN, 116.0, SETTINGS)
    assert register.offend("n", Offence.FAILED_LOGIN, 116.0, SETTINGS) == Standing(136.0, True, 2)
    assert register.offend("n", Offence.FAILED_LOGIN, 137.0, SETTINGS) == Standing(157.0, True, 3)
    assert register.shut(140.0, SETTINGS) == {"n": 17.0}


def test_quiet_forgives_one_ban_at_a_time() -> None:
    standing = Standing(100.0, True, 3)
    assert at(standing, 100.0 + 2 * SETTINGS.forgive_seconds, SETTINGS) == Standing(7300.0, False, 1)
    assert at(standing, 1e6, SETTINGS).bans == 0


@given(offences)
def test_nobody_is_kept_out_for_longer_than_the_longest(steps: list[tuple[Offence, float]]) -> None:
    register, now = Register(), 0.0
    for offence, pause in steps:
        now += pause
        standing = register.offend("n", offence, now, SETTINGS)
        assert now <= standing.until <= now + SETTINGS.longest_seconds
        assert register.shut_for("n", now, SETTINGS) <= SETTINGS.longest_seconds
        assert register.shut_for("n", standing.until, SETTINGS) == 0.0


@given(moments, st.integers(1, 86_400), st.integers(0, 9))
def test_an_offence_never_helps(now: float, seconds: int, bans: int) -> None:
    before = Standing(now + 5, False, bans)
    assert after(before, seconds, now, SETTINGS).until >= min(before.until, now + SETTINGS.longest_seconds)
    assert after(before, 0, now, SETTINGS) == before


def test_only_so_many_networks_are_remembered() -> None:
    few = Penalties(networks=3)
    register = Register()
    for number in range(1000):
        register.offend(str(number), Offence.BROKEN, float(number), few)
    assert len(register) == 3


# --- rates ------------------------------------------------------------------------------------------------------------


@given(st.lists(st.floats(0, 3), max_size=200))
def test_no_more_turns_than_burst_and_rate_allow(pauses: list[float]) -> None:
    rates, now, taken = Rates(2.0, 5.0), 0.0, 0
    for pause in pauses:
        now += pause
        taken += rates.spare("a", now)
        assert taken <= 5 + 2 * now + 1e-6


def test_turns_stand_in_a_line() -> None:
    rates = Rates(10.0, 2.0, most=2)
    assert [round(rates.owed("a", 0.0), 3) for _ in range(4)] == [0.0, 0.0, 0.1, 0.2]
    assert rates.owed("b", 0.0) == 0.0
    rates.owed("c", 0.0)
    assert rates.owed("a", 0.0) == 0.0, "forgotten, as the one that was not used for longest"


def test_a_flood_is_a_few_lines_and_a_number() -> None:
    lines: list[tuple[str, dict[str, object]]] = []
    clock = [0.0]
    voice = Voice(lambda event, **facts: lines.append((event, facts)), lambda: clock[0])
    for _ in range(1000):
        voice.say("e", "side", code=1)
    voice.say("e", "other", code=2)
    assert len(lines) == LINES_AT_ONCE + 1
    clock[0] = 5.0
    voice.say("e", "side", code=1)
    assert lines[-1] == ("e", {"code": 1, "unsaid": 1000 - LINES_AT_ONCE})
    for _ in range(3):
        voice.say("e", "side", code=1)
    voice.rest()
    assert lines[-1] == ("unsaid", {"of": "e", "number": 3})
    voice.rest()
    assert lines[-1] == ("unsaid", {"of": "e", "number": 3})
