"""The tiny checkpoints of families that are RoBERTa with a Unigram tokenizer, which differ in ids and names only.

The sizes are odd on purpose: three heads of seven numbers, a word table of more rows than the tokenizer has tokens, 42
positions of which 40 are of use, one token type, a dropout for each place. All directories share one encoder and, head by
head, one set of weights: a parameter's values depend on its name and shape only, and no two parameters are alike, nor are
the rows of padding zero.

The tokenizer is a Unigram model, trained on the lines of `tiny.py`.

`without-architectures/` has each class again with a config.json that does not name it; the other files there are links,
as are the golden files of checkpoints that differ in spelling only. `base` has a second golden file, whose texts have
padding before and within them.
"""

import transformers

from tiny import Family, pieces

PREFIX = "roberta."  # transformers has no other for these families
POSITIONS = 42
TOKENS = 260


def write(folder, name, special, first, last):
    """- name: What the names of the family's classes begin with.
    - special: The tokens that the vocabulary begins with; the mask is its last.
    - first, last: The ids that stand around a text.
    """
    vocabulary = [(token, 0.0) for token in special] + pieces(TOKENS - 1 - len(special)) + [("<mask>", 0.0)]
    assert len(vocabulary) == TOKENS

    def config(**changes):
        settings = dict(
            vocab_size=TOKENS + 9,
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
            bos_token_id=first,
            eos_token_id=last,
        )
        kind = getattr(transformers, f"{name}Config")
        return kind(**(settings | changes), attn_implementation="eager")

    def write_tokenizer(directory):
        kind = getattr(transformers, f"{name}Tokenizer")
        kind(vocab=vocabulary, model_max_length=POSITIONS - 2).save_pretrained(directory)

    family = Family(
        folder=folder, prefix=PREFIX, config=config, write_tokenizer=write_tokenizer,
        pad=1, first=first, last=last, mask=TOKENS - 1, words=(len(special), TOKENS - 1),
    )
    word_table = PREFIX + "embeddings.word_embeddings.weight"
    family.write_usual(
        name, POSITIONS - 2, POSITIONS,
        decoder={"lm_head.decoder.weight": word_table, "lm_head.decoder.bias": "lm_head.bias"},
        classifier=dict(classifier_dropout=0.23),
    )
    family.write("base-no-pooler", getattr(transformers, f"{name}Model"), arguments=dict(add_pooling_layer=False))
