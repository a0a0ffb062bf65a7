"""Writes the tiny ALBERT checkpoints of this folder with transformers, and each one's golden outputs.

    python make.py            # torch 2.15.0, transformers 5.23.0, tokenizers 0.23.3, safetensors 0.8.0

The sizes are odd on purpose: embeddings of 10 numbers and hidden states of 15, five layers of two groups with two inner
layers each, three heads, a word table of more rows than the tokenizer has tokens, a dropout for each place. All
directories but `one-width`, `one-group` and `groups` share one encoder and, head by head, one set of weights: a
parameter's values depend on its name and shape only, and no two parameters are alike. `one-width` has embeddings as wide as
hidden states, which are projected all the same; `one-group` is what published checkpoints are, one layer twelve times;
`groups` has more groups than layers.

The tokenizer is a Unigram model, trained on the lines of `tiny.py`.

`without-architectures/` has each class again with a config.json that does not name it; the other files there are links,
as are the golden files of checkpoints that differ in spelling only. `base` has a second golden file, whose texts have
padding before and within them. `pretraining` has a head for the order of sentences besides.
"""

import json
import shutil
import sys
from pathlib import Path

from safetensors.torch import load_file, save_file

from transformers import AlbertConfig, AlbertForMaskedLM, AlbertForPreTraining, AlbertModel, AlbertTokenizer

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.dont_write_bytecode = True

from tiny import Family, pieces  # noqa: E402

PREFIX = "albert."
POSITIONS = 42
SPECIAL = ["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"]
VOCABULARY = [(token, 0.0) for token in SPECIAL] + pieces(255, lowercase=True)


def config(**changes):
    settings = dict(
        vocab_size=269,  # nine more than the tokenizer has
        embedding_size=10,
        hidden_size=15,
        num_hidden_layers=5,
        num_hidden_groups=2,
        inner_group_num=2,
        num_attention_heads=3,
        intermediate_size=23,
        max_position_embeddings=POSITIONS,
        type_vocab_size=2,
        hidden_dropout_prob=0.11,
        attention_probs_dropout_prob=0.12,
        classifier_dropout_prob=0.13,
        initializer_range=0.3,
    )
    return AlbertConfig(**(settings | changes), attn_implementation="eager")


def write_tokenizer(directory):
    AlbertTokenizer(vocab=VOCABULARY, model_max_length=POSITIONS).save_pretrained(directory)


def sentence_order(family):
    """The order of sentences alone, of which transformers has no class: without the head for masked tokens."""
    source, directory = HERE / "pretraining", family.fresh("sentence-order")
    shutil.copytree(source, directory, dirs_exist_ok=True)
    document = json.loads((source / "config.json").read_text()) | {"architectures": ["AlbertForSentenceOrderPrediction"]}
    (directory / "config.json").write_text(json.dumps(document, indent=2, sort_keys=True) + "\n")
    for file, heads in (("model.safetensors", "predictions."), ("golden.safetensors", "prediction_logits")):
        tensors = {name: tensor for name, tensor in load_file(source / file).items() if not name.startswith(heads)}
        save_file(tensors, directory / file, {"format": "pt"} if file.startswith("model") else None)
        (directory / file).chmod(0o644)


def main():
    assert len(VOCABULARY) == 260
    family = Family(
        folder=HERE, prefix=PREFIX, config=config, write_tokenizer=write_tokenizer,
        pad=0, first=2, last=3, mask=4, words=(5, 260), pairs=True,
    )
    word_table = PREFIX + "embeddings.word_embeddings.weight"
    family.write_usual(
        "Albert", POSITIONS, POSITIONS,
        decoder={"predictions.decoder.weight": word_table, "predictions.decoder.bias": "predictions.bias"},
    )
    family.write("base-no-pooler", AlbertModel, arguments=dict(add_pooling_layer=False))
    family.write("pretraining", AlbertForPreTraining)
    sentence_order(family)
    family.write("one-width", AlbertForMaskedLM, dict(embedding_size=15))
    published = dict(num_hidden_layers=12, num_hidden_groups=1, inner_group_num=1)
    family.write("one-group", AlbertForMaskedLM, published | dict(hidden_act="gelu"))
    family.write("groups", AlbertForMaskedLM, dict(num_hidden_layers=2, num_hidden_groups=5))


if __name__ == "__main__":
    main()
