"""Seconds of a training step and peak memory, against PyTorch padded with care and as the published notebook pads.

The notebook pads MLM to the longest of its 1,000 texts and classification to 512 tokens. Peak memory is that of the
same runs and the whole process; Graft's writes the model at its end.
"""

import sys
from dataclasses import dataclass
from functools import cache, partial

from harness.bench import HERE, TITLES
from harness.results import Goal, Row
from harness.runner import alternate, run
from harness.trainers import train_with_graft, train_with_pytorch

STEPS = {"bert-base": 8, "minilm": 24}
NOTEBOOK_GOALS = {"MLM": 10, "classification": 25}


@dataclass(frozen=True)
class Graft:
    precision: str
    backend: str = "auto"

    def train(self, bench, size, task):
        steps = STEPS[size] // (4 if bench.is_quick else 1)
        return train_with_graft(
            bench, bench.model(size, task), steps, precision=self.precision, backend=self.backend
        )


@dataclass(frozen=True)
class PyTorch:
    precision: str
    pads_like_notebook: bool = False

    def train(self, bench, size, task):
        train = partial(train_with_pytorch, bench, bench.model(size, task), precision=self.precision)
        if not self.pads_like_notebook:
            return train(STEPS[size] // (4 if bench.is_quick else 1))
        # Such steps take many seconds each and hardly vary: few are enough.
        return train(1, warm_up=1, pad_to=longest_text(bench) if task == "MLM" else 512)


@dataclass(frozen=True)
class Comparison:
    measure: str
    ours: Graft
    theirs: Graft | PyTorch | None
    goal: Goal | None
    figure: str = "seconds_per_step"  # of Trained
    unit: str = "s"

    @property
    def sides(self):
        return [self.ours] + ([self.theirs] if self.theirs else [])

    def row(self, trained):
        figures = [[getattr(run, self.figure) for run in trained[side]] for side in self.sides]
        return Row(self.measure, self.unit, *figures, goal=self.goal, backend=trained[self.ours][0].backend)


FLOAT32, BFLOAT16, OPENBLAS = Graft("float32"), Graft("bfloat16"), Graft("float32", "openblas")


def of_speed(title, has_goals):
    def step(name, ours, theirs, least):
        return Comparison(f"training step, {title}, {name}", ours, theirs, Goal(least) if least and has_goals else None)

    yield step("float32", FLOAT32, PyTorch("float32"), 3)
    yield step("float32 with OpenBLAS", OPENBLAS, PyTorch("float32"), 3)
    yield step("bfloat16", BFLOAT16, PyTorch("bfloat16"), 2)
    yield step("bfloat16 against Graft's float32", BFLOAT16, FLOAT32, 1.6)


def of_notebook(task, title):
    for name, ours, least in (
        ("float32", FLOAT32, NOTEBOOK_GOALS[task]),
        ("float32 with OpenBLAS", OPENBLAS, NOTEBOOK_GOALS[task]),
        ("bfloat16", BFLOAT16, None),
    ):
        measure = f"training step, {title}, {name}, notebook"
        yield Comparison(measure, ours, PyTorch(ours.precision, True), Goal(least) if least else None)


def of_memory(title):
    for name, ours in (("float32", FLOAT32), ("float32 with OpenBLAS", OPENBLAS), ("bfloat16", BFLOAT16)):
        measure = f"peak memory, {title}, {name}"
        yield Comparison(measure, ours, PyTorch(ours.precision), Goal(1), "megabytes", "MB")
        if ours.precision == "float32":
            yield Comparison(f"{measure}, alone", ours, None, Goal(most=2300), "megabytes", "MB")


def measure(bench):
    for size in TITLES:
        for task in ("MLM", "classification"):
            title, is_base = f"{task}, {TITLES[size]}", size == "bert-base"
            comparisons = list(of_speed(title, has_goals=is_base))
            if is_base and not bench.is_quick:
                comparisons += of_notebook(task, title)
            if is_base and task == "MLM":
                comparisons += of_memory(title)
            compare(bench, size, task, [one for one in comparisons if bench.wants(one.measure)])


def compare(bench, size, task, comparisons):
    """Trains each side that is compared once in a round."""
    sides = dict.fromkeys(side for comparison in comparisons for side in comparison.sides)
    trained = alternate({side: partial(side.train, bench, size, task) for side in sides}, bench.runs)
    for comparison in comparisons:
        bench.results.add(comparison.row(trained))


@cache
def longest_text(bench):
    """Tokens of the longest of the first 1,000 texts."""
    script = HERE / "measures/longest_text.py"
    return int(run(sys.executable, script, bench.model("bert-base", "MLM"), bench.texts.path).text)
