"""Writes BERT as TensorFlow's model garden saves it, into model-garden/, of the weights of google/pretraining.

    python make_model_garden.py     # tf-models-official 2.16.0, tensorflow-cpu 2.16.2, tf-keras 2.16.0, safetensors 0.8.0

The converters of the package make the checkpoints of Google's; `classifier` was trained with a rate of zero, so that its
optimizer has slots. Each directory has golden.safetensors, the outputs of the package's own model, and
tensors.safetensors, its variables as TensorFlow reads them, by their names.

With tf-models-official 2.2.2 (Python 3.8, tensorflow-cpu 2.2.3), by whose converter the published checkpoints were made, it
writes `published` alone, whose files are called as in those archives.
"""

import os
import shutil
from pathlib import Path

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf
from safetensors.numpy import save_file
from tensorflow.core.protobuf import trackable_object_graph_pb2

try:
    from official.legacy.bert import configs
    from official.nlp.modeling import models
    from official.nlp.tools import export_tfhub_lib
    from official.nlp.tools import tf2_bert_encoder_checkpoint_converter as converter
except ImportError:
    models = None
    from official.nlp.bert import configs
    from official.nlp.bert import tf2_encoder_checkpoint_converter as converter

HERE = Path(__file__).parent
GARDEN = HERE / "model-garden"
SOURCE = HERE / "google/pretraining"
INPUTS = {
    "input_ids": np.array([[2, 10, 33, 7, 3, 41, 3], [2, 28, 3, 0, 0, 0, 0]], np.int64),
    "attention_mask": np.array([[1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 0, 0, 0, 0]], np.int64),
    "token_type_ids": np.array([[0, 0, 0, 0, 0, 1, 1], [0, 0, 0, 0, 0, 0, 0]], np.int64),
}
OWN = {
    "input_word_ids": INPUTS["input_ids"].astype(np.int32), "input_mask": INPUTS["attention_mask"].astype(np.int32),
    "input_type_ids": INPUTS["token_type_ids"].astype(np.int32),
}
# What the names of the model's variables begin with.
PARTS = (
    "word_embeddings", "position_embedding", "type_embeddings", "embeddings", "transformer", "pooler_transform",
    "bert/cls/predictions", "sentence_prediction", "predictions/transform/logits",
)


def configuration():
    return configs.BertConfig.from_json_file(str(SOURCE / "bert_config.json"))


def fresh(name):
    directory = GARDEN / name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    for file in ("bert_config.json", "vocab.txt"):
        shutil.copy(SOURCE / file, directory)
    return directory


def convert(name, **settings):
    """The directory of what the converter writes."""
    directory = fresh(name)
    converter.convert_checkpoint(
        configuration(), str(directory / "bert_model.ckpt"), str(SOURCE / "bert_model.ckpt"), **settings)
    return directory


def variables(prefix):
    """A checkpoint's variables of the model by their names."""
    reader = tf.train.load_checkpoint(str(prefix))
    graph = trackable_object_graph_pb2.TrackableObjectGraph()
    graph.ParseFromString(reader.get_tensor("_CHECKPOINTABLE_OBJECT_GRAPH"))
    return {
        f"{attribute.full_name}:0": reader.get_tensor(attribute.checkpoint_key)
        for node in graph.nodes for attribute in node.attributes
        if attribute.full_name.startswith(PARTS) and "OPTIMIZER_SLOT" not in attribute.checkpoint_key
        and "optimizer" not in attribute.checkpoint_key
    }


def record(directory, prefix, **outputs):
    save_file(variables(directory / prefix), str(directory / "tensors.safetensors"))
    named = {name: np.ascontiguousarray(value) for name, value in outputs.items()}
    save_file({**INPUTS, **named}, str(directory / "golden.safetensors"))


def encoder():
    directory = convert("encoder", checkpoint_model_name="encoder")
    model = converter._create_bert_model(configuration())
    tf.train.Checkpoint(encoder=model).restore(str(directory / "bert_model.ckpt-1")).assert_consumed()
    hidden, pooled = model(list(OWN.values()))
    record(directory, "bert_model.ckpt-1", last_hidden_state=hidden, pooler_output=pooled)
    return model


def masked_lm():
    directory = convert("masked-lm", converted_model="pretrainer")
    model = converter._create_bert_pretrainer_model(configuration())
    tf.train.Checkpoint(**model.checkpoint_items).restore(
        str(directory / "bert_model.ckpt-1")).assert_existing_objects_matched()
    positions = np.tile(np.arange(7, dtype=np.int32), (2, 1))
    found = model({**OWN, "masked_lm_positions": positions})
    record(directory, "bert_model.ckpt-1", last_hidden_state=found["sequence_output"], prediction_logits=found["mlm_logits"])


def randomize(model, part):
    random = np.random.default_rng(7)
    for variable in model.variables:
        if part in variable.name:
            variable.assign((0.3 * random.standard_normal(variable.shape)).astype(np.float32))


def classifier(network):
    directory = fresh("classifier")
    model = models.BertClassifier(network, num_classes=3)
    randomize(model, "sentence_prediction")
    optimizer = tf.keras.optimizers.legacy.Adam(0.0)
    model.compile(optimizer, tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(OWN, np.array([0, 1]), verbose=0)
    tf.train.Checkpoint(model=model, optimizer=optimizer).save(str(directory / "ckpt"))
    record(directory, "ckpt-1", last_hidden_state=network(list(OWN.values()))[0], logits=model(list(OWN.values())))


def span_labeler(network):
    directory = fresh("span-labeler")
    model = models.BertSpanLabeler(network)
    randomize(model, "predictions/transform/logits")
    tf.train.Checkpoint(model=model).save(str(directory / "ckpt"))
    starts, ends = model(list(OWN.values()))
    record(
        directory, "ckpt-1", last_hidden_state=network(list(OWN.values()))[0], start_logits=starts, end_logits=ends)


def saved_model():
    """As on TensorFlow Hub, where the vocabulary is among the assets and there is no configuration."""
    directory = fresh("saved-model")
    export_tfhub_lib.export_model(
        str(directory), bert_config=configuration(), with_mlm=True, vocab_file=str(SOURCE / "vocab.txt"), do_lower_case=True,
        model_checkpoint_path=str(GARDEN / "masked-lm/bert_model.ckpt-1"))
    shutil.rmtree(directory / "assets")
    for file in directory.glob("*.pb"):  # the program, which is large
        file.unlink()
    for file in ("golden.safetensors", "tensors.safetensors"):
        shutil.copy(GARDEN / "masked-lm" / file, directory)


def published():
    directory = convert("published")
    model = converter._create_bert_model(configuration())
    tf.train.Checkpoint(model=model).restore(str(directory / "bert_model.ckpt-1")).assert_consumed()
    hidden, pooled = model(list(OWN.values()))
    record(directory, "bert_model.ckpt-1", last_hidden_state=hidden, pooler_output=pooled)
    for file in directory.glob("bert_model.ckpt-1.*"):
        file.rename(directory / file.name.replace("-1.", ".", 1))
    (directory / "checkpoint").unlink()


def main():
    if models is None:
        published()
        return
    network = encoder()
    masked_lm()
    classifier(network)
    span_labeler(network)
    saved_model()


if __name__ == "__main__":
    main()
