"""Hours of training in the published notebook's experiment on a BERT-base with random weights: Graft, and PyTorch with
each batch padded to its longest text, and as the notebook pads. Extrapolated from 20 steps of each stage.

The notebook trains MLM for 125 steps, and two classifiers for 625 each. Evaluations are not counted.
"""

from functools import partial

from harness.results import Row
from harness.runner import alternate
from harness.trainers import train_with_graft, train_with_pytorch
from measures.training import longest_text

STEPS = 20
STEPS_OF_TASK = {"MLM": 125, "classification": 2 * 625}
TITLE = "training of the notebook's experiment, BERT-base size"


def measure(bench):
    names = ("padded to each batch's longest", "as published")
    names = [name for name in names if bench.wants(f"{TITLE}, PyTorch {name}")]
    if not names or bench.is_quick:
        return
    contenders = {"Graft": partial(hours, bench, train_with_graft)}
    for name in names:
        contenders[name] = partial(hours, bench, train_with_pytorch, as_published=name == "as published")
    results = alternate(contenders, 1)
    for name in names:
        bench.results.add(Row(f"{TITLE}, PyTorch {name}", "h", results["Graft"], results[name]))


def hours(bench, train, as_published=False):
    seconds = 0
    for task, steps in STEPS_OF_TASK.items():
        longest = {"MLM": longest_text, "classification": lambda _: 512}[task]
        padding = {"pad_to": longest(bench)} if as_published else {}
        seconds += steps * train(bench, bench.model("bert-base", task), STEPS, **padding).seconds_per_step
    return seconds / 3600
