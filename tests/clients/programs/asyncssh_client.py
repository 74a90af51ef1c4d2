"""asyncssh, as a program of its own: see README.txt."""

import asyncio
import sys

import asyncssh


async def main() -> int:
    """Answer each line of standard input."""
    host, port, user, key = sys.argv[1:]
    options = {"username": user, "client_keys": [key], "known_hosts": None, "config": None, "agent_path": None}
    failed = 0
    async with asyncssh.connect(host, int(port), **options) as connection, connection.start_sftp_client() as client:
        for line in sys.stdin:
            what, *words = line.rstrip("\n").split("\t")
            try:
                print("ok", await do(client, what, words))
            except (OSError, asyncssh.Error) as error:
                failed = 1
                print("error", error)
    return failed


async def do(client: asyncssh.SFTPClient, what: str, words: list[str]) -> str:
    """One request."""
    match what:
        case "list":
            return " ".join(str(name) for name in await client.listdir(words[0]))
        case "put":
            await client.put(words[0], words[1])
        case "get":
            await client.get(words[0], words[1])
        case "rename":
            await client.rename(words[0], words[1])
        case "remove":
            await client.remove(words[0])
        case "touch":
            await client.utime(words[0], (1518426000, 1518426000))
            await client.chmod(words[0], 0o640)
        case "stat":
            await client.stat(words[0])
    return ""


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
