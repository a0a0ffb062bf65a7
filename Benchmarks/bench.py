"""Runs every comparison of this folder and prints a table; `run.sh` calls it.

    python bench.py --graft GRAFT [--only WORD]     # QUICK=1 for fewer steps and runs

Graft and its peer take turns. A line gives the median of each, the median of the runs' ratios (above 1: Graft is better)
and the smallest and largest ratio; it is appended to results.csv. Models have random weights; texts are those of
Fixtures/packages, cut to 128 tokens.
"""

import argparse
import csv
import datetime
import gzip
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
FIXTURES = HERE.parent / "Fixtures"
TRAIN = FIXTURES / "packages/train.csv"
QUICK = os.environ.get("QUICK", "") not in ("", "0")
RUNS = 1 if QUICK else 3
MODELS = {"minilm": ("MiniLM size", 24), "bert-base": ("BERT-base size", 8)}  # a name, and how many training steps


class Bench:
    def __init__(self, graft, work, only):
        self.graft, self.work, self.only = graft, work, only
        self.machine, self.versions = machine(), versions(graft)
        self.rows = []

    def is_wanted(self, measure):
        return not self.only or self.only in measure

    def compare(self, measure, unit, graft, peer, runs=RUNS, more_is_better=True):
        """Lets both take turns, the first run of each side included."""
        ours, theirs = [], []
        for _ in range(runs):
            ours.append(graft())
            theirs.append(peer())
        pairs = zip(ours, theirs)
        ratios = [a / b if more_is_better else b / a for a, b in pairs]
        middle = statistics.median
        self.add(measure, unit, middle(ours), middle(theirs), middle(ratios), min(ratios), max(ratios), runs)

    def add(self, measure, unit, graft, peer, ratio, low, high, runs):
        self.rows.append((measure, unit, graft, peer, ratio, low, high, runs))
        print(line(self.rows[-1]), flush=True)

    def save(self):
        path = HERE / "results.csv"
        is_new = not path.exists()
        with open(path, "a", encoding="utf-8", newline="") as file:
            out = csv.writer(file)
            if is_new:
                header = "date machine versions measure unit graft peer ratio min max runs".split()
                out.writerow(header)
            date = datetime.date.today().isoformat()
            for measure, unit, *numbers, runs in self.rows:
                values = [f"{number:.4g}" for number in numbers]
                out.writerow([date, self.machine, self.versions, measure, unit, *values, runs])


def line(row):
    measure, unit, graft, peer, ratio, low, high, _ = row
    return f"{measure:48} {unit:9} {graft:9.3g} {peer:9.3g}   {ratio:5.2f}  ({low:.2f} to {high:.2f})"


# MARK: Running


def run(*command, **options):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}\n{done.stderr}")
    return done.stdout


def timed(*command):
    """Wall-clock seconds of a command, and its largest resident set in megabytes."""
    started = time.perf_counter()
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}\n{errors.decode()}")
    return seconds, usage.ru_maxrss / 1000


def python(script, *arguments):
    return json.loads(run(sys.executable, HERE / script, *arguments))


def removed(path):
    shutil.rmtree(path, ignore_errors=True)
    return path


def machine():
    names = [text.partition(":")[2].strip() for text in open("/proc/cpuinfo") if text.startswith("model name")]
    flags = next((text for text in open("/proc/cpuinfo") if text.startswith("flags")), "").split()
    wide = next((name for name in ("avx512f", "avx2") if name in flags), "")
    return f"{len(os.sched_getaffinity(0))} cores, {names[0] if names else os.uname().machine} {wide}".strip()


def versions(graft):
    from importlib.metadata import version

    peers = " ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "tokenizers", "safetensors"))
    return f"graft {run(graft, '--version').strip()} {peers}"


def texts_of(path):
    with open(path, encoding="utf-8", newline="") as file:
        return [row["text"] for row in csv.DictReader(file)]


# MARK: Measures


def make_models(bench):
    for name in MODELS:
        start = bench.work / f"{name}-start"
        start.mkdir()
        shutil.copy(HERE / name / "config.json", start)
        with gzip.open(FIXTURES / "tokenizer/vocab.txt.gz") as file:
            (start / "vocab.txt").write_bytes(file.read())
        run(bench.graft, "init", start, "--head", "masked-lm", "--output", bench.work / f"{name}-mlm")
        # fmt: off
        run(bench.graft, "head", "swap", bench.work / f"{name}-mlm", "--to", "sequence-classification",
            "--labels", "games,science,sound,web", "--output", bench.work / f"{name}-classifier")
        # fmt: on


def training(bench):
    for name, (title, steps) in MODELS.items():
        steps = max(4, steps // 4) if QUICK else steps
        for task, label in (("mlm", "MLM"), ("classifier", "classification")):
            measure = f"training step, {label}, {title}"
            if not bench.is_wanted(measure):
                continue
            model, output = bench.work / f"{name}-{task}", bench.work / "trained"

            def graft():
                # fmt: off
                run(bench.graft, "train", model, "--data", TRAIN, "--output", removed(output), "--no-shuffle",
                    "--batch-size", 8, "--max-steps", steps, "--max-length", 128, "--save-strategy", "no", "--quiet")
                # fmt: on
                results = json.loads((output / "train_results.json").read_text())
                return results["train_runtime"] / steps

            def peer():
                arguments = (model, "--data", TRAIN, "--steps", steps)
                return python("train_torch.py", *arguments)["seconds_per_step"]

            bench.compare(measure, "s", graft, peer, more_is_better=False)
            removed(output)


def inference(bench):
    texts = texts_of(FIXTURES / "packages/test.csv")
    warm = 16
    for name, (title, _) in MODELS.items():
        for size in (1, 16):
            measure = f"classifying, batch {size}, {title}"
            if not bench.is_wanted(measure):
                continue
            count = (64 if name == "bert-base" else 256) // (4 if QUICK else 1)
            first, both = bench.work / "first.txt", bench.work / "both.txt"
            first.write_text("\n".join(texts[:warm]) + "\n")
            both.write_text("\n".join(texts[: warm + count]) + "\n")
            model = bench.work / f"{name}-classifier"

            def graft():
                # The difference of two runs leaves out what both do once: starting and loading.
                # fmt: off
                short, long = (
                    timed(bench.graft, "predict", model, "--input", file, "--batch-size", size, "--max-length", 128,
                          "--allow-untrained", "--quiet")[0]
                    for file in (first, both))
                # fmt: on
                return count / (long - short)

            def peer():
                arguments = (model, "--input", both, "--batch-size", size, "--warm-up", warm)
                return python("predict_torch.py", *arguments)["texts_per_second"]

            bench.compare(measure, "texts/s", graft, peer)


def tokenizing(bench):
    measure = "tokenizing, one core"
    if not bench.is_wanted(measure):
        return
    file = bench.work / "texts.txt"
    texts = texts_of(TRAIN) + texts_of(FIXTURES / "packages/test.csv")
    file.write_text("\n".join(texts) + "\n")
    model = bench.work / "minilm-mlm"
    core = str(min(os.sched_getaffinity(0)))
    counted = {}

    def graft():
        out = run("taskset", "-c", core, bench.graft, "tokenize", model, "--input", file, "--count", "--json")
        result = json.loads(out)
        counted["graft"] = result["tokens"]
        return result["megabytes_per_second"]

    def peer():
        script = HERE / "tokenize_tokenizers.py"
        result = json.loads(run("taskset", "-c", core, sys.executable, script, model, "--input", file))
        counted["peer"] = result["tokens"]
        return result["megabytes_per_second"]

    bench.compare(measure, "MB/s", graft, peer, runs=5)
    if counted["graft"] != counted["peer"]:
        raise SystemExit(f"the token counts differ: {counted}")


def converting(bench):
    source = bench.work / "bert-base-mlm"
    size = sum(file.stat().st_size for file in source.glob("*.safetensors")) / 1e6
    output = bench.work / "converted"
    memory = {"graft": [], "safetensors": []}

    def graft(format="safetensors"):
        arguments = ("--format", format, "--output", removed(output), "--quiet")
        seconds, peak = timed(bench.graft, "import", source, *arguments)
        memory["graft"].append(peak)
        return seconds

    def copy():
        return timed("cp", "-r", source, removed(output))[0]

    def copy_to_disk():
        # Graft's files are on the disk when it ends, so that a crash does not lose them.
        return timed("sh", "-c", f"cp -r '{source}' '{removed(output)}' && sync '{output}'/*")[0]

    def safetensors():
        removed(output).mkdir()
        script, file = HERE / "convert_safetensors.py", "model.safetensors"
        seconds, peak = timed(sys.executable, script, source / file, output / file)
        memory["safetensors"].append(peak)
        return seconds

    for name, peer in (("cp", copy), ("cp and sync", copy_to_disk), ("Python safetensors", safetensors)):
        measure = f"converting {size:.0f} MB, against {name}"
        if bench.is_wanted(measure):
            bench.compare(measure, "s", graft, peer, more_is_better=False)
    for format in ("pytorch", "npz"):
        measure = f"converting to {format}, against cp and sync"
        if bench.is_wanted(measure):
            bench.compare(measure, "s", lambda: graft(format), copy_to_disk, more_is_better=False)
    removed(output)
    if memory["safetensors"]:
        ours, theirs = (statistics.median(memory[name]) for name in ("graft", "safetensors"))
        ratio = theirs / ours
        runs = len(memory["safetensors"])
        bench.add("converting, peak memory, against the same", "MB", ours, theirs, ratio, ratio, ratio, runs)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graft", type=Path, required=True)
    parser.add_argument("--only", help="measures whose name contains this; nothing is appended then")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="graft-bench-") as work:
        bench = Bench(arguments.graft, Path(work), arguments.only)
        print(f"{bench.machine}\n{bench.versions}\n")
        print(f"{'measure':48} {'unit':9} {'graft':>9} {'peer':>9}   ratio  (range)")
        make_models(bench)
        for measures in (tokenizing, converting, inference, training):
            measures(bench)
        if not bench.rows:
            raise SystemExit(f"no measure's name contains '{arguments.only}'")
        if not arguments.only and not QUICK:
            bench.save()


if __name__ == "__main__":
    main()
