"""Writes the checkpoints of this folder with TensorFlow: tf_model.h5 by transformers, bert_model.ckpt by the savers.

    python make.py       # tensorflow-cpu 2.16.2, tf-keras 2.16.0, transformers 4.49.0, h5py 3.16.0, safetensors 0.8.0

Each directory has golden.safetensors, the outputs of transformers' TensorFlow class for the same weights, and
tensors.safetensors, the stored tensors as the framework itself reads them. bert_model.ckpt has the names
of the variables in google-research/bert: modeling.py, run_pretraining.py and run_classifier.py.
"""

import json
import os
import shutil
from pathlib import Path

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import h5py
import numpy as np
import tensorflow as tf
from safetensors.numpy import save_file
from transformers import (
    BertConfig,
    TFBertForMaskedLM,
    TFBertForPreTraining,
    TFBertForSequenceClassification,
    TFBertModel,
)

HERE = Path(__file__).parent
V1 = tf.compat.v1
VOCABULARY = (HERE.parent / "bert-tiny/base/vocab.txt").read_text().splitlines()[:48]
SETTINGS = dict(
    vocab_size=48, hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=12,
    max_position_embeddings=16, type_vocab_size=2,
)
INPUTS = {
    "input_ids": np.array([[2, 10, 33, 7, 3, 41, 3], [2, 28, 3, 0, 0, 0, 0]], np.int64),
    "attention_mask": np.array([[1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 0, 0, 0, 0]], np.int64),
    "token_type_ids": np.array([[0, 0, 0, 0, 0, 1, 1], [0, 0, 0, 0, 0, 0, 0]], np.int64),
}


def fresh(name):
    directory = HERE / name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    (directory / "vocab.txt").write_text("".join(token + "\n" for token in VOCABULARY))
    return directory


def make(cls, **settings):
    return randomized(cls(BertConfig(**SETTINGS, **settings)))


def randomized(model):
    """The model with every variable random, LayerNorm and biases too, so that no two can be confused."""
    with tf.name_scope(""):
        model.build_in_name_scope()
    random = np.random.default_rng(7)
    for variable in model.variables:
        center = 1.0 if "gamma" in variable.name else 0.0
        variable.assign((center + 0.3 * random.standard_normal(variable.shape)).astype(np.float32))
    return model


def outputs(model, inputs=INPUTS):
    found = model(**inputs, output_hidden_states=True)
    named = {"last_hidden_state": found.hidden_states[-1]}
    for ours, theirs in [
        ("pooler_output", "pooler_output"), ("prediction_logits", "prediction_logits"),
        ("seq_relationship_logits", "seq_relationship_logits"),
    ]:
        if theirs in found:
            named[ours] = found[theirs]
    if "logits" in found:
        named["prediction_logits" if type(model).__name__.endswith("ForMaskedLM") else "logits"] = found.logits
    return {name: value.numpy() for name, value in named.items()}


def record(directory, tensors, model=None):
    save_file({name: np.asarray(value) for name, value in sorted(tensors.items())}, directory / "tensors.safetensors")
    if model is not None:
        save_file(INPUTS | outputs(model), directory / "golden.safetensors")


def keras(name, model):
    directory = fresh(name)
    model.save_pretrained(directory)
    tensors = {}
    with h5py.File(directory / "tf_model.h5") as file:
        file.visititems(
            lambda path, item: tensors.update({path: np.asarray(item)}) if isinstance(item, h5py.Dataset) else None)
    record(directory, tensors, model)


def google_names(model):
    """The model's variables as modeling.py calls them."""
    named = {}
    for variable in model.variables:
        name = variable.name.split("/", 1)[1].removesuffix(":0").replace("layer_._", "layer_")
        value = variable.numpy()
        name = name.replace("embeddings/word_embeddings/weight", "embeddings/word_embeddings")
        for kind in ("position", "token_type"):
            name = name.replace(f"{kind}_embeddings/embeddings", f"{kind}_embeddings")
        name = name.replace("mlm___cls/predictions/bias", "cls/predictions/output_bias")
        name = name.replace("mlm___cls/", "cls/").replace("nsp___cls/", "cls/")
        if name in ("cls/seq_relationship/kernel", "classifier/kernel"):
            value = value.T
        name = name.replace("cls/seq_relationship/kernel", "cls/seq_relationship/output_weights")
        name = name.replace("cls/seq_relationship/bias", "cls/seq_relationship/output_bias")
        name = name.replace("classifier/kernel", "output_weights").replace("classifier/bias", "output_bias")
        named[name] = value
    return named


def google(name, model, save):
    directory = fresh(name)
    settings = {"attention_probs_dropout_prob": 0.1, "hidden_act": "gelu", "hidden_dropout_prob": 0.1,
                "initializer_range": 0.02, **SETTINGS}
    (directory / "bert_config.json").write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n")
    prefix = str(directory / "bert_model.ckpt")
    save(google_names(model), prefix)
    reader = tf.train.load_checkpoint(prefix)
    record(directory, {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}, model)


def saver(values, prefix):
    """The saver of run_pretraining.py, with the slots of its optimizer."""
    with tf.Graph().as_default(), V1.Session() as session:
        for name, value in values.items():
            V1.get_variable(name, initializer=value)
            if name == "bert/pooler/dense/bias":
                V1.get_variable(name + "/adam_m", initializer=np.zeros_like(value))
                V1.get_variable(name + "/adam_v", initializer=np.zeros_like(value))
        V1.train.get_or_create_global_step()
        session.run(V1.global_variables_initializer())
        V1.train.Saver().save(session, prefix, write_meta_graph=False)
    (Path(prefix).parent / "checkpoint").unlink()


def sharded(values, prefix):
    """Two data files, as savers of several machines write them."""
    names = list(values)
    parts = [names[0::2], names[1::2]]
    for index, part in enumerate(parts):
        tf.raw_ops.SaveV2(
            prefix=f"{prefix}.part{index}", tensor_names=part, shape_and_slices=[""] * len(part),
            tensors=[tf.constant(values[name]) for name in part])
    tf.raw_ops.MergeV2Checkpoints(
        checkpoint_prefixes=[f"{prefix}.part{index}" for index in range(2)], destination_prefix=prefix,
        delete_old_dirs=False)


def types():
    """Every element type that both sides know, and what is no tensor of numbers."""
    directory = HERE / "types"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    kinds = [tf.float32, tf.float64, tf.float16, tf.bfloat16, tf.int8, tf.int16, tf.int32, tf.int64, tf.uint8,
             tf.uint16, tf.uint32, tf.uint64, tf.bool]
    values = {kind.name: tf.cast(tf.constant([[0, 1, 3], [5, 1, 0]]), kind) for kind in kinds}
    values |= {"scalar": tf.constant(2.5), "empty": tf.zeros([0, 4]), "text": tf.constant("not a tensor")}
    prefix = str(directory / "types.ckpt")
    tf.raw_ops.SaveV2(
        prefix=prefix, tensor_names=list(values), shape_and_slices=[""] * len(values), tensors=list(values.values()))
    record(directory, {name: value.numpy() for name, value in values.items() if name not in ("text", "bfloat16")})


def main():
    pretraining, classifier = make(TFBertForPreTraining), make(TFBertForSequenceClassification, num_labels=3)
    keras("h5/base", make(TFBertModel))
    keras("h5/pretraining", pretraining)
    keras("h5/masked-lm", make(TFBertForMaskedLM))
    keras("h5/sequence-classification", classifier)
    google("google/pretraining", pretraining, saver)
    google("google/sharded", make(TFBertModel), sharded)
    google("google/classifier", classifier, saver)
    types()


if __name__ == "__main__":
    main()
