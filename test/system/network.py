"""A network of namespaces for the system tests: a machine per node, and lines that fail as they are told.

    if __name__ == "__main__": network.main()     instead of harness.main()
    with Network(4) as network:
        network.command(i, […])         the prefix that runs a command on machine i
        network.cut(0, 2)               nothing from 0 to 2 any more; heal() undoes it

The test program becomes the switch: it leaves the network of the machine it runs on and holds a bridge
(10.83.0.254) to which machine i (10.83.0.(i+1)) is wired. What it makes goes with its processes. Needs
root, or a kernel that lets users have namespaces; without, every test is reported as skipped.

Lines fail on the receiver's side, by nftables in the namespace of the machine that should not hear."""

import os
import subprocess
import sys

import harness

MARK = "TRUSTSQL_TEST_NETWORK"
PREFIX = "10.83.0."
SWITCH = PREFIX + "254"
TABLE = "inet faults"


def sh(*words, check=True):
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(words)}: {done.stdout}")
    return done.stdout


def why_not():
    """The reason why there can be no namespaces here; None when there can."""
    words = enter_words() + ["sh", "-c", "mount -t tmpfs none /run && ip netns add probe && "
                             "ip netns exec probe nft add table " + TABLE]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    return None if done.returncode == 0 else done.stdout.strip() or f"exit code {done.returncode}"


def enter_words():
    words = ["unshare", "--net", "--mount"]
    return words if os.getuid() == 0 else words + ["--map-root-user"]


def enter():
    """Start this program again inside a namespace. Returns inside, or with the reason why not."""
    if os.environ.get(MARK):
        sh("mount", "-t", "tmpfs", "none", "/run")
        sh("ip", "link", "set", "lo", "up")
        return None
    reason = why_not()
    if reason is not None:
        return reason
    os.environ[MARK] = "1"
    words = enter_words()
    sys.stdout.flush()
    os.execvp(words[0], [*words, sys.executable, *sys.argv])
    raise AssertionError("not reached")


def main():
    reason = enter()
    if reason is not None:
        harness.skip_all("no network namespaces: " + reason.splitlines()[-1])
    harness.main()


class Network:
    def __init__(self, machines):
        self.machines = range(machines)

    def __enter__(self):
        sh("ip", "link", "add", "switch", "type", "bridge")
        sh("ip", "addr", "add", SWITCH + "/24", "dev", "switch")
        sh("ip", "link", "set", "switch", "up")
        for index in self.machines:
            name = self.name(index)
            sh("ip", "netns", "add", name)
            sh("ip", "link", "add", "p" + name, "type", "veth", "peer", "name", "eth0", "netns", name)
            sh("ip", "link", "set", "p" + name, "master", "switch", "up")
            self.run(index, "ip", "addr", "add", self.address(index) + "/24", "dev", "eth0")
            self.run(index, "ip", "link", "set", "eth0", "up")
            self.run(index, "ip", "link", "set", "lo", "up")
            self.nft(index, f"add table {TABLE}")
            self.nft(index, f"add chain {TABLE} in {{ type filter hook input priority 0; }}")
        return self

    def __exit__(self, *_):
        for index in self.machines:  # A namespace goes at its leisure: its lines first, by name.
            sh("ip", "link", "del", "p" + self.name(index), check=False)
            sh("ip", "netns", "del", self.name(index), check=False)
        sh("ip", "link", "del", "switch", check=False)

    @staticmethod
    def name(index):
        return f"m{index}"

    @staticmethod
    def address(index):
        return PREFIX + str(index + 1)

    def command(self, index, words):
        return ["ip", "netns", "exec", self.name(index), *words]

    def run(self, index, *words):
        return sh(*self.command(index, words))

    def nft(self, index, rule):
        return self.run(index, "nft", rule)

    # --- faults ---

    def cut(self, source, target):
        """Machine target hears nothing from machine source any more. The other way stays."""
        self.nft(target, f"add rule {TABLE} in ip saddr {self.address(source)} drop")

    def part(self, *groups):
        """Machines of different groups hear nothing from each other."""
        for group in groups:
            for other in groups:
                if group is not other:
                    for source in group:
                        for target in other:
                            self.cut(source, target)

    def lose(self, percent):
        """Every machine loses this share of the packets that other machines send to it."""
        for index in self.machines:
            self.nft(index, f"add rule {TABLE} in ip saddr != {SWITCH} iif != lo "
                            f"numgen random mod 1000 < {percent * 10} drop")

    def limit(self, rate, machines=None):
        """Machines send at most at this rate: "2mbit"."""
        for index in self.machines if machines is None else machines:
            self.run(index, "tc", "qdisc", "replace", "dev", "eth0", "root", "tbf", "rate", rate,
                     "burst", "16kb", "latency", "200ms")

    def mute(self, index, source, source_port, target_port):
        """Machine index hears nothing more of one established connection; nobody is told."""
        self.nft(index, f"add rule {TABLE} in ip saddr {source} tcp sport {source_port} "
                        f"tcp dport {target_port} drop")

    def refuse_dials(self, index, port):
        """Nobody can open a connection to this port of the machine any more, as behind NAT. Not for heal()."""
        self.nft(index, f"add chain {TABLE} door {{ type filter hook input priority -1; }}")
        self.nft(index, f"add rule {TABLE} door tcp dport {port} tcp flags & (syn | ack) == syn drop")

    def connections(self, index):
        """Established TCP connections of a machine: (local address, port, remote address, port)."""
        found = []
        for line in self.run(index, "ss", "-Htn", "state", "established").splitlines():
            local, remote = line.split()[2:4]
            found.append((*split(local), *split(remote)))
        return found

    def heal(self):
        for index in self.machines:
            self.nft(index, f"flush chain {TABLE} in")
            sh(*self.command(index, ["tc", "qdisc", "del", "dev", "eth0", "root"]), check=False)


def split(endpoint):
    host, _, port = endpoint.rpartition(":")
    return host.removeprefix("[::ffff:").rstrip("]"), int(port)
