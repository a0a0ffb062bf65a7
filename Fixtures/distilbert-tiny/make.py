"""Writes the tiny DistilBERT checkpoints of this folder with transformers, and each one's golden outputs.

    python make.py            # torch 2.15.0, transformers 5.23.0, tokenizers 0.23.3, safetensors 0.8.0

The sizes are odd on purpose: three heads of five numbers, a word table of more rows than the tokenizer has tokens, a
dropout for each place. All directories share one encoder and, head by head, one set of weights: a parameter's values
depend on its name and shape only, and no two parameters are alike.

`without-architectures/` has each class again with a config.json that does not name it; the other files there are links,
as are the golden files of checkpoints that differ in spelling only. `base` has a second golden file, whose texts have
padding before and within them.
"""

import shutil
import sys
from pathlib import Path

import torch
from transformers import (
    DistilBertConfig,
    DistilBertForMaskedLM,
    DistilBertForMultipleChoice,
    DistilBertForQuestionAnswering,
    DistilBertForSequenceClassification,
    DistilBertForTokenClassification,
    DistilBertModel,
    DistilBertTokenizerFast,
)

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.dont_write_bytecode = True

from tiny import ENTITIES, MOODS, TOPICS, Family, labels  # noqa: E402

PREFIX = "distilbert."
POSITIONS = 42


def config(**changes):
    settings = dict(
        vocab_size=269,  # nine more than the tokenizer has
        dim=15,
        n_layers=3,
        n_heads=3,
        hidden_dim=23,
        max_position_embeddings=POSITIONS,
        dropout=0.11,
        attention_dropout=0.12,
        qa_dropout=0.13,
        seq_classif_dropout=0.21,
        initializer_range=0.3,
    )
    return DistilBertConfig(**(settings | changes), attn_implementation="eager")


def write_tokenizer(directory, fast_file=True):
    """The WordPiece of bert-tiny."""
    shutil.copy(HERE.parent / "bert-tiny/base/vocab.txt", directory)
    tokenizer = DistilBertTokenizerFast(vocab=str(directory / "vocab.txt"), model_max_length=POSITIONS)
    tokenizer.save_pretrained(directory)
    if not fast_file:
        (directory / "tokenizer.json").unlink()


def with_decoder(tensors, copy):
    """As `state_dict()` has it: with the decoder, which is the word table, or a copy of it."""
    table = tensors[PREFIX + "embeddings.word_embeddings.weight"]
    return tensors | {"vocab_projector.weight": table.clone() if copy else table}


def legacy(tensors):
    """As files of 2019 are: with the decoder, the buffer of positions, and a LayerNorm's first names."""
    renamed = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): tensor
        for name, tensor in with_decoder(tensors, copy=True).items()
    }
    return renamed | {PREFIX + "embeddings.position_ids": torch.arange(POSITIONS).unsqueeze(0)}


def main():
    family = Family(
        folder=HERE, prefix=PREFIX, config=config, write_tokenizer=write_tokenizer,
        pad=0, first=2, last=3, mask=4, words=(5, 260),
    )
    family.write("base", DistilBertModel, length=POSITIONS)
    family.write("masked-lm", DistilBertForMaskedLM)
    family.write("sequence-classification", DistilBertForSequenceClassification, labels(MOODS))
    family.write("two-labels", DistilBertForSequenceClassification)  # its config.json names no labels
    family.write(
        "multi-label", DistilBertForSequenceClassification,
        dict(problem_type="multi_label_classification", **labels(TOPICS)),
    )
    family.write("token-classification", DistilBertForTokenClassification, labels(ENTITIES))
    family.write("question-answering", DistilBertForQuestionAnswering)
    family.write("multiple-choice", DistilBertForMultipleChoice)
    family.write("relu", DistilBertForMaskedLM, dict(activation="relu"))
    family.write("untied-decoder", DistilBertForMaskedLM, dict(tie_word_embeddings=False))

    old = lambda directory: write_tokenizer(directory, fast_file=False)
    family.rewrite("pytorch-copies", "masked-lm", lambda t: with_decoder(t, copy=True), old, "pytorch_model.bin")
    family.rewrite("pytorch-shared", "masked-lm", lambda t: with_decoder(t, copy=False), old, "pytorch_model.bin")
    family.rewrite("legacy", "masked-lm", legacy, old)
    family.rewrite("prefixed-base", "base", lambda t: {PREFIX + name: tensor for name, tensor in t.items()})
    family.rewrite(
        "unprefixed-masked-lm", "masked-lm", lambda t: {name.removeprefix(PREFIX): tensor for name, tensor in t.items()}
    )
    family.without_architectures(
        "base", "masked-lm", "sequence-classification", "two-labels", "multi-label", "token-classification",
        "question-answering", "multiple-choice",
    )


if __name__ == "__main__":
    main()
