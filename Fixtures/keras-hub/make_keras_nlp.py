"""Writes encoders with KerasNLP under Keras 2, of the weights of the presets beside them, into keras-nlp/.

    python make_keras_nlp.py   # keras-nlp 0.6.4, keras-core 0.1.7, tensorflow-text 2.16.1, and what ../tensorflow/make.py says
"""

import inspect
import json
import os
import shutil
from pathlib import Path

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import tensorflow as tf  # noqa: F401, before KerasNLP, which then has its Keras

import h5py
import keras_nlp

HERE = Path(__file__).parent
BACKBONES = {
    "backbone": "BertBackbone", "roberta-backbone": "RobertaBackbone", "albert-backbone": "AlbertBackbone",
    "deberta-v2-backbone": "DebertaV3Backbone",
}


def datasets(file):
    found = {}
    file.visititems(lambda name, item: found.update({name: item}) if isinstance(item, h5py.Dataset) else None)
    return found


def hub_name(name, known):
    """What KerasHub calls the same."""
    if name in known:
        return name
    attention = name.replace("_self_attention_layer/_", "_self_attention_layer/")
    tables = ("layers/reversible_embedding/vars/0", "layers/token_and_position_embedding/token_embedding/vars/0")
    return next(found for found in (attention, *tables) if found in known)


def main():
    shutil.rmtree(HERE / "keras-nlp", ignore_errors=True)
    for preset, name in BACKBONES.items():
        directory = HERE / "keras-nlp" / preset
        directory.mkdir(parents=True)
        written = directory / "model.weights.h5"
        kind = getattr(keras_nlp.models, name)
        settings = json.loads((HERE / preset / "config.json").read_text())["config"]
        settings = {key: settings[key] for key in inspect.signature(kind).parameters if key in settings}
        model = kind(**{key: value for key, value in settings.items() if key not in ("name", "dtype", "trainable")})
        model.save_weights(written)
        with h5py.File(written, "r+") as mine, h5py.File(HERE / preset / "model.weights.h5") as theirs:
            known = datasets(theirs)
            for stored, dataset in datasets(mine).items():
                dataset[...] = known[hub_name(stored, known)][...]
        # By the library itself, which has read them.
        model.load_weights(written)
        written.unlink()
        model.save_weights(written)
        config = {"class_name": name, "config": model.get_config(), "registered_name": f"keras_nlp>{name}"}
        (directory / "config.json").write_text(json.dumps(config, indent=4, default=str) + "\n")


if __name__ == "__main__":
    main()
