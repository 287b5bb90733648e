"""A relay for TCP that delays: what comes in goes on after a while, in order, both ways.

    with Relay(("127.0.0.1", 5440), delay_s=0.05) as relay:
        … connect to relay.address …

Needs no help of the kernel, unlike netem. delay_s may be changed while it runs."""

import asyncio
import collections
import contextlib
import threading

CHUNK = 1 << 16
WAITING_MAX = 256  # Chunks on their way; then the sender has to wait, as on a real line.


class Relay:
    def __init__(self, target, delay_s, host="127.0.0.1"):
        self.target = target
        self.delay_s = delay_s
        self.host = host
        self.address = None
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.server = None
        self.writers = set()
        self.relayed = collections.Counter()

    def __enter__(self):
        self.thread.start()
        asyncio.run_coroutine_threadsafe(self.open(), self.loop).result(10)
        return self

    def __exit__(self, *_):
        asyncio.run_coroutine_threadsafe(self.close(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()

    async def open(self):
        self.server = await asyncio.start_server(self.serve, self.host, 0)
        self.address = self.server.sockets[0].getsockname()[:2]

    async def close(self):
        self.server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def serve(self, reader, writer):
        try:
            peer_reader, peer_writer = await asyncio.open_connection(*self.target)
        except OSError:
            writer.close()
            return
        try:
            await asyncio.gather(self.carry("there", reader, peer_writer),
                                 self.carry("back", peer_reader, writer))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            for each in (writer, peer_writer):
                each.close()

    async def carry(self, way, reader, writer):
        """Two tasks: chunks are stamped as they come and handed on when their time has come."""
        queue = asyncio.Queue(WAITING_MAX)
        taker = asyncio.ensure_future(self.take(reader, queue))
        try:
            while True:
                due, chunk = await queue.get()
                await asyncio.sleep(max(0, due - self.loop.time()))
                if not chunk:
                    break
                writer.write(chunk)
                await writer.drain()
                self.relayed[way] += len(chunk)
            with contextlib.suppress(OSError):
                writer.write_eof()
        finally:
            taker.cancel()

    async def take(self, reader, queue):
        chunk = b"-"
        while chunk:
            try:
                chunk = await reader.read(CHUNK)
            except OSError:
                chunk = b""
            await queue.put((self.loop.time() + self.delay_s, chunk))
