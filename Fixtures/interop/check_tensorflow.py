"""Checks what Graft writes for TensorFlow: tf_model.h5 and bert_model.ckpt. `run.sh` calls it when there is PEERS/tensorflow.

    python check_tensorflow.py --graft GRAFT    # tensorflow-cpu 2.16.2, tf-keras 2.16.0, transformers 4.49.0

transformers' TensorFlow classes have to load each tf_model.h5 without a missing, unexpected or mismatched weight, and
TensorFlow each bert_model.ckpt with the variables of google-research/bert, no more and no less; the outputs have to be
those of the source's golden file within 1e-5 of the largest value.
"""

import inspect
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf
import transformers
from safetensors.numpy import load_file

from report import AGREES, FIXTURES, INPUTS, LOADS, READS, Failure, compare, family_of, run

sys.path.insert(0, str(FIXTURES / "tensorflow"))
import make as tensorflow_fixtures  # noqa: E402

transformers.logging.set_verbosity_error()
SOURCES = [
    *sorted(FIXTURES.glob("tensorflow/*/*/golden.safetensors")),
    # KerasHub's RoBERTa has no pooler, and the bare TensorFlow class cannot be without one; with ELECTRA it is the reverse.
    *sorted(set(FIXTURES.glob("keras-hub/*/golden.safetensors")) - {
        FIXTURES / f"keras-hub/{name}-backbone/golden.safetensors" for name in (
            "roberta", "xlm-roberta", "electra", "electra-one-width")}),
    *(FIXTURES / "bert-tiny" / name / "golden.safetensors" for name in (
        "base", "base-no-pooler", "gelu-tanh", "masked-lm", "multi-label", "next-sentence", "padded-vocab", "pretraining",
        "regression", "sequence-classification")),
    *(FIXTURES / family / name / "golden.safetensors" for family in ("distilbert-tiny", "roberta-tiny") for name in (
        "base", "masked-lm", "multi-label", "relu", "sequence-classification")),
    # It has no class of ModernBERT, and its MPNet has other hidden states than PyTorch's with these settings, under any head.
    *sorted(set(FIXTURES.glob("*-tiny/multiple-choice/golden.safetensors")) - {
        FIXTURES / f"{name}-tiny/multiple-choice/golden.safetensors" for name in ("modernbert", "mpnet")}),
]


def make(directory, golden):
    """The class and configuration of a directory's model, and how it is made."""
    kind = json.loads((directory / "config.json").read_text())["architectures"][0]
    arguments = {"add_pooling_layer": False} if kind.endswith("Model") and "no-pooler" in str(golden) else {}
    return getattr(transformers, "TF" + kind), transformers.AutoConfig.from_pretrained(directory), arguments


def outputs(model, batch):
    known = inspect.signature(model.call).parameters
    chooses = type(model).__name__.endswith("ForMultipleChoice")
    if chooses:  # the rows are the choices of one question
        batch = {key: value[None] for key, value in batch.items()}
    found = model(**{key: value for key, value in batch.items() if key in known}, output_hidden_states=True)
    if chooses:  # some of these classes give no hidden states, whatever they are asked
        return {"logits": tf.reshape(found.logits, (-1, 1)).numpy()}
    named = {"last_hidden_state": found.hidden_states[-1]}
    name = type(model).__name__
    if getattr(found, "pooler_output", None) is not None:
        named["pooler_output"] = found.pooler_output
    if name.endswith("ForPreTraining"):
        named |= dict(prediction_logits=found.prediction_logits, seq_relationship_logits=found.seq_relationship_logits)
    elif name.endswith("ForMaskedLM"):
        named["prediction_logits"] = found.logits
    elif name.endswith("ForNextSentencePrediction"):
        named["seq_relationship_logits"] = found.logits
    elif name.endswith("ForSequenceClassification"):
        named["logits"] = found.logits
    return {name: value.numpy() for name, value in named.items()}


def agrees(model, golden):
    expected = load_file(golden)
    batch = {name: expected.pop(name) for name in INPUTS}
    # A class with a head does not give the pooler's output.
    if not type(model).__name__.endswith("Model"):
        expected.pop("pooler_output", None)
    if type(model).__name__.endswith("ForMultipleChoice"):
        expected = {"logits": expected["logits"]}
    return compare(outputs(model, batch), expected, batch["attention_mask"].astype(bool))


def loads_keras(directory, golden):
    cls, config, arguments = make(directory, golden)
    model, info = cls.from_pretrained(directory, config=config, output_loading_info=True, **arguments)
    # A layer without weights, whose number depends on the models before it. Some classes say that it may be missing.
    problems = {key: [name for name in found if not name.startswith(("dropout", "cls_dropout"))] for key, found in info.items()}
    problems = {key: found for key, found in problems.items() if found}
    if problems:
        raise Failure(str(problems))
    return agrees(model, golden)


def loads_bundle(directory, golden):
    """Assigns every variable of the model from the checkpoint, by its name in google-research/bert."""
    cls, config, arguments = make(directory, golden)
    model = cls(config, **arguments)
    model.build_in_name_scope()
    reader = tf.train.load_checkpoint(str(directory / "bert_model.ckpt"))
    stored = set(reader.get_variable_to_shape_map())
    names = tensorflow_fixtures.google_names(model)
    if stored != set(names):
        raise Failure(f"missing {sorted(set(names) - stored)}, unexpected {sorted(stored - set(names))}")
    for (name, current), variable in zip(names.items(), model.variables):
        value = reader.get_tensor(name)
        variable.assign(value if value.shape == tuple(variable.shape) and value.shape == current.shape
                        and name not in ("output_weights", "cls/seq_relationship/output_weights") else value.T)
    return agrees(model, golden)


FORMS = {
    "h5": ("tf_model.h5", "hdf5", f"transformers {transformers.__version__}", "transformers-tf", loads_keras),
    "google": ("bert_model.ckpt", "tensorflow", f"TensorFlow {tf.__version__}", "google", loads_bundle),
}


def check(graft, report, golden, work):
    source, name = golden.parent, str(golden.parent.relative_to(FIXTURES))
    family = family_of(source)
    for folder, (what, form, framework, dialect, loads) in FORMS.items():
        checks, written = report.of(form, framework, dialect, family), work / form
        # Graft writes these as Google named them, but its code for them is not here to load them; it has no heads that choose.
        if dialect == "google" and (family != "bert" or source.name == "multiple-choice"):
            if source.parent.name == folder:
                checks.check(f"Graft reads {what}", name, lambda: graft.verify(source, golden), READS)
            continue

        def export(*options):
            graft("export", source, "--format", form, *options, "--output", written)
            if name in ("keras-hub/masked-lm", *(f"keras-hub/{of}-masked-lm" for of in ("distilbert", "albert", "deberta-v2"))):
                return "written"  # KerasHub's head is computed with another GELU than its encoder, or another epsilon
            return loads(written, golden)

        if source.parent.name == folder:
            checks.check(f"Graft reads {what}", name, lambda: graft.verify(source, golden), READS)
        if checks.check(f"{what} loads", name, export, LOADS, AGREES):
            # Classes without a pooler leave it beside their weights.
            checks.check(f"{what} is read back", name, lambda: graft.identical(source, written))
        if form == "tensorflow":
            shutil.rmtree(written)
            checks.check(f"{what} in data files of 20 KB loads", name, lambda: export("--max-shard-size", "20KB"), LOADS)


def check_all(graft, report, arguments):
    for golden in SOURCES:
        if arguments.only in str(golden):
            with tempfile.TemporaryDirectory(prefix="graft-interop-") as work:
                check(graft, report, golden, Path(work))
    for _, form, framework, dialect, _ in FORMS.values():
        for family in ("bert",) if dialect == "google" else ("bert", "distilbert", "roberta"):
            untied = FIXTURES / f"{family}-tiny/untied-decoder"
            checks = report.of(form, framework, dialect, family)
            checks.check("an untied decoder", f"{family}: refused", lambda: graft.refuses(untied, "--format", form))
    with tempfile.TemporaryDirectory(prefix="graft-interop-") as work:
        command = ("export", FIXTURES / "bert-tiny/base", "--format", "hdf5", "--dtype", "bfloat16", "--output", Path(work) / "out")
        report.of("hdf5", FORMS["h5"][2], "transformers-tf", "bert").check(
            "bfloat16, which TensorFlow cannot load", "refused", lambda: graft.fails("bfloat16", *command))


if __name__ == "__main__":
    run(__doc__, check_all)
