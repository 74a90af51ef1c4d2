"""A client to be killed: opens uploads on connections of their own, writes a part of each, and waits for its end.

Does: prints `ready` when every upload has had its first replies, then sends more without end to the first half of them.
Touches: the loopback interface.
Does not: close anything.

Arguments: port, login, key, prefix of the names, how many.
"""

import asyncio
import sys
from contextlib import AsyncExitStack
from pathlib import Path

from tests.edge import raw

PIECE = b"0123456789abcdef" * 64


async def main(port: int, login: str, key: Path, prefix: str, number: int) -> None:
    """Open, write, say so, go on."""
    async with AsyncExitStack() as stack:
        opened = []
        for index in range(number):
            made = await stack.enter_async_context(raw.connection(port, login, key))
            client = await raw.session(made)
            handle = await client.open(f"/0363/inbox/{prefix}{index}.csv")
            client.write(handle, 0, PIECE)
            await client.reply()
            opened.append((client, handle))
        print("ready", flush=True)
        at = len(PIECE)
        while True:
            for client, handle in opened[: number // 2]:
                client.write(handle, at % 1_000_000, PIECE)
                await client.reply()
            at += len(PIECE)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), sys.argv[4], int(sys.argv[5])))
