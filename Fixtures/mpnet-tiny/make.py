"""Writes the tiny MPNet checkpoints of this folder with transformers, and each one's golden outputs.

    python make.py            # torch 2.15.0, transformers 5.23.0, tokenizers 0.23.3, safetensors 0.8.0

The sizes are odd on purpose: three heads of five numbers, a word table of more rows than the tokenizer has tokens, a table
of more biases than there are buckets. The texts of `base` have 104 tokens, so that some are farther apart than the last
boundary of the buckets, 91. All directories share one encoder and, head by head, one set of weights: a parameter's values
depend on its name and shape only, and no two parameters are alike, nor are the rows of padding zero.

The tokenizer is the WordPiece of bert-tiny with RoBERTa's special tokens around it, as MPNet has it.

`without-architectures/` has each class again with a config.json that does not name it; the other files there are links,
as are the golden files of checkpoints that differ in spelling only. `base` has a second golden file, whose texts have
padding before and within them: a position is counted by the ids that are not padding, a distance by columns.
"""

import sys
from pathlib import Path

from transformers import MPNetConfig, MPNetModel, MPNetTokenizer

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.dont_write_bytecode = True

from tiny import Family  # noqa: E402

PREFIX = "mpnet."
POSITIONS = 106
WORDPIECES = (HERE.parent / "bert-tiny/base/vocab.txt").read_text(encoding="utf-8").splitlines()
VOCABULARY = ["<s>", "<pad>", "</s>", "<unk>", *WORDPIECES, "<mask>"]


def config(**changes):
    settings = dict(
        vocab_size=272,  # seven more than the tokenizer has
        hidden_size=15,
        num_hidden_layers=3,
        num_attention_heads=3,
        intermediate_size=23,
        max_position_embeddings=POSITIONS,
        relative_attention_num_buckets=35,
        layer_norm_eps=1e-5,
        hidden_dropout_prob=0.11,
        attention_probs_dropout_prob=0.12,
        initializer_range=0.3,
    )
    return MPNetConfig(**(settings | changes), attn_implementation="eager")


def write_tokenizer(directory):
    vocabulary = {token: id for id, token in enumerate(VOCABULARY)}
    MPNetTokenizer(vocab=vocabulary, model_max_length=POSITIONS - 2).save_pretrained(directory)


def main():
    family = Family(
        folder=HERE, prefix=PREFIX, config=config, write_tokenizer=write_tokenizer,
        pad=1, first=0, last=2, mask=264, words=(9, 264),
    )
    word_table = PREFIX + "embeddings.word_embeddings.weight"
    family.write_usual(
        "MPNet", POSITIONS - 2, POSITIONS,
        decoder={"lm_head.decoder.weight": word_table, "lm_head.decoder.bias": "lm_head.bias"},
    )
    family.write("base-no-pooler", MPNetModel, arguments=dict(add_pooling_layer=False))


if __name__ == "__main__":
    main()
