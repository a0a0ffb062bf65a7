"""Where a step's time goes, as `graft train --profile` tells: products and AdamW against what the machine can do.

BERT-base size. Products alone are the same shapes timed without the rest of a step; the peak is the backend's rate of
1024×3072×768. This file alone knows the keys of the profile.
"""

from functools import partial

from harness.results import Goal, Row
from harness.runner import alternate
from harness.trainers import KINDS, train_with_graft

STEPS = 8


def rows(title, trained):
    """- trained: runs with a profile each."""
    profiles = [run.profile for run in trained]

    def figures(*path):
        return [part(profile, path) for profile in profiles]

    def row(name, unit, *arguments, **options):
        return Row(f"profile, {title}, {name}", unit, *arguments, backend=trained[0].backend, **options)

    rate, alone, peak = figures("products", "gflops"), figures("products", "rate_alone"), figures("peak_gflops")
    bandwidth, copying = figures("optimizer", "gigabytes_per_second"), figures("optimizer", "copy_gigabytes_per_second")
    yield row("products' share", "", figures("products", "share"), goal=Goal(0.75))
    yield row("products against alone", "GFLOP/s", rate, alone, more_is_better=True, goal=Goal(0.85))
    yield row("products against peak", "GFLOP/s", rate, peak, more_is_better=True)
    yield row("AdamW against copying", "GB/s", bandwidth, copying, more_is_better=True, goal=Goal(0.80))
    yield row("real against padded tokens", "tokens", figures("tokens"), figures("padded_tokens"))
    yield row("speed", "tokens/s", figures("tokens_per_second"))


def part(profile, path):
    for key in path:
        if key not in profile:
            raise SystemExit(f"the profile of graft train has no '{'.'.join(path)}'")
        profile = profile[key]
    return profile


def measure(bench):
    for task in ("MLM", "classification"):
        wanted = {name: kind for name, kind in KINDS.items() if bench.wants(f"profile, {task}, {name}")}
        runs = alternate({name: partial(profiled, bench, task, *kind) for name, kind in wanted.items()}, bench.runs)
        for name, trained in runs.items():
            for row in rows(f"{task}, {name}", trained):
                bench.results.add(row)


def profiled(bench, task, precision, backend):
    model = bench.model("bert-base", task)
    return train_with_graft(bench, model, STEPS, precision=precision, backend=backend, extra=["--profile"])
