"""Writes checkpoints of ALBERT and ELECTRA with the names of Google's programs, and transformers' outputs for them.

    python make_google.py      # tensorflow-cpu 2.16.2, tf-keras 2.16.0, transformers 4.49.0, safetensors 0.8.0

The names are those of the variables in google-research/albert and google-research/electra: modeling.py. The `gelu` of the
former's albert_config.json is the tanh approximation. The latter has no configuration, and a generator beside the
discriminator.
"""

import json
import shutil
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

import make  # sets what TensorFlow has to find set

import transformers

HERE = Path(__file__).parent / "google"
ALBERT = dict(embedding_size=6, num_hidden_layers=4, num_hidden_groups=2, inner_group_num=2)
ELECTRA = dict(embedding_size=6)
RENAMED = [
    ("albert/", "bert/"), ("albert_layer_groups_._", "transformer/group_"), ("albert_layers_._", "inner_group_"),
    ("attention/LayerNorm", "LayerNorm"), ("attention/dense", "attention_1/output/dense"),
    *((f"attention/{name}", f"attention_1/self/{name}") for name in ("query", "key", "value")),
    ("ffn/", "ffn_1/intermediate/dense/"), ("ffn_output/", "ffn_1/intermediate/output/dense/"),
    ("full_layer_layer_norm", "LayerNorm_1"), ("pooler/", "pooler/dense/"),
    ("predictions/dense", "cls/predictions/transform/dense"),
    ("predictions/LayerNorm", "cls/predictions/transform/LayerNorm"),
    ("predictions/decoder/bias", "cls/predictions/output_bias"), ("embeddings/weight", "embeddings"),
    ("embeddings/embeddings", "embeddings"), ("classifier/kernel", "output_weights"),
    ("classifier/bias", "output_bias"),
]


def albert_names(model):
    named = {}
    for variable in model.variables:
        name, value = variable.name.split("/", 1)[1].removesuffix(":0"), variable.numpy()
        if name == "predictions/bias":  # which nothing reads
            continue
        if name == "classifier/kernel":
            value = value.T
        for theirs, googles in RENAMED:
            name = name.replace(theirs, googles)
        named[name] = value
    return named


def electra_names(model):
    named = {}
    for variable in model.variables:
        name = variable.name.split("/", 1)[1].removesuffix(":0").replace("layer_._", "layer_")
        name = name.replace("embeddings/weight", "embeddings").replace("embeddings/embeddings", "embeddings")
        named[name] = variable.numpy()
    return named | {"generator/encoder/layer_0/output/dense/bias": np.zeros(8, np.float32)}


def write(name, model, names, config_name, settings):
    directory = HERE / name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    settings = {"attention_probs_dropout_prob": 0.1, "hidden_act": "gelu", "hidden_dropout_prob": 0.1,
                "initializer_range": 0.02, **make.SETTINGS, **settings}
    (directory / config_name).write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n")
    make.saver(names(model), str(directory / "bert_model.ckpt"))
    save_file(make.INPUTS | make.outputs(model), directory / "golden.safetensors")


def main():
    for name, suffix in (("albert-masked-lm", "ForMaskedLM"), ("albert-classifier", "ForSequenceClassification")):
        config = transformers.AlbertConfig(**(make.SETTINGS | ALBERT), hidden_act="gelu_new", num_labels=3)
        model = make.randomized(getattr(transformers, f"TFAlbert{suffix}")(config))
        write(name, model, albert_names, "albert_config.json", ALBERT)
    electra = make.randomized(transformers.TFElectraModel(transformers.ElectraConfig(**(make.SETTINGS | ELECTRA))))
    write("electra", electra, electra_names, "config.json", ELECTRA | {"model_type": "electra"})


if __name__ == "__main__":
    main()
