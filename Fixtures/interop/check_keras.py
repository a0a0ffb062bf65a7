"""Checks the presets that Graft writes for KerasHub. `run.sh` calls it when there is PEERS/keras.

    python check_keras.py --graft GRAFT     # keras 3.15.1, keras-hub 0.32.0, tensorflow-cpu 2.21.0

KerasHub has to load each preset by the class of its task, every weight of it, and Graft has to compute what KerasHub then
computes, within 1e-5 of the largest value; of sources with KerasHub's GELU, that is what their golden files have.
"""

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import h5py
import keras_hub
import numpy as np
from safetensors.numpy import load_file, save_file

from report import AGREES, FIXTURES, INPUTS, KERAS_HUB, LOADS, READS, Failure, compare, family_of, run

sys.path.insert(0, str(FIXTURES / "keras-hub"))
import make_archives  # noqa: E402

FRAMEWORK = f"KerasHub {keras_hub.__version__}"
TEXTS = ["The president of the company said it will play in Iraq.", "Oil prices rose 3.5% on Tuesday", "Short"]
SOURCES = [
    *sorted(FIXTURES.glob("keras-hub/*/golden.safetensors")),
    *(FIXTURES / "bert-tiny" / name / "golden.safetensors" for name in (
        "base", "multi-label", "regression", "sequence-classification")),
    FIXTURES / "tensorflow/h5/sequence-classification/golden.safetensors",
    *(FIXTURES / f"{family}-tiny" / name / "golden.safetensors" for family in ("distilbert", "roberta") for name in (
        "base", "masked-lm", "multi-label", "sequence-classification")),
    FIXTURES / "xlm-roberta-tiny/masked-lm/golden.safetensors",
    FIXTURES / "xlm-roberta-tiny/sequence-classification/golden.safetensors",
    FIXTURES / "electra-tiny/base/golden.safetensors",
    # KerasHub has DeBERTa in the shape of version 3 alone.
    *(FIXTURES / f"tensorflow/h5/{name}/golden.safetensors" for name in ("masked-lm", "albert-masked-lm")),
    *(FIXTURES / f"tensorflow/h5/{family}-{name}/golden.safetensors" for family in ("albert", "deberta-v2") for name in (
        "base", "sequence-classification")),
    # Those of RoBERTa have padding within a text, where KerasHub counts positions on.
    *(FIXTURES / f"tensorflow/h5/distilbert-{name}/golden.safetensors" for name in (
        "base", "masked-lm", "sequence-classification")),
]


def load(directory):
    task = directory / "task.json"
    file = task if task.exists() else directory / "config.json"
    name = json.loads(file.read_text())["class_name"]
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
    backbone = getattr(model, "backbone", model)
    if "segment_ids" not in backbone.input:
        del own["segment_ids"]
    found = backbone(own)
    if isinstance(found, dict):
        named = {"last_hidden_state": found["sequence_output"], "pooler_output": found["pooled_output"]}
    else:
        named = {"last_hidden_state": found}
    if isinstance(model, keras_hub.models.MaskedLM):
        count, length = own["token_ids"].shape
        own["mask_positions"] = np.tile(np.arange(length, dtype=np.int32), (count, 1))
        named["prediction_logits"] = model(own)
    elif isinstance(model, keras_hub.models.TextClassifier):
        named["logits"] = model(own)
    return {name: np.asarray(value) for name, value in named.items()}


def check(graft, report, golden, work):
    source, name = golden.parent, str(golden.parent.relative_to(FIXTURES))
    family = family_of(source)
    checks = report.of("hdf5", FRAMEWORK, "keras-hub", family)
    written, theirs = work / "preset", work / "golden.safetensors"
    expected = load_file(golden)
    batch = {key: expected.pop(key) for key in INPUTS}
    # BERT and ELECTRA of other sources are made for the exact GELU, and some masked-language-model heads for another epsilon.
    is_own = "keras-hub" in name or family not in ("bert", "electra") and not (
        family in ("distilbert", "albert") and "masked-lm" in name)
    counts_positions = family in ("roberta", "xlm-roberta")
    if counts_positions:  # whose backbone has no pooler there
        expected = {key: value for key, value in expected.items() if key != "pooler_output"}

    def loads():
        graft("export", source, "--format", "hdf5", "--dialect", "keras-hub", "--output", written)
        model = load(written)
        if len(model.weights) != count_weights(written):
            raise Failure(f"{len(model.weights)} weights, {count_weights(written)} in the files")
        found = outputs(model, batch)
        save_file(batch | found, theirs)
        return compare(found, expected, batch["attention_mask"].astype(bool)) if is_own else "every weight"

    if "keras-hub" in name:
        checks.check("Graft reads the preset", name, lambda: graft.verify(source, golden, expected), READS)
    if checks.check("KerasHub loads the preset", name, loads, LOADS, *([AGREES] if is_own else [])):
        checks.check("Graft agrees with KerasHub", name, lambda: graft.verify(written, theirs), AGREES)
        # What KerasHub has no place for is missing then: RoBERTa's token type is part of its positions.
        again = written if not counts_positions or "keras-hub" in name else work / "again"
        if again != written:
            graft("export", written, "--format", "hdf5", "--dialect", "keras-hub", "--output", again)
        first = source if again == written else written
        # Where there is no pooler, it is new there.
        more = "keras-hub" not in name and (family == "electra" or family in ("bert", "albert") and "masked-lm" in name)
        checks.check("the preset is read back", name, lambda: graft.identical(first, again, more_in_second=more))
    if (written / "tokenizer.json").exists():
        checks.check("token ids of KerasHub", name, lambda: same_ids(graft, written, family))


def same_ids(graft, directory, family, source=None, texts=TEXTS):
    tokenizer = getattr(keras_hub.models, f"{KERAS_HUB[family]}Tokenizer").from_preset(str(directory))
    found = [row["ids"][1:-1] for row in json.loads(graft("tokenize", source or directory, "--json", "--", *texts))]
    expected = [[int(token) for token in tokenizer(text)] for text in texts]
    if found != expected:
        raise Failure(f"{found}\nexpected {expected}")
    return f"{len(texts)} texts"


def normalizers(graft, report, name, source):
    """A tokenizer of transformers, whose normalizers become the model's charsmap, with the weights of another model."""
    family = family_of(FIXTURES / source)
    texts = [*TEXTS, "Crème BRÛLÉE, ``naïve'' 'cafés'", "\tÅngström \u3000 ﬁnd\u00a0x²  ", "Ⅷ ㎏ 각 中文 😀", "e\u0301E\u0301 ß ǅ"]

    def check():
        with tempfile.TemporaryDirectory(prefix="graft-interop-") as work:
            model, written = Path(work) / "model", Path(work) / "preset"
            shutil.copytree(FIXTURES / name, model)
            for file in ("tokenizer.json", "tokenizer_config.json"):
                shutil.copy(FIXTURES / source / file, model)
            graft("export", model, "--format", "hdf5", "--dialect", "keras-hub", "--output", written)
            return same_ids(graft, written, family, model, texts)

    report.of("hdf5", FRAMEWORK, "keras-hub", family).check("token ids of transformers", source, check)


# What is saved as an archive, and the fixture that has the same weights.
ARCHIVES = {"backbone": "backbone", "classifier": "classifier", "functional": "backbone"}


def archives(graft, report, only):
    with tempfile.TemporaryDirectory(prefix="graft-interop-") as work:
        make_archives.ARCHIVES = Path(work) / "archives"
        make_archives.main()
        for name, same in ARCHIVES.items():
            file = make_archives.ARCHIVES / f"{name}.keras"

            def reads():
                graft("import", file, "--output", Path(work) / name)
                return graft.identical(FIXTURES / "keras-hub" / same, Path(work) / name)

            if only in str(file):
                report.of("hdf5", FRAMEWORK, "keras-hub", "bert").check("Graft reads the archive", file.name, reads, READS)


def check_all(graft, report, arguments):
    archives(graft, report, arguments.only)
    for golden in SOURCES:
        if arguments.only in str(golden):
            with tempfile.TemporaryDirectory(prefix="graft-interop-") as work:
                check(graft, report, golden, Path(work))
    checks = report.of("hdf5", FRAMEWORK, "keras-hub", "bert")
    form = ("--format", "hdf5", "--dialect", "keras-hub")
    checks.check("a next-sentence head", "refused", lambda: graft.refuses(FIXTURES / "bert-tiny/pretraining", *form))
    normalizers(graft, report, "tensorflow/h5/albert-base", "albert-tiny/base")
    checks = report.of("hdf5", FRAMEWORK, "keras-hub", "electra")
    checks.check("a head of ELECTRA", "refused", lambda: graft.refuses(FIXTURES / "electra-tiny/masked-lm", *form))


if __name__ == "__main__":
    run(__doc__, check_all)
