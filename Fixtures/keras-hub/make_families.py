"""Writes presets of DistilBERT and RoBERTa with KerasHub, and golden outputs.

    python make_families.py   # keras 3.15.1, keras-hub 0.32.0, tensorflow-cpu 2.21.0, h5py 3.14.0, safetensors 0.8.0

As `make.py` does for BERT. RoBERTa has the tokens and merges of the tiny checkpoints.
"""

import json
import shutil
from pathlib import Path

import make  # sets what Keras has to find set

import keras_hub
import numpy as np
from safetensors.numpy import save_file

HERE = Path(__file__).parent
LENGTH = 16
SIZES = dict(num_layers=2, num_heads=2, hidden_dim=6, intermediate_dim=10, max_sequence_length=LENGTH)
MASK = make.INPUTS["attention_mask"]
ZEROS = np.zeros_like(MASK)


def roberta_tokenizer():
    legacy = HERE.parent / "roberta-tiny/legacy"
    merges = (legacy / "merges.txt").read_text(encoding="utf-8").splitlines()[1:]
    return keras_hub.models.RobertaTokenizer(
        vocabulary=json.loads((legacy / "vocab.json").read_text(encoding="utf-8")), merges=merges,
        name="roberta_tokenizer")


def distilbert_tokenizer():
    return keras_hub.models.DistilBertTokenizer(
        vocabulary=make.VOCABULARY, lowercase=True, name="distil_bert_tokenizer")


FAMILIES = {
    "distilbert": ("DistilBert", 48, distilbert_tokenizer, make.INPUTS["input_ids"]),
    "roberta": ("Roberta", 401, roberta_tokenizer, np.array([[0, 310, 33, 400, 77, 41, 2], [0, 93, 2, 1, 1, 1, 1]])),
}


def write(directory, model, inputs, outputs):
    model.save_to_preset(str(directory))
    # Neither is read: one has the date, the other is in task.json too.
    (directory / "metadata.json").unlink()
    (directory / "preprocessor.json").unlink(missing_ok=True)
    record(directory, inputs, outputs)


def record(directory, inputs, outputs):
    save_file(inputs | {name: np.asarray(value) for name, value in outputs.items()}, directory / "golden.safetensors")


def family(name):
    prefix, size, tokenizer, ids = FAMILIES[name]
    inputs = {"input_ids": ids.astype(np.int64), "attention_mask": MASK, "token_type_ids": ZEROS}
    own = {"token_ids": ids.astype(np.int32), "padding_mask": MASK.astype(np.int32)}

    def kind(suffix):
        return getattr(keras_hub.models, prefix + suffix)

    def fresh(part):
        return make.fresh(f"{name}-{part}")

    encoder = kind("Backbone")(vocabulary_size=size, **SIZES)
    make.randomize(encoder)
    write(fresh("backbone"), encoder, inputs, {"last_hidden_state": encoder(own)})

    masked = kind("MaskedLM")(
        encoder, preprocessor=kind("MaskedLMPreprocessor")(tokenizer(), sequence_length=LENGTH))
    make.randomize(masked)
    positions = np.tile(np.arange(7, dtype=np.int32), (2, 1))
    write(fresh("masked-lm"), masked, inputs, {
        "last_hidden_state": encoder(own), "prediction_logits": masked(own | {"mask_positions": positions})})

    classifier = kind("TextClassifier")(
        encoder, num_classes=3,
        preprocessor=kind("TextClassifierPreprocessor")(tokenizer(), sequence_length=LENGTH))
    make.randomize(classifier)
    outputs = {"last_hidden_state": encoder(own), "logits": classifier(own)}
    directory = fresh("classifier")
    write(directory, classifier, inputs, outputs)
    one = fresh("classifier-one-file")
    classifier.save_weights(one / "model.weights.h5")
    shutil.copy(directory / "config.json", one)
    record(one, inputs, outputs)


if __name__ == "__main__":
    for name in FAMILIES:
        family(name)
