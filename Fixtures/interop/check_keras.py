"""Checks the presets that Graft writes for KerasHub. `run.sh` calls it when there is PEERS/keras.

    python check_keras.py --graft GRAFT     # keras 3.15.1, keras-hub 0.32.0, tensorflow-cpu 2.21.0

KerasHub has to load each preset by the class of its task, every weight of it, and Graft has to compute what KerasHub then
computes, within 1e-5 of the largest value; of sources with KerasHub's GELU, that is what their golden files have.
"""

import argparse
import json
import os
import tempfile
from pathlib import Path

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import h5py
import keras_hub
import numpy as np
from safetensors.numpy import load_file, save_file

from report import TOLERANCE, Failure, Graft, Report, compare

FIXTURES = Path(__file__).resolve().parent.parent
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
TEXTS = ["The president of the company said it will play in Iraq.", "Oil prices rose 3.5% on Tuesday", "Short"]
SOURCES = [
    *sorted(FIXTURES.glob("keras-hub/*/golden.safetensors")),
    *(FIXTURES / "bert-tiny" / name / "golden.safetensors" for name in (
        "base", "multi-label", "regression", "sequence-classification")),
    FIXTURES / "tensorflow/h5/sequence-classification/golden.safetensors",
]


def load(directory):
    """The model, and the number of its weights."""
    task = directory / "task.json"
    name = json.loads(task.read_text())["class_name"] if task.exists() else "BertBackbone"
    return getattr(keras_hub.models, name).from_preset(str(directory))


def count_weights(directory):
    """The weights in a preset's files."""
    found = []
    for path in directory.glob("*.weights.h5"):
        with h5py.File(path) as file:
            file.visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None)
    return len(found)


def outputs(model, batch):
    own = {"token_ids": batch["input_ids"].astype(np.int32), "padding_mask": batch["attention_mask"].astype(np.int32),
           "segment_ids": batch["token_type_ids"].astype(np.int32)}
    found = getattr(model, "backbone", model)(own)
    named = {"last_hidden_state": found["sequence_output"], "pooler_output": found["pooled_output"]}
    if isinstance(model, keras_hub.models.BertMaskedLM):
        count, length = own["token_ids"].shape
        own["mask_positions"] = np.tile(np.arange(length, dtype=np.int32), (count, 1))
        named["prediction_logits"] = model(own)
    elif isinstance(model, keras_hub.models.BertTextClassifier):
        named["logits"] = model(own)
    return {name: np.asarray(value) for name, value in named.items()}


def check(graft, report, golden, work):
    source, name = golden.parent, str(golden.parent.relative_to(FIXTURES))
    written, theirs = work / "preset", work / "golden.safetensors"
    expected = load_file(golden)
    batch = {key: expected.pop(key) for key in INPUTS}

    def loads():
        graft("export", source, "--format", "hdf5", "--dialect", "keras-hub", "--output", written)
        model = load(written)
        if len(model.weights) != count_weights(written):
            raise Failure(f"{len(model.weights)} weights, {count_weights(written)} in the files")
        found = outputs(model, batch)
        save_file(batch | found, theirs)
        if "keras-hub" not in name:
            return "every weight"  # made for the exact GELU
        return compare(found, expected, batch["attention_mask"].astype(bool))

    def agrees():
        rows = json.loads(graft("verify", written, "--golden", theirs, "--tolerance", "1000", "--json"))["outputs"]
        worst = max(row["relative"] for row in rows)
        if not worst <= TOLERANCE:
            raise Failure(f"relative difference {worst:.2g}: {rows}")
        return f"relative difference {worst:.1e}"

    def identical():
        found = json.loads(graft("diff", source, written, "--json", expect=(0, 1)))
        if found["changed"] or found["only_in_a"] or found["only_in_b"]:
            raise Failure(json.dumps(found))
        return "bit-identical"

    if report.check("KerasHub loads the preset", name, loads):
        report.check("graft agrees with KerasHub", name, agrees)
        report.check("the preset is read back", name, identical)
    if (written / "tokenizer.json").exists():
        report.check("token ids of KerasHub", name, lambda: same_ids(graft, written))


def same_ids(graft, directory):
    tokenizer = keras_hub.models.BertTokenizer.from_preset(str(directory))
    found = [row["ids"][1:-1] for row in json.loads(graft("tokenize", directory, "--json", "--", *TEXTS))]
    expected = [[int(token) for token in tokenizer(text)] for text in TEXTS]
    if found != expected:
        raise Failure(f"{found}\nexpected {expected}")
    return f"{len(TEXTS)} texts"


def refuses_pretraining(graft, work):
    try:
        graft("export", FIXTURES / "bert-tiny/pretraining", "--format", "hdf5", "--dialect", "keras-hub", "--output", work / "x")
    except Failure as failure:
        if "has no name for" in str(failure):
            return "refused"
        raise
    raise Failure("a head that KerasHub does not have was written, or lost")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graft", type=Path, required=True)
    parser.add_argument("--verbose", action="store_true", help="print every check, not only those that fail")
    arguments = parser.parse_args()
    graft, report = Graft(arguments.graft.resolve()), Report(arguments.verbose)
    for golden in SOURCES:
        with tempfile.TemporaryDirectory(prefix="graft-interop-") as work:
            check(graft, report, golden, Path(work))
    with tempfile.TemporaryDirectory(prefix="graft-interop-") as work:
        report.check("a next-sentence head", "keras-hub", lambda: refuses_pretraining(graft, Path(work)))
    print()
    raise SystemExit(1 if report.table() or not report.rows else 0)


if __name__ == "__main__":
    main()
