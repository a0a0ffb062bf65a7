"""Writes the tiny ELECTRA checkpoints of this folder with transformers, and each one's golden outputs.

    python make.py            # torch 2.15.0, transformers 5.23.0, tokenizers 0.23.3, safetensors 0.8.0

The sizes are odd on purpose: embeddings of 10 numbers and hidden states of 15, three heads, three layers, a word table of
more rows than the tokenizer has tokens, a dropout for each place. All directories share one encoder and, head by head,
one set of weights: a parameter's values depend on its name and shape only, and no two parameters are alike. Only
`one-width` is another, whose embeddings are as wide as hidden states and not projected.

`without-architectures/` has each class again with a config.json that does not name it; the other files there are links,
as are the golden files of checkpoints that differ in spelling only. `base` has a second golden file, whose texts have
padding before and within them. `discriminator` is what finds replaced tokens.
"""

import shutil
import sys
from pathlib import Path

from transformers import (
    ElectraConfig,
    ElectraForMaskedLM,
    ElectraForMultipleChoice,
    ElectraForPreTraining,
    ElectraTokenizerFast,
)

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.dont_write_bytecode = True

from tiny import Family  # noqa: E402

PREFIX = "electra."
POSITIONS = 42


def config(**changes):
    settings = dict(
        vocab_size=269,  # nine more than the tokenizer has
        embedding_size=10,
        hidden_size=15,
        num_hidden_layers=3,
        num_attention_heads=3,
        intermediate_size=23,
        max_position_embeddings=POSITIONS,
        type_vocab_size=2,
        hidden_dropout_prob=0.11,
        attention_probs_dropout_prob=0.12,
        summary_last_dropout=0.13,
        initializer_range=0.3,
    )
    return ElectraConfig(**(settings | changes), attn_implementation="eager")


def write_tokenizer(directory, fast_file=True):
    """The WordPiece of bert-tiny."""
    shutil.copy(HERE.parent / "bert-tiny/base/vocab.txt", directory)
    tokenizer = ElectraTokenizerFast(vocab=str(directory / "vocab.txt"), model_max_length=POSITIONS)
    tokenizer.save_pretrained(directory)
    if not fast_file:
        (directory / "tokenizer.json").unlink()


def main():
    family = Family(
        folder=HERE, prefix=PREFIX, config=config, write_tokenizer=write_tokenizer,
        pad=0, first=2, last=3, mask=4, words=(5, 260), pairs=True,
    )
    old = lambda directory: write_tokenizer(directory, fast_file=False)
    family.write_usual(
        "Electra", POSITIONS, POSITIONS,
        decoder={"generator_lm_head.weight": PREFIX + "embeddings.word_embeddings.weight"},
        classifier=dict(classifier_dropout=0.23), old=old, bare=old,
    )
    family.write("one-width", ElectraForMaskedLM, dict(embedding_size=15))
    family.write("summary-of-tanh", ElectraForMultipleChoice, dict(summary_activation="tanh"))
    # An empty name is no activation. Version 4 says so by null, which version 5 does not take.
    family.write("summary-without-activation", ElectraForMultipleChoice, dict(summary_activation=""))
    file = HERE / "summary-without-activation/config.json"
    file.write_text(file.read_text().replace('"summary_activation": ""', '"summary_activation": null'))
    family.write("replaced-token-detection", ElectraForPreTraining)
    family.without_architectures("replaced-token-detection")


if __name__ == "__main__":
    main()
