"""An older `graft` against this one, in turns: `BEFORE=path/to/graft make bench ONLY=before`.

Everything that takes time is measured, and none of it may be more than 3 % slower; the start-up not at all.
"""

from copy import copy
from functools import partial

from harness.bench import TITLES
from harness.results import Goal, Row
from harness.runner import alternate, removed, run
from harness.trainers import KINDS, WARM_UP, train_with_graft

from measures.converting import WAYS, WITH_DECODER, directory, options

NO_SLOWER, STARTS_NO_SLOWER = Goal(0.97), Goal(1)
STARTS, COPIES, RUNS, STEPS = 200, 15, 5, 8
SIZE = "bert-base"
# Tokens, and texts of a step.
LONG, LONG_TEXTS = 512, 4


def measure(bench):
    if bench.before is None:
        return
    older = copy(bench)
    older.graft = bench.before

    def compare(name, contend, unit="s", runs=RUNS, more_is_better=False, goal=NO_SLOWER):
        measure = f"before, {name}"
        if not bench.wants(measure):
            return
        sides = {"graft": partial(contend, bench), "before": partial(contend, older)}
        for side in sides.values():
            side()  # reads what is not in the file cache yet
        ours, theirs = alternate(sides, 1 if bench.is_quick else runs).values()
        bench.results.add(Row(measure, unit, ours, theirs, more_is_better, goal, bench.auto))

    compare("starting", lambda side: seconds(side, "--version"), runs=STARTS, goal=STARTS_NO_SLOWER)
    for task, ways in (("backbone", WAYS), ("MLM", WITH_DECODER)):
        for way in ways:
            title, path = f"{way}, {task}, {TITLES[SIZE]}", partial(directory, bench, SIZE, way, task)
            compare(f"inspecting {title}", lambda side, path=path: seconds(side, "inspect", path()), runs=COPIES)
            compare(f"converting to {title}", partial(convert, WAYS[0], way, task), runs=COPIES)
            if way is not WAYS[0]:
                compare(f"converting from {title}", partial(convert, way, WAYS[0], task), runs=COPIES)
    compare("tokenizing", partial(tokenize, write_texts(bench, "before.txt", None)))
    for size, count in (("minilm", 256), (SIZE, 64)):
        texts = write_texts(bench, f"before-{size}.txt", count)
        for batch in (1, 16):
            compare(f"classifying, batch {batch}, {TITLES[size]}", partial(predict, size, texts, batch))
    for size in ("minilm", SIZE):
        for task in ("MLM", "classification"):
            for kind in KINDS:
                compare(f"training step, {task}, {TITLES[size]}, {kind}", partial(train, size, task, *KINDS[kind]))
    data = bench.texts.write_long(LONG, LONG_TEXTS * (WARM_UP + STEPS), bench.work / "before-long.csv")
    extra = ("--max-length", LONG)
    for kind in KINDS:
        contend = partial(train, SIZE, "MLM", *KINDS[kind], data=data, batch_size=LONG_TEXTS, extra=extra)
        compare(f"training step, {LONG} tokens, MLM, {TITLES[SIZE]}, {kind}", contend)


def seconds(side, *command):
    return run(side.graft, *command).seconds


def convert(source, target, task, side):
    start, output = directory(side, SIZE, source, task), removed(side.work / "converted")
    taken = seconds(side, "export", start, *options(target), "--output", output, "--quiet")
    removed(output)
    return taken


def write_texts(bench, name, count):
    path = bench.work / name
    path.write_text("\n".join(bench.texts.first(count) if count else bench.texts.first()) + "\n", encoding="utf-8")
    return path


def tokenize(texts, side):
    return seconds(side, "tokenize", side.model("minilm", "MLM"), "--input", texts, "--count")


def predict(size, texts, batch, side):
    flags = ("--batch-size", batch, "--max-length", 128, "--allow-untrained", "--quiet")
    return seconds(side, "predict", side.model(size, "classification"), "--input", texts, *flags)


def train(size, task, precision, backend, side, **options):
    model = side.model(size, task)
    return train_with_graft(side, model, STEPS, precision=precision, backend=backend, **options).seconds_per_step
