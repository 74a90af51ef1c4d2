"""Opening with O_EXCL: refused where the name stands, an upload where it does not.

phpseclib sets a file's time by opening it exclusively first; without this its `touch` would drop an empty file.
"""

import pytest

from tests.house import Gateway
from tests.samples import wmo_csv

NAME = "/0363/inbox/WMO_0363_2017H2.csv"


def test_exclusive_open_of_a_received_name_is_refused_and_drops_nothing(gateway: Gateway) -> None:
    with gateway.paramiko("amsterdam") as client:
        with client.open(NAME, "wx") as new:
            new.write(wmo_csv(10))
        with pytest.raises(OSError, match="EXISTS"):
            client.open(NAME, "wx")
    assert len(gateway.drops()) == 1
    assert not gateway.reports("0363", "OB_.*_GEWEIGERD")
