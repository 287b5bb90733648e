"""A node that lies to its clients: between them and a real node, with the node's own key.

    with Liar(cluster.node(0), cluster.sql_port(0)) as liar:
        liar.lies = {"rows"}            what it lies about from now on
        … connect to 127.0.0.1:liar.port as to the node …

It ends TLS with the certificate and key of the node, asks the real one, and changes what comes back:

    rows      text in the rows of SELECTs from tables of users
    final     the proof that a transaction is final
    results   the rows that a transaction returned
    receipt   receipts, with a reply about them that it signs with the node's key
    height    the certificate of the newest height
    slow      nothing comes back for slow_s seconds"""

import base64
import contextlib
import ctypes
import hashlib
import os
import socket
import ssl
import struct
import tempfile
import threading
import time

SSL_REQUEST = struct.pack(">II", 8, 80877103)
SODIUM = ctypes.CDLL("libsodium.so.23")


def sign(seed, message):
    """Ed25519, as nodes sign."""
    public = ctypes.create_string_buffer(32)
    secret = ctypes.create_string_buffer(64)
    signature = ctypes.create_string_buffer(64)
    SODIUM.crypto_sign_seed_keypair(public, secret, seed)
    SODIUM.crypto_sign_detached(signature, None, message, ctypes.c_ulonglong(len(message)), secret)
    return signature.raw


class Cbor:
    """As much of CBOR as a reply needs (docs/format/reply.md)."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def head(self):
        first = self.data[self.at]
        self.at += 1
        low = first & 31
        if low < 24:
            return first >> 5, low
        size = 1 << (low - 24)
        value = int.from_bytes(self.data[self.at:self.at + size], "big")
        self.at += size
        return first >> 5, value

    def item(self):
        kind, value = self.head()
        if kind == 0:
            return value
        if kind == 4:
            return [self.item() for _ in range(value)]
        self.at += value
        return self.data[self.at - value:self.at]


def encode(value):
    def head(kind, number):
        for low, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
            if number < 24:
                return bytes([kind << 5 | number])
            if number < 1 << 8 * size:
                return bytes([kind << 5 | low]) + number.to_bytes(size, "big")
        raise ValueError(number)

    if isinstance(value, int):
        return head(0, value)
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(encode, value))
    return head(2, len(value)) + value


def false_reply(reply, receipt, seed):
    """The reply about another receipt, signed."""
    fields = Cbor(reply).item()
    fields[7] = hashlib.sha256(b"\0" + receipt).digest()
    _, chain, epoch, node, txid, height, index, leaf, digest, _ = fields
    numbers = [struct.pack("<Q", number) for number in (epoch, node, height, index)]
    signed = hashlib.sha256(b"reply\0" + chain + numbers[0] + numbers[1] + txid + numbers[2] +
                            numbers[3] + leaf + digest).digest()
    fields[9] = sign(seed, signed)
    return encode(fields)


def flip(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]


class Liar:
    def __init__(self, directory, port):
        self.target = ("127.0.0.1", port)
        self.lies = set()
        self.slow_s = 0
        with open(directory + "/node.key", encoding="utf-8") as file:
            self.seed = bytes.fromhex(file.read().strip())
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory() as folder:
            der = bytes.fromhex("302e020100300506032b657004220420") + self.seed
            path = os.path.join(folder, "key.pem")
            with open(path, "w", encoding="ascii") as file:
                file.write("-----BEGIN PRIVATE KEY-----\n" + base64.b64encode(der).decode() +
                           "\n-----END PRIVATE KEY-----\n")
            self.server.load_cert_chain(directory + "/sql.crt", path)
        self.client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.client.check_hostname = False
        self.client.verify_mode = ssl.CERT_NONE
        self.listener = None
        self.port = None
        self.told = []  # Lies that went out, by name.

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()

    def accept(self):
        while True:
            try:
                link, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(link,), daemon=True).start()

    def serve(self, link):
        with contextlib.suppress(OSError, ssl.SSLError, EOFError), link:
            if link.recv(8, socket.MSG_WAITALL) != SSL_REQUEST:
                return
            link.sendall(b"S")
            far = socket.create_connection(self.target)
            for end in (link, far):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            near = self.server.wrap_socket(link, server_side=True)
            far.sendall(SSL_REQUEST)
            far.recv(1)
            far = self.client.wrap_socket(far)
            talk = Talk(self, near, far)
            threading.Thread(target=talk.ask, daemon=True).start()
            talk.answer()


class Talk:
    """One client. TLS of Python is not for two threads at once in one direction; each has its own."""

    def __init__(self, liar, near, far):
        self.liar = liar
        self.near = near
        self.far = far
        self.question = b""

    def ask(self):
        with contextlib.suppress(OSError, ssl.SSLError):
            while data := self.near.recv(1 << 16):
                for word in (b"SELECT", b"select", b"SET ", b"INSERT"):
                    if word in data:
                        self.question = data
                self.far.sendall(data)
        with contextlib.suppress(OSError):
            self.far.shutdown(socket.SHUT_RDWR)

    def answer(self):
        waiting = b""
        while data := self.far.recv(1 << 16):
            if "slow" in self.liar.lies:
                time.sleep(self.liar.slow_s)
            waiting += data
            out = []
            while len(waiting) >= 5:
                size = 1 + struct.unpack(">I", waiting[1:5])[0]
                if len(waiting) < size:
                    break
                out.append(self.change(waiting[:size]))
                waiting = waiting[size:]
            self.near.sendall(b"".join(out))

    def change(self, message):
        if message[:1] != b"D":
            return message
        count = struct.unpack(">H", message[5:7])[0]
        values = []
        at = 7
        for _ in range(count):
            size = struct.unpack(">i", message[at:at + 4])[0]
            at += 4
            values.append(None if size < 0 else message[at:at + size])
            at += max(size, 0)
        body = struct.pack(">H", count)
        for value in self.lie(values):
            body += struct.pack(">i", -1) if value is None else struct.pack(">I", len(value)) + value
        return b"D" + struct.pack(">I", len(body) + 4) + body

    def tell(self, name):
        self.liar.told.append(name)

    def lie(self, values):
        lies = self.liar.lies
        if b"trustsql.submit" in self.question and len(values) == 7:
            if "final" in lies and values[3] and values[4]:
                # In the receipt that it proves: a proof of a later epoch holds much that the proxy knows already.
                values[4] = flip(values[4], values[4].find(values[3]) + len(values[3]) // 2)
                self.tell("final")
            if "results" in lies and values[5]:
                values[5] = values[5].replace(b"true", b"lies")
                self.tell("results")
            if "receipt" in lies and values[3] and values[6]:
                values[3] = flip(values[3], 10)
                values[6] = false_reply(values[6], values[3], self.liar.seed)
                self.tell("receipt")
        elif b"trustsql.receipts" in self.question:
            if "receipt" in lies and values[0] and values[-1]:
                values[0] = flip(values[0], 10)
                values[-1] = false_reply(values[-1], values[0], self.liar.seed)
                self.tell("receipt")
        elif b"trustsql.certified" in self.question:
            if "height" in lies:
                values[2] = flip(values[2], len(values[2]) - 5)
                self.tell("height")
        elif b"trustsql." not in self.question and "rows" in lies:
            values = [value and value.replace(b"true", b"lies") for value in values]
            self.tell("rows")
        return values
