"""Writes the tiny CamemBERT checkpoints of this folder with transformers, and each one's golden outputs.

    python make.py            # torch 2.15.0, transformers 5.23.0, tokenizers 0.23.3, safetensors 0.8.0

The sizes are odd on purpose: three heads of seven numbers, a word table of more rows than the tokenizer has tokens, 42
positions of which 40 are of use, one token type, a dropout for each place. All directories share one encoder and, head by
head, one set of weights: a parameter's values depend on its name and shape only, and no two parameters are alike, nor are
the rows of padding zero.

The tokenizer is a Unigram model, trained on the lines of `tiny.py`, with the ids that CamemBERT leaves unused.

`without-architectures/` has each class again with a config.json that does not name it; the other files there are links,
as are the golden files of checkpoints that differ in spelling only. `base` has a second golden file, whose texts have
padding before and within them.
"""

import sys
from pathlib import Path

from transformers import CamembertConfig, CamembertModel, CamembertTokenizer

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.dont_write_bytecode = True

from tiny import Family, pieces  # noqa: E402

PREFIX = "roberta."  # transformers has no other for this family
POSITIONS = 42
SPECIAL = ["<s>NOTUSED", "<pad>", "</s>NOTUSED", "<unk>", "<unk>NOTUSED", "<s>", "</s>"]
VOCABULARY = [(token, 0.0) for token in SPECIAL] + pieces(252) + [("<mask>", 0.0)]


def config(**changes):
    settings = dict(
        vocab_size=269,  # nine more than the tokenizer has
        hidden_size=21,
        num_hidden_layers=2,
        num_attention_heads=3,
        intermediate_size=23,
        max_position_embeddings=POSITIONS,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
        hidden_dropout_prob=0.11,
        attention_probs_dropout_prob=0.12,
        initializer_range=0.3,
        pad_token_id=1,
        bos_token_id=5,
        eos_token_id=6,
    )
    return CamembertConfig(**(settings | changes), attn_implementation="eager")


def write_tokenizer(directory):
    CamembertTokenizer(vocab=VOCABULARY, model_max_length=POSITIONS - 2).save_pretrained(directory)


def main():
    assert len(VOCABULARY) == 260
    family = Family(
        folder=HERE, prefix=PREFIX, config=config, write_tokenizer=write_tokenizer,
        pad=1, first=5, last=6, mask=259, words=(7, 259),
    )
    word_table = PREFIX + "embeddings.word_embeddings.weight"
    family.write_usual(
        "Camembert", POSITIONS - 2, POSITIONS,
        decoder={"lm_head.decoder.weight": word_table, "lm_head.decoder.bias": "lm_head.bias"},
        classifier=dict(classifier_dropout=0.23),
    )
    family.write("base-no-pooler", CamembertModel, arguments=dict(add_pooling_layer=False))


if __name__ == "__main__":
    main()
