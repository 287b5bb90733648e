"""Connections to a node's peer port from programs that are no peers, until killed (used by test_cluster_network).

    strangers.py HOST PORT KIND COUNT

garbage   sends random bytes
idle      connects and says nothing
hello     opens TLS with a certificate that nobody knows; half of them stop in the middle of it

Whoever is hung up on comes again after five seconds (garbage: after a tenth)."""

import asyncio
import contextlib
import os
import ssl
import sys

from cryptography.hazmat.primitives.asymmetric import ed25519

sys.path.append(os.path.dirname(os.path.abspath(__file__)) + "/../support")

from member import client_context  # noqa: E402

PAUSE_S = 5.0
GARBAGE_PAUSE_S = 0.1


def first_flight(context):
    """The bytes of a ClientHello."""
    outgoing = ssl.MemoryBIO()
    session = context.wrap_bio(ssl.MemoryBIO(), outgoing)
    with contextlib.suppress(ssl.SSLWantReadError):
        session.do_handshake()
    return outgoing.read()


async def garbage(address, _number, _context):
    reader, writer = await asyncio.open_connection(*address)
    try:
        while not reader.at_eof():
            writer.write(os.urandom(4096))
            await writer.drain()
            await asyncio.sleep(0.01)
    finally:
        writer.close()


async def idle(address, _number, _context):
    reader, writer = await asyncio.open_connection(*address)
    try:
        await reader.read()
    finally:
        writer.close()


async def hello(address, number, context):
    secure = number % 2 == 0
    reader, writer = await asyncio.open_connection(*address, ssl=context if secure else None)
    try:
        if not secure:
            writer.write(first_flight(context))
        await reader.read()
    finally:
        writer.close()


async def again_and_again(kind, address, number, context):
    await asyncio.sleep(number / 1000)  # Not all in one instant: queues of the kernel are short.
    while True:
        with contextlib.suppress(OSError, ssl.SSLError, asyncio.IncompleteReadError):
            await kind(address, number, context)
        await asyncio.sleep(GARBAGE_PAUSE_S if kind is garbage else PAUSE_S)


async def main():
    host, port, name, count = sys.argv[1:]
    kind = {"garbage": garbage, "idle": idle, "hello": hello}[name]
    context = client_context(ed25519.Ed25519PrivateKey.generate()) if kind is hello else None
    tasks = [again_and_again(kind, (host, int(port)), number, context) for number in range(int(count))]
    print("ready", flush=True)
    await asyncio.gather(*tasks)


if __name__ == "__main__":
    asyncio.run(main())
