"""Writes run/, the directory of a small finished run as `graft run` leaves it: two arms, two seeds, on the demo's model and
data.

    python3 make.py GRAFT [OUTPUT [ROWS [SEED…]]]            # Python 3.11, and a built graft

Without OUTPUT it writes run/ here, with few test rows, so that the fixture is small. Weights are not kept.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
FIXTURES = HERE.parent
GRAFT = sys.argv[1]
OUTPUT = Path(sys.argv[2]) if len(sys.argv) > 2 else HERE / "run"
ROWS = sys.argv[3] if len(sys.argv) > 3 else "50"
SEEDS = [int(seed) for seed in sys.argv[4:]] or [42, 1]
BASE, TRAIN, TEST = FIXTURES / "demo/bert-mini", FIXTURES / "packages/train.csv", FIXTURES / "packages/test.csv"
LABELS = ["games", "science", "sound", "web"]
EXPERIMENT = {
    "name": "Package descriptions: adapted or direct",
    "base": "Fixtures/demo/bert-mini",
    "data": {"train": "Fixtures/packages/train.csv", "test": "Fixtures/packages/test.csv"},
    "seeds": SEEDS,
    "arms": {
        "direct": [{"head": "sequence-classification"}, {"train": "classify", "epochs": 4, "take": 300}, {"evaluate": "test"}],
        "adapted": [
            {"evaluate": "language model before"}, {"train": "adapt", "epochs": 2}, {"evaluate": "language model after"},
            {"head": "sequence-classification"}, {"train": "classify", "epochs": 4, "take": 300}, {"evaluate": "test"},
        ],
    },
}
work = Path(tempfile.mkdtemp())


def graft(*arguments):
    subprocess.run([GRAFT, *map(str, arguments), "--quiet"], check=True, stdout=subprocess.DEVNULL)


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def stage(kind, name, head, command, files, source="."):
    """Runs a command whose last argument is in a directory `{}`, and keeps the files of it that the report reads."""
    words = " ".join(map(str, command)).replace(str(work), "").replace(str(FIXTURES), "")
    key = hashlib.sha256(words.encode()).hexdigest()[:12]
    target, kept, start = work / key, OUTPUT / "stages" / key, time.time()
    cached = kept.exists()
    if not cached:
        target.mkdir()
        graft(*[str(part).replace("{}", str(target)) for part in command])
        kept.mkdir(parents=True)
        for file in files.values():
            # The directories of the checkpoints are private.
            (kept / file).write_text((target / source / file).read_text().replace(str(work), "work"))
    record = {"kind": kind, "name": name, "head": head, "language_model": head == "masked-lm", "directory": f"stages/{key}", "cached": cached,
              "seconds": round(time.time() - start, 2)}
    return record | {role: f"stages/{key}/{file}" for role, file in files.items()}, target


def train(base, name, head, seed, *flags):
    return stage("train", name, head, ["train", base, "--data", TRAIN, "--seed", seed, "--logging-steps", 10,
                 "--save-strategy", "no", *flags, "--output", "{}/out"], {"trainer_state": "trainer_state.json"}, "out")


def evaluate(model, name, head, *flags):
    names = {"results": "eval_results.json"}
    if "--predictions" in flags:
        names["predictions"] = "predictions.jsonl"
    return stage("evaluate", name, head, ["evaluate", model, "--data", TEST, *flags, "--output", "{}/eval_results.json"], names)[0]


def arm(name, seed):
    stages, base = [], BASE
    if name == "adapted":
        masked = ["--take", 20, "--pseudo-perplexity"]
        stages.append(evaluate(base, "language model before", "masked-lm", *masked))
        record, directory = train(base, "adapt", "masked-lm", 42, "--epochs", 2, "--batch-size", 16, "--learning-rate", "5e-4")
        stages.append(record)
        base = directory / "out"
        stages.append(evaluate(base, "language model after", "masked-lm", *masked))
    classifier = work / f"classifier-{name}-{seed}"
    graft("head", "swap", base, "--to", "sequence-classification", "--labels", ",".join(LABELS), "--seed", seed, "--output", classifier)
    record, directory = train(
        classifier, "classify", "sequence-classification", seed, "--take", 300, "--epochs", 4, "--learning-rate", "3e-4",
        "--eval-data", TEST, "--eval-on-start")
    stages.append(record)
    stages.append(evaluate(directory / "out", "test", "sequence-classification", "--shuffle-seed", 42, "--take", ROWS,
                           "--predictions", "{}/predictions.jsonl"))
    return {"seed": seed, "stages": stages}


if OUTPUT.exists():
    shutil.rmtree(OUTPUT)
OUTPUT.mkdir(parents=True)
start = time.time()
document = {
    "name": EXPERIMENT["name"],
    "graft": subprocess.run([GRAFT, "--version"], check=True, capture_output=True, text=True).stdout.strip(),
    "experiment": EXPERIMENT,
    "started": "2026-01-31T12:00:00Z",
    "seconds": 0,
    "machine": {"cpu": "two cores", "threads": 2, "backend": "onednn", "precision": "float32"},
    "base": {"path": EXPERIMENT["base"], "sha256": digest(BASE / "model.safetensors"), "parameters": 604336},
    "data": [
        {"name": name, "files": [EXPERIMENT["data"][name]], "sha256": digest(path), "rows": rows, "labels": LABELS}
        for name, path, rows in [("train", TRAIN, 1673), ("test", TEST, 847)]
    ],
    "arms": [{"name": name, "seeds": [arm(name, seed) for seed in SEEDS]} for name in EXPERIMENT["arms"]],
}
document["seconds"] = round(time.time() - start, 1)
(OUTPUT / "experiment.json").write_text(json.dumps(document, indent=1) + "\n")
shutil.rmtree(work)
