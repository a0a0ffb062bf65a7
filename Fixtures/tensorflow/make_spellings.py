"""Writes what TensorFlow and Keras 2 save of transformers' TensorFlow classes beside tf_model.h5, and other forms of
Google's bert_model.ckpt, into spellings/.

    python make_spellings.py     # as make.py

The weights are those of h5/sequence-classification, h5/base and google/pretraining. What was trained was trained with a
rate of zero, so that its optimizer has slots and the weights are the same.
"""

import shutil
from pathlib import Path

import numpy as np

import make  # sets what TensorFlow has to find set

import tensorflow as tf
from transformers import TFBertForMaskedLM, TFBertForSequenceClassification, TFBertModel

HERE = Path(__file__).parent
SPELLINGS = HERE / "spellings"
V1 = tf.compat.v1
IDS = np.array([[2, 10, 3], [2, 28, 3]], np.int32)


def fresh(name, source, configuration="config.json"):
    directory = SPELLINGS / name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    shutil.copy(HERE / source / configuration, directory)
    return directory


def trained(model, optimizer):
    model.compile(optimizer=optimizer, loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit({"input_ids": IDS}, np.array([0, 1]), verbose=0)
    return model


def load(kind, name):
    model = kind.from_pretrained(HERE / name)
    model.config.name_or_path = name
    return model


def classifier():
    return load(TFBertForSequenceClassification, "h5/sequence-classification")


def masked_lm():
    return load(TFBertForMaskedLM, "h5/masked-lm")


def functional():
    """A model of layers around the encoder, with a head of its own."""
    inputs = tf.keras.layers.Input((3,), dtype=tf.int32, name="input_ids")
    pooled = load(TFBertModel, "h5/base")(inputs)[1]
    return tf.keras.Model(inputs, tf.keras.layers.Dense(2)(pooled))


class Subclass(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.encoder = load(TFBertModel, "h5/base")
        self.out = tf.keras.layers.Dense(2)

    def call(self, inputs):
        return self.out(self.encoder(inputs)[1])


def scaled(optimizer):
    return tf.keras.mixed_precision.LossScaleOptimizer(optimizer)


def trained_objects(name, optimizer):
    model = trained(classifier(), optimizer)
    tf.train.Checkpoint(net=model, opt=optimizer).save(fresh(name, "h5/sequence-classification") / "run")


def transformers_files():
    source = "h5/sequence-classification"
    classifier().save_pretrained(fresh("safetensors", source), safe_serialization=True)
    for name, safe in (("shards", False), ("safetensors-shards", True)):
        classifier().save_pretrained(fresh(name, source), safe_serialization=safe, max_shard_size="5KB")
    classifier().save_weights(fresh("objects", source) / "ckpt", save_format="tf")
    trained_objects("objects-trained", tf.keras.optimizers.Adam(0.0))
    trained_objects("objects-legacy", tf.keras.optimizers.legacy.Adam(0.0))
    # As mixed precision wraps them.
    trained_objects("objects-scaled", scaled(tf.keras.optimizers.SGD(0.0)))
    trained_objects("objects-scaled-legacy", scaled(tf.keras.optimizers.legacy.SGD(0.0)))
    directory = fresh("saved-model", source)
    classifier().save_pretrained(directory, saved_model=True)
    (directory / "tf_model.h5").unlink()
    # The program, which is large, and what else is not the variables.
    for path in [*directory.glob("saved_model/1/*.pb"), directory / "saved_model/1/assets"]:
        path.rmdir() if path.is_dir() else path.unlink()


def keras_files():
    source = "h5/base"
    functional().save_weights(fresh("functional", source) / "model.h5")
    trained(functional(), tf.keras.optimizers.Adam(0.0)).save(fresh("functional-trained", source) / "model.h5")
    functional().save_weights(fresh("functional-objects", source) / "ckpt", save_format="tf")
    model = Subclass()
    model(IDS)
    model.save_weights(fresh("subclass", source) / "model.h5")


def archives():
    """Keras' own archives: of layers around the encoder, and of whole models."""
    for name, make in (("functional", functional), ("classifier", classifier), ("masked-lm", masked_lm)):
        model = make()
        if name != "functional":
            model(IDS)
        model.save(SPELLINGS / f"{name}.keras")


def google_files():
    reader = tf.train.load_checkpoint(str(HERE / "google/pretraining/bert_model.ckpt"))
    values = {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}

    def write(name, prefix="bert_model.ckpt", partitioner=None, slots=(), state=False):
        directory = fresh(name, "google/pretraining", "bert_config.json")
        with tf.Graph().as_default(), V1.Session() as session:
            for key, value in values.items():
                part = partitioner if partitioner and value.ndim == 2 and "output_weights" not in key else None

                def initializer(shape, dtype, partition_info=None, value=value):
                    offsets = partition_info.var_offset if partition_info else [0] * value.ndim
                    return tf.constant(value[tuple(slice(at, at + size) for at, size in zip(offsets, shape))])

                V1.get_variable(
                    key, value.shape, tf.as_dtype(value.dtype), initializer if part else V1.constant_initializer(value),
                    partitioner=part)
                for slot in slots if value.ndim else ():
                    V1.get_variable(f"{key}/{slot}", value.shape, initializer=V1.zeros_initializer())
            if slots:
                V1.get_variable("current_loss_scale", initializer=1.0)
                V1.get_variable("good_steps", initializer=0)
            session.run(V1.global_variables_initializer())
            V1.train.Saver().save(session, str(directory / prefix), write_meta_graph=False, write_state=state)

    write("partitioned", partitioner=V1.fixed_size_partitioner(3))
    write("partitioned-columns", partitioner=V1.fixed_size_partitioner(2, axis=1))
    write("slots", slots=("LAMB", "LAMB_1", "BERTAdam", "lamb_m"))
    write("named", prefix="model.ckpt-1000", state=True)
    record = SPELLINGS / "named/checkpoint"
    record.write_text(record.read_text().replace(str(SPELLINGS), "/where/it/was/trained"))


if __name__ == "__main__":
    transformers_files()
    keras_files()
    archives()
    google_files()
