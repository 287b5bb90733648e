"""A member of a chain that says what it is told: the protocol between nodes (docs/format/p2p.md), with a real key.

    with Member(directory of the node, chain id, index) as member:
        member.dial(host, port)        TLS, HELLO, and ADOPT by the one with the lower key
        member.send(CONSENSUS, b"…")
        member.receive(seconds)        the messages that came, [(channel, bytes)]

It answers PING whenever it receives. Its own words need not make sense: that is what it is for. Also
certificate(), for strangers who make a key of their own."""

import contextlib
import datetime
import os
import socket
import ssl
import struct
import tempfile
import time

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

CONSENSUS, TRANSACTIONS, BULK = range(3)
FIRST, LAST = 1, 2
HELLO, ADOPT, PING, PONG, BYE = range(16, 21)
PAYLOAD_MAX = 16380


class SaidBye(Exception):
    """The other side ended the connection and said why."""

    def __init__(self, reason):
        super().__init__(f"BYE {reason}")
        self.reason = reason


def certificate(key, name="trustsql"):
    """PEM of key and a certificate that it signs itself."""
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.utcnow()
    signed = (x509.CertificateBuilder().subject_name(subject).issuer_name(subject)
              .public_key(key.public_key()).serial_number(x509.random_serial_number())
              .not_valid_before(now - datetime.timedelta(days=1))
              .not_valid_after(now + datetime.timedelta(days=1)).sign(key, None))
    return signed.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def raw_key(public):
    return public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def client_context(key):
    """TLS 1.3 with this key, which believes every server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with tempfile.NamedTemporaryFile() as file:
        file.write(certificate(key))
        file.flush()
        context.load_cert_chain(file.name)
    return context


def frame(kind, payload, flags=0):
    return struct.pack("<BBH", kind, flags, len(payload)) + payload


def message_frames(channel, message):
    if len(message) <= PAYLOAD_MAX:
        return frame(channel, message, FIRST | LAST)
    whole = struct.pack("<I", len(message)) + message
    pieces = [whole[i:i + PAYLOAD_MAX] for i in range(0, len(whole), PAYLOAD_MAX)]
    flags = [FIRST] + [0] * (len(pieces) - 2) + [LAST]
    return b"".join(frame(channel, piece, flag) for piece, flag in zip(pieces, flags))


class Member:
    def __init__(self, directory, chain_id, index):
        with open(directory + "/node.key", encoding="ascii") as file:
            seed = bytes.fromhex(file.read().strip())
        secret = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
        self.context = client_context(secret)
        self.key = raw_key(secret.public_key())
        self.chain_id = chain_id
        self.index = index
        self.incarnation = int.from_bytes(os.urandom(8), "little")
        self.link = None
        self.buffer = b""
        self.pieces = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.link is not None:
            self.link.close()
        self.link, self.buffer, self.pieces = None, b"", {}

    def dial(self, host, port, adopted=True):
        """Until the connection is adopted: by the node, or by us when our key is the lower one."""
        self.close()
        raw = socket.create_connection((host, port), timeout=10)
        self.link = self.context.wrap_socket(raw)
        theirs = raw_key(x509.load_der_x509_certificate(self.link.getpeercert(True)).public_key())
        self.link.sendall(frame(HELLO, b"TSP2" + struct.pack("<I", 2) + self.chain_id + self.key + struct.pack(
            "<QQ", self.incarnation, 0)))
        wanted = HELLO if self.key < theirs else ADOPT
        kinds = []
        while adopted and wanted not in kinds:
            kinds.append(self.next_frame(10)[0])
        if adopted and wanted == HELLO:
            self.link.sendall(frame(ADOPT, os.urandom(8)))
            self.fill(10)  # What it says first tells whether it lets us in.
            if self.buffer[0] == BYE:
                self.next_frame(0)

    def send(self, channel, message):
        self.link.sendall(message_frames(channel, message))

    def fill(self, seconds):
        """Until a whole frame is here; raises TimeoutError, or ConnectionError at the end."""
        deadline = time.monotonic() + seconds
        while len(self.buffer) < 4 or len(self.buffer) < 4 + struct.unpack_from("<H", self.buffer, 2)[0]:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self.link.settimeout(left)
            chunk = self.link.recv(1 << 16)
            if not chunk:
                raise ConnectionError("the node has hung up")
            self.buffer += chunk

    def next_frame(self, seconds):
        """(type, flags, payload); raises TimeoutError, SaidBye, or ConnectionError at the end."""
        self.fill(seconds)
        kind, flags, size = struct.unpack_from("<BBH", self.buffer)
        payload, self.buffer = self.buffer[4:4 + size], self.buffer[4 + size:]
        if kind == BYE:
            raise SaidBye(payload[0])
        if kind == PING:
            self.link.sendall(frame(PONG, payload + struct.pack("<Q", int(time.time() * 1000))))
        return kind, flags, payload

    def receive(self, seconds):
        """All messages that come in this time."""
        deadline, found = time.monotonic() + seconds, []
        with contextlib.suppress(TimeoutError):
            while True:
                kind, flags, payload = self.next_frame(deadline - time.monotonic())
                if kind > BULK:
                    continue
                if flags & FIRST:
                    self.pieces[kind] = b""
                    payload = payload if flags & LAST else payload[4:]  # Behind the size of the whole.
                self.pieces[kind] += payload
                if flags & LAST:
                    found.append((kind, self.pieces.pop(kind)))
        return found
