"""Writes tf_model.h5 of the families but BERT with transformers' TensorFlow classes, and their golden outputs.

    python make_families.py      # tensorflow-cpu 2.16.2, tf-keras 2.16.0, transformers 4.49.0, safetensors 0.8.0

The tokenizer's files of DistilBERT and RoBERTa are those of their tiny checkpoints; the others have none. CamemBERT and
XLM-RoBERTa are RoBERTa but for the name of the class.
"""

import inspect
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
SIZES = {key: value for key, value in make.SETTINGS.items() if key != "type_vocab_size"}
NO_TYPES = make.INPUTS | {"token_type_ids": np.zeros((2, 7), np.int64)}
LIKE_ROBERTA = SIZES | dict(type_vocab_size=1, pad_token_id=1)
CLASSES = {"base": "Model", "masked-lm": "ForMaskedLM", "sequence-classification": "ForSequenceClassification"}
FAMILIES = {
    "distilbert": ("DistilBert", DISTILBERT, make.INPUTS | {"token_type_ids": np.zeros((2, 7), np.int64)}),
    "roberta": ("Roberta", ROBERTA, {
        "input_ids": np.array([[0, 310, 33, 400, 77, 41, 2], [0, 28, 1, 93, 2, 1, 1]], np.int64),
        "attention_mask": np.array([[1, 1, 1, 1, 1, 1, 1], [1, 1, 0, 1, 1, 0, 0]], np.int64),
        "token_type_ids": np.zeros((2, 7), np.int64),
    }),
    # More layers than groups: with fewer, TensorFlow's class asks for head masks that are not there.
    "albert": ("Albert", SIZES | dict(
        embedding_size=6, num_hidden_layers=4, num_hidden_groups=2, inner_group_num=2), make.INPUTS),
    "electra": ("Electra", SIZES | dict(embedding_size=6), make.INPUTS),
    "mpnet": ("MPNet", SIZES, NO_TYPES),
    "camembert": ("Camembert", LIKE_ROBERTA, NO_TYPES),
    "xlm-roberta": ("XLMRoberta", LIKE_ROBERTA, NO_TYPES),
    # Fewer buckets than tokens, and three heads of four numbers.
    "deberta-v2": ("DebertaV2", SIZES | dict(
        hidden_size=12, num_attention_heads=3, type_vocab_size=0, relative_attention=True, position_buckets=4,
        norm_rel_ebd="layer_norm", share_att_key=True, pos_att_type=["p2c", "c2p"], position_biased_input=False,
        pooler_hidden_size=12), NO_TYPES),
}
# The shape of version 2's large models: projections of the relative embeddings' own, a convolution, narrow embeddings. Their
# positions would have the hidden states' width in TensorFlow's class, which cannot add them then.
LARGE = dict(share_att_key=False, conv_kernel_size=5, conv_act="gelu", embedding_size=10, type_vocab_size=2)


def write(family, name):
    prefix, settings, inputs = FAMILIES[family]
    kind = getattr(transformers, f"TF{prefix}{CLASSES[name]}")
    more = {"num_labels": 3} if name == "sequence-classification" else {}
    if family == "deberta-v2" and name == "masked-lm":
        more, inputs = LARGE, make.INPUTS
    model = make.randomized(kind(getattr(transformers, f"{prefix}Config")(**settings | more)))
    if family == "albert" and name == "masked-lm":
        # As conversion makes them: the class reads one of the two biases.
        model.predictions.bias.assign(model.predictions.decoder_bias)
    directory = HERE / "h5" / f"{family}-{name}"
    shutil.rmtree(directory, ignore_errors=True)
    model.save_pretrained(directory)
    if family == "roberta":
        for file in ("vocab.json", "merges.txt", "tokenizer_config.json"):
            shutil.copy(HERE.parent / "roberta-tiny/legacy" / file, directory)
    elif family == "distilbert":
        (directory / "vocab.txt").write_text("".join(token + "\n" for token in make.VOCABULARY))
    known = inspect.signature(model.call).parameters  # some have no token types
    arguments = {key: inputs[key] for key in inputs if key in known}
    save_file(inputs | make.outputs(model, arguments), directory / "golden.safetensors")


if __name__ == "__main__":
    for family in FAMILIES:
        for name in ["masked-lm"] if family in ("camembert", "xlm-roberta") else CLASSES:
            write(family, name)
