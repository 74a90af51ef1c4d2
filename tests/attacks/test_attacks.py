"""Every attack meets what it must, and nobody else notices.

Does: one gateway for all; each attack is a test, in a small size by default and in full with `-m slow`.
Touches: loopback, a temporary folder.
Does not: write the table; that is `python -m tests.attacks.table`.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.attacks.catalogue import ATTACKS
from tests.attacks.ground import Attack, Ground, complaints, ground_on, measure
from tests.house import copy_demo

pytestmark = [pytest.mark.xdist_group("attacks"), pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def ground(demo_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """A gateway to attack."""
    with ground_on(copy_demo(demo_template, tmp_path_factory.mktemp("attacks") / "gateway")) as made:
        yield made


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
async def test_a_small_attack_meets_what_it_must(attack: Attack, ground: Ground) -> None:
    assert complaints(await measure(ground, attack, full=False)) == []


@pytest.mark.slow
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
async def test_an_attack_in_full_meets_what_it_must(attack: Attack, ground: Ground) -> None:
    assert complaints(await measure(ground, attack, full=True)) == []
