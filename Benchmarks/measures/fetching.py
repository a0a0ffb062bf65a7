"""Seconds and memory of fetching a model of 440 MB over the loopback interface: `graft pull`, which checks its SHA-256
and brings it to the disk, against `curl`, which writes it to a file.
"""

import os
import shutil
import subprocess
import time
from functools import partial

from harness.results import Goal, Row
from harness.runner import after_itself, alternate, removed, run

SIZE, BLOCK = 440_449_768, 1 << 22


def measure(bench):
    measure = "fetching 440 MB"
    if not bench.wants(measure) or not shutil.which("curl"):
        return
    model, home, file = bench.work / "hub/acme/large", bench.work / "hf", bench.work / "fetched"
    model.mkdir(parents=True)
    (model / "config.json").write_text("{}")
    block = os.urandom(BLOCK)
    with open(model / "model.safetensors", "wb") as out:
        for start in range(0, SIZE, BLOCK):
            out.write(block[:SIZE - start])
    log = bench.work / "hub.log"
    with open(log, "w") as output:
        server = subprocess.Popen([bench.graft.parent / "hub-server", bench.work / "hub"], stdout=output)
    while not log.read_text().endswith("\n"):
        time.sleep(0.1)
    endpoint = log.read_text().strip()

    def graft(watched):
        environment = (f"HF_ENDPOINT={endpoint}", f"HF_HOME={removed(home)}", "HF_HUB_OFFLINE=0")
        return run("env", *environment, bench.graft, "pull", "acme/large", watched=watched)

    def curl(watched, then=""):
        address = f"{endpoint}/acme/large/resolve/main/model.safetensors"
        command = f"curl --silent --fail --location --output '{removed(file)}' {address} {then}"
        return run("sh", "-c", command, watched=watched)

    try:
        for name, peer in (("curl", curl), ("curl and sync", partial(curl, then=f"&& sync '{file}'"))):
            contenders = {"graft": after_itself(graft), "peer": after_itself(peer)}
            ours, theirs = alternate(contenders, bench.runs).values()
            seconds = [[run.seconds for run in runs] for runs in (ours, theirs)]
            bench.results.add(Row(f"{measure}, against {name}", "s", *seconds, goal=Goal(least=0.8)))
        bench.results.add(Row(f"{measure}, peak memory", "MB", [run.megabytes for run in ours], goal=Goal(most=64)))
    finally:
        server.kill()
    removed(bench.work / "hub")
    removed(home)
    removed(file)
