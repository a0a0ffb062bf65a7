"""Writes the presets of this folder with KerasHub, and golden outputs.

    python make.py        # keras 3.15.1, keras-hub 0.32.0, tensorflow-cpu 2.21.0, h5py 3.14.0, safetensors 0.8.0

Each directory has golden.safetensors, KerasHub's outputs for its weights, and tensors.safetensors, the stored tensors as
h5py reads them. `masked-lm` and `classifier` are presets, whose heads have a file of their own; `classifier-one-file` has
all weights in one, as `save_weights` writes it.
"""

import os
import shutil
from pathlib import Path

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import h5py
import keras_hub
import numpy as np
from safetensors.numpy import save_file

HERE = Path(__file__).parent
VOCABULARY = (HERE.parent / "bert-tiny/base/vocab.txt").read_text().splitlines()[:48]
INPUTS = {
    "input_ids": np.array([[2, 10, 33, 7, 3, 41, 3], [2, 28, 3, 0, 0, 0, 0]], np.int64),
    "attention_mask": np.array([[1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 0, 0, 0, 0]], np.int64),
    "token_type_ids": np.array([[0, 0, 0, 0, 0, 1, 1], [0, 0, 0, 0, 0, 0, 0]], np.int64),
}
OWN = {
    "token_ids": INPUTS["input_ids"].astype(np.int32), "padding_mask": INPUTS["attention_mask"].astype(np.int32),
    "segment_ids": INPUTS["token_type_ids"].astype(np.int32),
}


def fresh(name):
    directory = HERE / name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    return directory


def randomize(model):
    """Every variable is random, LayerNorm and biases too, so that no two can be confused."""
    random = np.random.default_rng(7)
    for variable in model.weights:
        center = 1.0 if variable.path.endswith("gamma") else 0.0
        variable.assign((center + 0.3 * random.standard_normal(variable.shape)).astype(np.float32))


def backbone():
    model = keras_hub.models.BertBackbone(
        vocabulary_size=48, num_layers=2, num_heads=2, hidden_dim=8, intermediate_dim=12, max_sequence_length=16)
    randomize(model)
    return model


def tokenizer():
    return keras_hub.models.BertTokenizer(vocabulary=VOCABULARY, lowercase=True, name="bert_tokenizer")


def record(directory, outputs):
    tensors = {}
    for path in sorted(directory.glob("*.weights.h5")):
        # The backbone's names are those that one file for both has.
        prefix = "layers/bert_backbone/" if (directory / "task.weights.h5").exists() and path.name.startswith("model") else ""
        with h5py.File(path) as file:
            file.visititems(
                lambda name, item: tensors.update({prefix + name: np.asarray(item)})
                if isinstance(item, h5py.Dataset) else None)
    save_file(tensors, directory / "tensors.safetensors")
    save_file(INPUTS | {name: np.asarray(value) for name, value in outputs.items()}, directory / "golden.safetensors")


def preset(name, model, outputs):
    directory = fresh(name)
    model.save_to_preset(str(directory))
    metadata = directory / "metadata.json"  # it has the date
    metadata.unlink()
    record(directory, outputs)


def main():
    encoder = backbone()
    found = encoder(OWN)
    outputs = {"last_hidden_state": found["sequence_output"], "pooler_output": found["pooled_output"]}
    preset("backbone", encoder, outputs)

    length = 16
    masked = keras_hub.models.BertMaskedLM(
        encoder, preprocessor=keras_hub.models.BertMaskedLMPreprocessor(tokenizer(), sequence_length=length))
    randomize(masked)
    positions = np.tile(np.arange(7, dtype=np.int32), (2, 1))
    found = encoder(OWN)
    outputs = {"last_hidden_state": found["sequence_output"],
               "prediction_logits": masked(OWN | {"mask_positions": positions})}
    preset("masked-lm", masked, outputs)

    classifier = keras_hub.models.BertTextClassifier(
        encoder, num_classes=3,
        preprocessor=keras_hub.models.BertTextClassifierPreprocessor(tokenizer(), sequence_length=length))
    randomize(classifier)
    found = encoder(OWN)
    outputs = {"last_hidden_state": found["sequence_output"], "logits": classifier(OWN)}
    preset("classifier", classifier, outputs)

    directory = fresh("classifier-one-file")
    classifier.save_weights(directory / "model.weights.h5")
    for name in ("config.json", "task.json"):
        shutil.copy(HERE / "classifier" / name, directory)
    record(directory, outputs)


if __name__ == "__main__":
    main()
