"""Writes tf_model.h5 of DistilBERT and RoBERTa with transformers' TensorFlow classes, and their golden outputs.

    python make_families.py      # tensorflow-cpu 2.16.2, tf-keras 2.16.0, transformers 4.49.0, safetensors 0.8.0

The tokenizer's files are those of the tiny checkpoints of the family.
"""

import shutil
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

import make  # sets what TensorFlow has to find set

import transformers

HERE = Path(__file__).parent
DISTILBERT = dict(
    vocab_size=48, dim=6, n_layers=2, n_heads=2, hidden_dim=10, max_position_embeddings=16)
ROBERTA = dict(
    vocab_size=401, hidden_size=6, num_hidden_layers=2, num_attention_heads=2, intermediate_size=10,
    max_position_embeddings=18, type_vocab_size=1, layer_norm_eps=1e-5, pad_token_id=1, bos_token_id=0, eos_token_id=2)
CLASSES = {"base": "Model", "masked-lm": "ForMaskedLM", "sequence-classification": "ForSequenceClassification"}
FAMILIES = {
    "distilbert": ("DistilBert", DISTILBERT, make.INPUTS | {"token_type_ids": np.zeros((2, 7), np.int64)}),
    "roberta": ("Roberta", ROBERTA, {
        "input_ids": np.array([[0, 310, 33, 400, 77, 41, 2], [0, 28, 1, 93, 2, 1, 1]], np.int64),
        "attention_mask": np.array([[1, 1, 1, 1, 1, 1, 1], [1, 1, 0, 1, 1, 0, 0]], np.int64),
        "token_type_ids": np.zeros((2, 7), np.int64),
    }),
}


def write(family, name):
    prefix, settings, inputs = FAMILIES[family]
    kind = getattr(transformers, f"TF{prefix}{CLASSES[name]}")
    more = {"num_labels": 3} if name == "sequence-classification" else {}
    model = make.randomized(kind(getattr(transformers, f"{prefix}Config")(**settings, **more)))
    directory = HERE / "h5" / f"{family}-{name}"
    shutil.rmtree(directory, ignore_errors=True)
    model.save_pretrained(directory)
    if family == "roberta":
        for file in ("vocab.json", "merges.txt", "tokenizer_config.json"):
            shutil.copy(HERE.parent / "roberta-tiny/legacy" / file, directory)
    else:
        (directory / "vocab.txt").write_text("".join(token + "\n" for token in make.VOCABULARY))
    # DistilBERT's classes take no token types.
    arguments = {key: inputs[key] for key in inputs if family != "distilbert" or key != "token_type_ids"}
    save_file(inputs | make.outputs(model, arguments), directory / "golden.safetensors")


if __name__ == "__main__":
    for family in FAMILIES:
        for name in CLASSES:
            write(family, name)
