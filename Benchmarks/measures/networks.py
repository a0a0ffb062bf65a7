"""Two ranks of one thread, each on a machine of its own, with a network of 1 or 10 Gb/s between them: what of the exchange is
not hidden, against what `graft doctor --plan` says, which measures step and network; how much longer than alone a step takes;
and the texts a second, against PyTorch's DistributedDataParallel.

BERT-base size, masked-language modelling, 8 texts a rank. The machines are namespaces of this one, which share its memory;
skipped without root, `ip`, `tc` or mpirun.
"""

import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from harness.bench import HERE, TITLES
from harness.namespaces import NETWORK, Namespaces, are_possible
from harness.results import Goal, Row
from harness.runner import alternate, run
from harness.trainers import KINDS, WARM_UP, train_with_graft

STEPS = 6
TEXTS = 8
TOKENS = 128


def measure(bench):
    if not are_possible():
        return
    os.environ |= {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    for gigabits, name in itertools.product((10, 1), ("float32", "bfloat16")):
        title = f"networks, MLM, {TITLES['bert-base']}, {name}, 2 ranks, {gigabits} Gb/s"
        names = ("exposed", "longer than alone", "share of 64 ranks", "against DDP")
        exposed, longer, share, texts = (f"{title}, {what}" for what in names)
        with Namespaces(bench.work, gigabits) as machines:
            if any(bench.wants(title) for title in (exposed, longer, share)):
                measure_exposed(bench, machines, name, exposed, longer, share)
            if bench.wants(texts):
                measure_texts(bench, machines, name, texts)


def measure_exposed(bench, machines, name, exposed, longer, share):
    """What ranks count themselves: waiting for one another, and by how much exchanging slows down what is computed meanwhile.

    They do not count what the kernel and MPI's own threads take of the cores. A whole step minus one of two processes that know
    nothing of each other has it, but steps differ by more than what is exposed: it is shown beside, without a goal. All texts
    are as long.
    """
    precision, backend = KINDS[name]
    model = bench.model("bert-base", "MLM")
    data = bench.texts.write_long(TOKENS, 2 * TEXTS * (WARM_UP + STEPS), bench.work / "networks.csv")
    # Two ranks take as many rows in half of the steps.
    train = partial(
        train_with_graft, bench, model, STEPS, data=data, precision=precision, backend=backend, batch_size=TEXTS,
        extra=["--threads", 1, "--max-length", TOKENS, "--profile"])  # fmt: skip

    def alone():
        with ThreadPoolExecutor() as pool:
            both = list(pool.map(lambda number: train(name=f"alone-{number}"), range(2)))
        # Ranks wait for each other in every step, which is no matter of the network.
        return statistics.mean(max(pair) for pair in itertools.product(*(run.step_seconds for run in both)))

    found, differences = [], []
    for _ in range(bench.runs):
        trained = train(launcher=machines.mpirun)
        found.append(trained.profile["exchange"]["exposed_seconds"] / trained.profile["steps"])
        differences.append(trained.seconds_per_step - alone())
    # fmt: off
    plan = run(
        *machines.mpirun, bench.graft, "doctor", "--plan", model, "--batch-size", TEXTS, "--tokens", TOKENS,
        "--precision", precision, "--backend", backend, "--threads", 1, "--cores", 1, "--json", "--quiet")
    # fmt: on
    # The last is the network that was measured between the ranks.
    predictions = json.loads(plan.text)["networks"][-1]["predictions"]
    of = {prediction["nodes"]: prediction for prediction in predictions}
    expected = [of[2]["exposed_seconds"]] * len(found)
    bench.results.add(Row(exposed, "s", found, expected, goal=Goal(0.8, 1.2)))
    bench.results.add(Row(longer, "s", differences))
    goal = Goal(0.8) if machines.gigabits >= 10 else None
    bench.results.add(Row(share, "", [of[64]["share"]], goal=goal))


def measure_texts(bench, machines, name, title):
    """Texts of many lengths, in the file's order on both sides."""
    precision, backend = KINDS[name]
    model = bench.model("bert-base", "MLM")
    train = partial(
        train_with_graft, bench, model, STEPS, precision=precision, backend=backend, batch_size=TEXTS,
        extra=["--threads", 1], launcher=machines.mpirun)  # fmt: skip
    contenders = {
        "graft": lambda: train().seconds_per_step,
        "peer": lambda: train_with_ddp(bench, machines, model, precision),
    }
    seconds = alternate(contenders, bench.runs)
    rates = {name: [2 * TEXTS / each for each in all] for name, all in seconds.items()}
    bench.results.add(Row(title, "texts/s", rates["graft"], rates["peer"], more_is_better=True, goal=Goal(2)))


def train_with_ddp(bench, machines, model, precision):
    """Seconds of a step."""
    # fmt: off
    command = [
        sys.executable, HERE / "peers/train_ddp.py", model, "--data", bench.texts.path, "--steps", STEPS,
        "--warm-up", WARM_UP, "--batch-size", TEXTS, "--precision", precision]
    # fmt: on
    ranks = []
    for rank, number in enumerate(machines.names):
        settings = {"RANK": rank, "WORLD_SIZE": 2, "MASTER_ADDR": f"{NETWORK}.1", "MASTER_PORT": 29500}
        settings |= {"GLOO_SOCKET_IFNAME": f"cable{number}", "OMP_NUM_THREADS": 1}
        environment = os.environ | {key: str(value) for key, value in settings.items()}
        parts = [str(part) for part in (*machines.inside(number), *command)]
        ranks.append(subprocess.Popen(parts, env=environment, stdout=subprocess.PIPE, text=True))
    # One that fails leaves the other waiting.
    while any(rank.poll() is None for rank in ranks) and not any(rank.poll() for rank in ranks):
        time.sleep(0.1)
    for rank in ranks:
        if rank.poll() is None:
            rank.kill()
    texts = [rank.communicate()[0] for rank in ranks]
    if any(rank.returncode for rank in ranks):
        raise SystemExit("DistributedDataParallel failed")
    return json.loads(texts[0])["seconds_per_step"]
