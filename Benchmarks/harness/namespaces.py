"""Two machines on one, for MPI and for PyTorch: network namespaces with a cable between them that carries so much.

Needs root, and `ip` and `tc` of iproute2. The cable's delay is what the kernel takes: not every kernel has netem.
"""

import os
import shutil
import subprocess

# Of Open MPI over TCP: whole buckets at once, or each would wait for an answer behind what goes the other way.
EAGER = 1 << 20
NETWORK = "10.77.0"


def are_possible():
    return os.geteuid() == 0 and all(shutil.which(name) for name in ("ip", "tc", "mpirun"))


class Namespaces:
    """Made on entry, and removed on exit.

    - work: a directory for a script.
    - gigabits: what the cable carries each way in a second.
    """

    def __init__(self, work, gigabits):
        self.names = {number: f"graft-bench-{number}" for number in (1, 2)}
        self.gigabits, self.agent = gigabits, work / "agent.sh"
        # What mpirun takes for ssh: AGENT HOST COMMAND…
        self.agent.write_text(
            "#!/bin/sh\nnumber=${1##*.}; shift\n"
            'exec ip netns exec "graft-bench-$number" unshare --uts sh -c "hostname node-$number; $*"\n'
        )
        self.agent.chmod(0o755)

    def __enter__(self):
        self.remove()
        try:
            self.make()
        except BaseException:
            self.remove()
            raise
        return self

    def make(self):
        ends = {number: f"cable{number}" for number in self.names}
        for name in self.names.values():
            call("ip", "netns", "add", name)
        first, second = (("name", ends[number], "netns", name) for number, name in self.names.items())
        call("ip", "link", "add", *first, "type", "veth", "peer", *second)
        # Tokens for a fifth of a millisecond: much less than what goes out at once.
        burst = max(1 << 17, int(self.gigabits * 1e9 / 8 * 2e-4))
        for number, name in self.names.items():
            end = ends[number]
            inside = ("ip", "-n", name)
            call(*inside, "addr", "add", f"{NETWORK}.{number}/24", "dev", end)
            call(*inside, "link", "set", end, "up")
            call(*inside, "link", "set", "lo", "up")
            shape = ("rate", f"{self.gigabits}gbit", "burst", burst, "latency", "10ms")
            call("tc", "-n", name, "qdisc", "add", "dev", end, "root", "tbf", *shape)

    def __exit__(self, *_):
        self.remove()

    def remove(self):
        for name in self.names.values():
            subprocess.run(["ip", "netns", "del", name], stderr=subprocess.DEVNULL, check=False)

    def inside(self, number):
        """What starts a program on one of the machines."""
        script = 'hostname "$0" && exec "$@"'
        return ("ip", "netns", "exec", self.names[number], "unshare", "--uts", "sh", "-c", script, f"node-{number}")

    @property
    def mpirun(self):
        """What starts a program on both machines, connected by TCP alone."""
        settings = {
            "plm_rsh_agent": self.agent,
            "btl": "tcp,self",
            "btl_tcp_if_include": f"{NETWORK}.0/24",
            "oob_tcp_if_include": f"{NETWORK}.0/24",
            "btl_tcp_eager_limit": EAGER,
            "btl_tcp_rndv_eager_limit": EAGER,
        }
        options = [part for name, value in settings.items() for part in ("--mca", name, value)]
        hosts = ",".join(f"{NETWORK}.{number}" for number in self.names)
        return (*self.inside(1), "mpirun", "--bind-to", "none", *options, "-host", hosts, "-n", len(self.names))


def call(*command):
    subprocess.run([str(part) for part in command], check=True)
