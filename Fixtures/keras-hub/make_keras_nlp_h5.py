"""Writes model.h5 with KerasNLP 0.5 under Keras 2, of the weights of the presets beside them, into keras-nlp-0.5/.

    python make_keras_nlp_h5.py   # keras-nlp 0.5.2, tensorflow-cpu 2.12.1, tensorflow-text 2.12.1, h5py, safetensors

Its presets were such a file, downloaded, beside a vocab.txt or vocab.spm; config.json is what Keras says of the model.
golden.safetensors has KerasNLP's own outputs.
"""

import inspect
import json
import os
import shutil
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import h5py
import keras_nlp
import numpy as np
from keras.saving.serialization_lib import serialize_keras_object
from safetensors.numpy import load_file, save_file

HERE = Path(__file__).parent
WRITTEN = HERE / "keras-nlp-0.5"
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
# What the classes begin with, by the presets' names, and which task the preset is.
PRESETS = {
    "backbone": ("Bert", None), "masked-lm": ("Bert", "MaskedLM"), "classifier": ("Bert", "Classifier"),
    "albert-backbone": ("Albert", None), "distilbert-classifier": ("DistilBert", "Classifier"),
    "roberta-masked-lm": ("Roberta", "MaskedLM"), "xlm-roberta-backbone": ("XLMRoberta", None),
    "deberta-v2-backbone": ("DebertaV3", None), "deberta-v2-masked-lm": ("DebertaV3", "MaskedLM"),
    "deberta-v2-classifier": ("DebertaV3", "Classifier"),
}
# What KerasHub calls the layers of an encoder, and what is in them.
EMBEDDINGS = {
    "token_embedding": "reversible_embedding", "position_embedding": "position_embedding", "segment_embedding": "embedding",
    "embeddings_layer_norm": "layer_normalization", "": "relative_embedding",
    "rel_embedding/rel_embeddings_layer_norm": "relative_embedding/layer_norm",
}
BOTH = "token_and_position_embedding"
LAYER = {
    **{f"multi_head_attention/{name}": f"_self_attention_layer/{name}_dense" for name in ("query", "key", "value")},
    "multi_head_attention/attention_output": "_self_attention_layer/output_dense",
    **{f"disentangled_self_attention/{name}": f"_self_attention_layer/_{name}_dense" for name in ("query", "key", "value")},
    "disentangled_self_attention/attention_output": "_self_attention_layer/_output_dense",
    "layer_normalization": "_self_attention_layer_norm", "layer_normalization_1": "_feedforward_layer_norm",
    "dense": "_feedforward_intermediate_dense", "dense_1": "_feedforward_output_dense",
}
HEAD = {
    "mlm_head/dense": "masked_lm_head/_intermediate_dense", "mlm_head/layer_normalization":
    "masked_lm_head/_intermediate_layer_norm", "mlm_head": "masked_lm_head",
}


def hub_name(name, prefix):
    """The file, and what KerasHub calls a variable of KerasNLP's in it."""
    path, _, kind = name.removesuffix(":0").rpartition("/")
    number = {"bias": 1, "beta": 1}.get(kind, 0)
    layer, _, part = path.partition("/")
    pooled = prefix in ("Bert", "Albert")
    if layer.startswith(("transformer_layer_", "group_", "disentangled_")):
        place = int(layer[-1]) + (2 * int(layer.split("_")[1]) if layer.startswith("group_") else 0)
        encoder = "disentangled_attention_encoder" if layer.startswith("disentangled_") else "transformer_encoder"
        path = f"{encoder}{f'_{place}' if place else ''}/{LAYER[part]}"
    elif layer in ("embeddings", BOTH):
        path = f"{BOTH}/{part[:-1]}"
    elif path in HEAD or path == "logits" or path == "pooled_dense" and not pooled:
        names = HEAD | {"logits": "dense" if pooled else "dense_1", "pooled_dense": "dense"}
        return "task.weights.h5", f"layers/{names[path]}/vars/{number}"
    elif path in ("embedding_projection", "pooled_dense"):
        path = "dense_1" if prefix == "Albert" and path == "pooled_dense" else "dense"
    else:
        path = EMBEDDINGS[path]
    return "model.weights.h5", f"layers/{path}/vars/{number}"


def make(preset, prefix, task):
    settings = json.loads((HERE / preset / "config.json").read_text())["config"]
    kind = getattr(keras_nlp.models, f"{prefix}Backbone")
    settings = {key: settings[key] for key in inspect.signature(kind).parameters if key in settings}
    backbone = kind(**settings)
    if task is None:
        return backbone, backbone
    more = dict(num_classes=3) if task == "Classifier" else {}
    return getattr(keras_nlp.models, prefix + task)(backbone=backbone, preprocessor=None, **more), backbone


def outputs(model, backbone, task, batch):
    own = {"token_ids": batch["input_ids"].astype(np.int32), "padding_mask": batch["attention_mask"].astype(np.int32),
           "segment_ids": batch["token_type_ids"].astype(np.int32)}
    own = {key: own[key] for key in backbone.input}
    found = backbone(own)
    named = {"last_hidden_state": found["sequence_output"] if isinstance(found, dict) else found}
    if isinstance(found, dict) and task is None:
        named["pooler_output"] = found["pooled_output"]
    if task == "MaskedLM":
        rows, length = own["token_ids"].shape
        named["prediction_logits"] = model({**own, "mask_positions": np.tile(np.arange(length, dtype=np.int32), (rows, 1))})
    elif task == "Classifier":
        named["logits"] = model(own)
    return {name: np.asarray(value) for name, value in named.items()}


def described(model):
    """What Keras says of a model, but for how it was built and compiled."""
    found = serialize_keras_object(model)
    return {key: found[key] for key in ("module", "class_name", "config", "registered_name")}


def main():
    shutil.rmtree(WRITTEN, ignore_errors=True)
    for preset, (prefix, task) in PRESETS.items():
        directory = WRITTEN / preset
        directory.mkdir(parents=True)
        model, backbone = make(preset, prefix, task)
        for variable in model.weights:
            file, name = hub_name(variable.name, prefix)
            with h5py.File(HERE / preset / file) as stored:
                variable.assign(stored[name][...])
        model.save_weights(directory / "model.h5")
        (directory / "config.json").write_text(json.dumps(described(model), indent=4) + "\n")
        for name in ("vocabulary.txt", "vocabulary.json", "merges.txt", "vocabulary.spm"):
            vocabulary = HERE / preset / "assets/tokenizer" / name
            if vocabulary.exists():
                shutil.copy(vocabulary, directory / name.replace("vocabulary", "vocab"))
        golden = load_file(HERE / preset / "golden.safetensors")
        batch = {name: golden[name] for name in INPUTS}
        save_file({**batch, **outputs(model, backbone, task, batch)}, directory / "golden.safetensors")


if __name__ == "__main__":
    main()
