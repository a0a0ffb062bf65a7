"""Time grows with real tokens: microseconds a token of steps with other counts and lengths of texts.

BERT-base size, classification, float32; 8 texts of the tokens named where nothing else is said. The ratio is what a
token takes in the other step against this one: 1 when it takes the same. That of 512 tokens is against what a token of
128 takes, times what attention adds to the FLOPs.
"""

import json
import sys
from functools import partial

from harness.bench import HERE, TITLES
from harness.results import Goal, Row
from harness.runner import alternate, run
from harness.trainers import WARM_UP, train_with_graft

SAME = Goal(1 / 1.15, 1.15)
# Texts in a batch; their tokens in turn; steps to time.
BASE, SHORT, LONG, LONGEST = (8, (64,), 6), (8, (32,), 6), (8, (128,), 4), (8, (512,), 2)
MANY, MIXED = (16, (64,), 4), (8, (32, 96, 48, 80), 6)
COMPARISONS = [
    ("16 texts of 64 against 8", MANY, BASE),
    ("64 against 32", BASE, SHORT),
    ("128 against 64", LONG, BASE),
    ("32 to 96 against 64", MIXED, BASE),
    ("512 against 128 and attention", LONGEST, LONG),
]


def flops_per_token(length):
    """Of a step: each product of the forward pass, attention's two with all tokens included, takes two more backward.

    https://arxiv.org/abs/2001.08361, section 2.1
    """
    config = json.loads((HERE / "bert-base/config.json").read_text())
    hidden, between = config["hidden_size"], config["intermediate_size"]
    forward = 2 * (4 * hidden * hidden + 2 * hidden * between) + 2 * 2 * length * hidden
    return 3 * config["num_hidden_layers"] * forward


def microseconds_per_token(bench, batch):
    model = bench.model("bert-base", "classification")
    size, lengths, steps = batch
    count = size * (WARM_UP + steps)
    data = bench.work / f"texts-{size}-{'-'.join(map(str, lengths))}.csv"
    if not data.exists():
        script = HERE / "measures/cut_texts.py"
        run(sys.executable, script, model, bench.texts.path, data, "--count", count, "--lengths", *lengths)
    trained = train_with_graft(bench, model, steps, data=data, batch_size=size)
    return trained.seconds_per_step / (size * sum(lengths) / len(lengths)) * 1e6


def measure(bench):
    name = f"time of a token, {TITLES['bert-base']}, float32"
    wanted = [(f"{name}, {text}", ours, theirs) for text, ours, theirs in COMPARISONS if bench.wants(f"{name}, {text}")]
    batches = dict.fromkeys(batch for _, *pair in wanted for batch in pair)
    times = alternate({batch: partial(microseconds_per_token, bench, batch) for batch in batches}, bench.runs)
    for measure, ours, theirs in wanted:
        expected = flops_per_token(512) / flops_per_token(128) if ours == LONGEST else 1
        others = [time * expected for time in times[theirs]]
        goal = Goal(SAME.least) if ours == LONGEST else SAME
        bench.results.add(Row(measure, "µs", times[ours], others, goal=goal, backend=bench.auto))
