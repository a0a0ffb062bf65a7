"""Training with Graft and with PyTorch, and what a run of either tells."""

import hashlib
import itertools
import json
import sys
from dataclasses import dataclass, field
from functools import cache

from harness.bench import HERE
from harness.runner import removed, run

WARM_UP = 2
# What a measure's name says: the precision and the backend.
KINDS = {
    "float32": ("float32", "auto"),
    "float32 with OpenBLAS": ("float32", "openblas"),
    "bfloat16": ("bfloat16", "auto"),
}


@dataclass(frozen=True)
class Trained:
    seconds_per_step: float  # without the first steps, in which libraries set themselves up
    losses: list  # of each step
    megabytes: float  # the largest resident set
    backend: str = ""
    digest: str = ""  # SHA-256 of the weights
    profile: dict = field(default_factory=dict)
    processor: float = 0  # seconds of the whole run, all threads together
    step_seconds: list = field(default_factory=list)  # of each step that seconds_per_step is the mean of


def train_with_graft(
    bench, model, steps, data=None, precision="float32", backend="auto", batch_size=8, extra=(), launcher=(),
    name="trained",
):
    """- steps: How many to time, after WARM_UP others.
    - data: A CSV file, taken in its order; None for the texts of all measures.
    - launcher: A program and its options that start graft, such as mpirun.
    - name: Where the run is kept while it is looked at.

    Steps are timed by when their lines of the log arrive, which are written unbuffered at the end of each. So the time
    of the same steps of the same texts counts on both sides, and starting, reading and writing on neither.
    """
    output = removed(bench.work / name)
    # fmt: off
    done = run(
        *launcher, bench.graft, "train", model, "--data", data or bench.texts.path, "--output", output, "--no-shuffle",
        "--batch-size", batch_size, "--max-steps", WARM_UP + steps, "--save-strategy", "no", "--logging-steps", 1,
        "--precision", precision, "--backend", backend, "--json", "--quiet", *extra)
    # fmt: on
    events = [(seconds, json.loads(line)) for seconds, line in done.lines]
    logged = [(seconds, event["loss"]) for seconds, event in events if event["event"] == "logged"]
    times = [seconds for seconds, _ in logged[WARM_UP - 1 :]]
    each = [end - start for start, end in itertools.pairwise(times)]
    arguments = json.loads((output / "training_args.json").read_text())
    with open(output / "model.safetensors", "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    removed(output)
    losses = [loss for _, loss in logged]
    profile = events[-1][1].get("profile", {})
    return Trained(
        sum(each) / steps, losses, done.megabytes, arguments["backend"], digest, profile, done.processor, each)


def train_with_pytorch(
    bench, model, steps, data=None, precision="float32", pad_to=0, warm_up=WARM_UP, attention=None, extra=()
):
    """- data: A CSV file, taken in its order; None for the texts of all measures.
    - pad_to: Tokens that every text is padded to; 0 for the longest text of each batch.
    - attention: transformers' kind of attention; None for the faster one.
    """
    attention = attention or faster_attention(bench, model, precision)
    # fmt: off
    done = run(
        sys.executable, HERE / "peers/train_torch.py", model, "--data", data or bench.texts.path, "--steps", steps,
        "--warm-up", warm_up, "--precision", precision, "--pad-to", pad_to, "--attention", attention, *extra)
    # fmt: on
    result = json.loads(done.text)
    return Trained(result["seconds_per_step"], result["losses"], done.megabytes, backend="PyTorch")


@cache
def faster_attention(bench, model, precision):
    """The faster of transformers' two kinds of attention; a quick run does not try."""
    if bench.is_quick:
        return "sdpa"
    # fmt: off
    done = run(
        sys.executable, HERE / "peers/train_torch.py", model, "--data", bench.texts.path, "--steps", 3,
        "--precision", precision, "--choose-attention")
    # fmt: on
    return json.loads(done.text)["attention"]
