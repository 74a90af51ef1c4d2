"""A real daemon hands over: what is approved is pushed at once, the final list after the withdrawal window.

Does: serves a demo whose assessor has an SFTP server of its own, delivers, and looks at what lies there.
Touches: a temporary folder, ports of this machine.
Does not: try faults of that server (channel/test_push) or what a list holds (workflow/test_handover).
"""

import json
from pathlib import Path

import asyncssh

from tests.channel.test_push import Server
from tests.house import Gateway, copy_demo

# The last minute of the withdrawal window, and the first one after it.
LAST, AFTER = "2018-03-23T23:59", "2018-03-24T00:00:30"
FINAL = "manifest-definitief.json"


def pushing(root: Path, server: Server) -> dict[str, object]:
    """Settings by which the gateway pushes to a server."""
    return {
        "push": {
            "host": "127.0.0.1",
            "port": server.port,
            "user": "gateway",
            "key_file": str(root / "key"),
            "host_key": server.key.export_public_key().decode().strip(),
        }
    }


def files(server: Server) -> list[str]:
    """What lies there whole: files under a hidden name are still under way."""
    return [name for name in server.names() if not name.startswith(".")]


def test_a_daemon_pushes_what_counts_and_after_the_withdrawal_window_the_final_list(
    demo_template: Path, tmp_path: Path
) -> None:
    root = copy_demo(demo_template, tmp_path / "gateway")
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(str(root / "key"))
    (root / "key").chmod(0o600)
    (tmp_path / "server").mkdir()
    body = (root / "demo" / "files" / "WMO_0363_2017H2.csv").read_bytes()
    with Server(tmp_path / "server", key, frozenset(), "ssh-ed25519") as server:
        with Gateway(root, pushing(root, server)) as gateway:
            with gateway.paramiko("amsterdam") as client, client.open("/0363/inbox/WMO_0363_2017H2.csv", "w") as file:
                file.write(body)
            gateway.wait_event("handed_over", file="manifest-0001.json")
            [data, manifest] = files(server)
        assert (server.folder / data).read_bytes() == body
        [listed] = json.loads((server.folder / manifest).read_bytes())["files"]
        assert listed["name"] == data
        with Gateway(root, simulate=LAST) as gateway:
            gateway.wait_event("ready")
            gateway.stop()
            assert gateway.events("manifest_final") == []
        with Gateway(root, simulate=AFTER) as gateway:
            gateway.wait_event("manifest_final", round="2017H2")
            gateway.wait_event("handed_over", file=FINAL)
        assert files(server) == [data, manifest, FINAL]
        final = json.loads((server.folder / FINAL).read_bytes())
        assert [each["name"] for each in final["files"]] == [data]
