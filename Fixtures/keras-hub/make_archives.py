"""Writes archives `.keras` with KerasHub, of the weights of the presets beside them, into archives/.

    python make_archives.py      # as make.py
"""

import shutil
from pathlib import Path

import make  # sets what Keras has to find set

import keras
import keras_hub

HERE = Path(__file__).parent
ARCHIVES = HERE / "archives"


def main():
    shutil.rmtree(ARCHIVES, ignore_errors=True)
    ARCHIVES.mkdir()
    backbone = keras_hub.models.BertBackbone.from_preset(str(HERE / "backbone"))
    backbone.save(ARCHIVES / "backbone.keras")
    keras_hub.models.BertTextClassifier.from_preset(str(HERE / "classifier")).save(ARCHIVES / "classifier.keras")
    keras.utils.set_random_seed(7)
    pooled = backbone(backbone.input)["pooled_output"]
    keras.Model(backbone.input, keras.layers.Dense(3)(pooled)).save(ARCHIVES / "functional.keras")


if __name__ == "__main__":
    main()
