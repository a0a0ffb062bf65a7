"""Checks the presets that Graft writes for KerasHub. `run.sh` calls it when there is PEERS/keras.

    python check_keras.py --graft GRAFT     # keras 3.15.1, keras-hub 0.32.0, tensorflow-cpu 2.21.0

KerasHub has to load each preset by the class of its task, every weight of it, and Graft has to compute what KerasHub then
computes, within 1e-5 of the largest value; of sources with KerasHub's GELU, that is what their golden files have.
"""

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

from report import AGREES, FIXTURES, INPUTS, LOADS, READS, Failure, compare, run

FRAMEWORK = f"KerasHub {keras_hub.__version__}"
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


def check(graft, checks, golden, work):
    source, name = golden.parent, str(golden.parent.relative_to(FIXTURES))
    written, theirs = work / "preset", work / "golden.safetensors"
    expected = load_file(golden)
    batch = {key: expected.pop(key) for key in INPUTS}
    # Other sources are made for the exact GELU.
    is_own = "keras-hub" in name

    def loads():
        graft("export", source, "--format", "hdf5", "--dialect", "keras-hub", "--output", written)
        model = load(written)
        if len(model.weights) != count_weights(written):
            raise Failure(f"{len(model.weights)} weights, {count_weights(written)} in the files")
        found = outputs(model, batch)
        save_file(batch | found, theirs)
        return compare(found, expected, batch["attention_mask"].astype(bool)) if is_own else "every weight"

    if is_own:
        checks.check("Graft reads the preset", name, lambda: graft.verify(source, golden, expected), READS)
    if checks.check("KerasHub loads the preset", name, loads, LOADS, *([AGREES] if is_own else [])):
        checks.check("Graft agrees with KerasHub", name, lambda: graft.verify(written, theirs), AGREES)
        checks.check("the preset is read back", name, lambda: graft.identical(source, written))
    if (written / "tokenizer.json").exists():
        checks.check("token ids of KerasHub", name, lambda: same_ids(graft, written))


def same_ids(graft, directory):
    tokenizer = keras_hub.models.BertTokenizer.from_preset(str(directory))
    found = [row["ids"][1:-1] for row in json.loads(graft("tokenize", directory, "--json", "--", *TEXTS))]
    expected = [[int(token) for token in tokenizer(text)] for text in TEXTS]
    if found != expected:
        raise Failure(f"{found}\nexpected {expected}")
    return f"{len(TEXTS)} texts"


def check_all(graft, report, arguments):
    checks = report.of("hdf5", FRAMEWORK, "keras-hub", "bert")
    for golden in SOURCES:
        if arguments.only in str(golden):
            with tempfile.TemporaryDirectory(prefix="graft-interop-") as work:
                check(graft, checks, golden, Path(work))
    form = ("--format", "hdf5", "--dialect", "keras-hub")
    checks.check("a next-sentence head", "refused", lambda: graft.refuses(FIXTURES / "bert-tiny/pretraining", *form))


if __name__ == "__main__":
    run(__doc__, check_all)
