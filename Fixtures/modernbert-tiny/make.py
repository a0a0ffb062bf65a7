"""Writes the tiny ModernBERT checkpoints of this folder with transformers, and each one's golden outputs.

    python make.py            # torch 2.15.0, transformers 5.23.0, tokenizers 0.23.3, safetensors 0.8.0

The sizes are odd on purpose: five layers of which the first and the fourth see everything, a window smaller than the
texts, two bases of the rotation that are not the usual ones, three heads of four numbers, a word table of more rows than
the tokenizer has tokens, a dropout for each place. All directories share one encoder and, head by head, one set of
weights: a parameter's values depend on its name and shape only, and no two parameters are alike. `biases` and
`biases-mean` have all biases that there can be.

The tokenizer is the byte-level BPE of roberta-tiny with the special tokens of ModernBERT behind it.

`old-config` has a config.json in the keys of transformers 4. `without-architectures/` has each class again with a
config.json that does not name it; the other files there are links, as are the golden files of checkpoints that differ
in spelling only. The golden texts have padding behind them and within, and the second ones of `base` before them too: a
window is counted in the columns of the padded batch.
"""

import json
import sys
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import (
    AutoTokenizer,
    ModernBertConfig,
    ModernBertForMaskedLM,
    ModernBertForMultipleChoice,
    ModernBertForQuestionAnswering,
    ModernBertForSequenceClassification,
    ModernBertForTokenClassification,
    ModernBertModel,
)

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.dont_write_bytecode = True

from tiny import ENTITIES, MOODS, TOPICS, Family, labels  # noqa: E402

PREFIX = "model."
POSITIONS = 42
SPECIAL = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"]
BIASES = dict(norm_bias=True, attention_bias=True, mlp_bias=True, classifier_bias=True)


def tokenizer():
    """As published tokenizer.json files of ModernBERT have it."""
    model = json.loads((HERE.parent / "roberta-tiny/base/tokenizer.json").read_text())["model"]
    words = [token for token in sorted(model["vocab"], key=model["vocab"].get) if not token.startswith("<") or token == "<"]
    made = Tokenizer(
        models.BPE({token: id for id, token in enumerate(words + SPECIAL)}, [tuple(pair) for pair in model["merges"]])
    )
    first = len(words)
    made.normalizer = normalizers.NFC()
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]",
        special_tokens=[("[CLS]", first + 1), ("[SEP]", first + 2)],
    )
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL[:-1]])
    made.add_special_tokens([AddedToken("[MASK]", lstrip=True, special=True, normalized=False)])
    assert made.get_vocab_size() == first + len(SPECIAL) == 393
    return made, first


TOKENIZER, FIRST = tokenizer()
UNK, CLS, SEP, PAD, MASK = range(FIRST, FIRST + len(SPECIAL))
TEXTS = ["The coach's [MASK] said: 10 naïve teams, 中文 😀!", " two  spaces", "a [MASK]\n"]


def write_tokenizer(directory):
    TOKENIZER.save(str(directory / "tokenizer.json"), pretty=False)
    document = dict(
        clean_up_tokenization_spaces=True, cls_token="[CLS]", mask_token="[MASK]",
        model_input_names=["input_ids", "attention_mask"], model_max_length=POSITIONS, pad_token="[PAD]",
        sep_token="[SEP]", tokenizer_class="PreTrainedTokenizerFast", unk_token="[UNK]",
    )
    (directory / "tokenizer_config.json").write_text(json.dumps(document, indent=2) + "\n")
    found = AutoTokenizer.from_pretrained(directory)
    for text in TEXTS:
        assert found(text)["input_ids"] == TOKENIZER.encode(text).ids, (directory, text)


def config(**changes):
    settings = dict(
        vocab_size=401,  # eight more than the tokenizer has
        hidden_size=12,
        num_hidden_layers=5,
        num_attention_heads=3,
        intermediate_size=23,
        max_position_embeddings=POSITIONS,
        local_attention=6,
        rope_parameters=dict(
            full_attention=dict(rope_type="default", rope_theta=600.0),
            sliding_attention=dict(rope_type="default", rope_theta=30.0),
        ),
        attention_dropout=0.12,
        embedding_dropout=0.13,
        mlp_dropout=0.11,
        classifier_dropout=0.21,
        initializer_range=0.3,
        pad_token_id=PAD,
        bos_token_id=CLS,
        eos_token_id=SEP,
        cls_token_id=CLS,
        sep_token_id=SEP,
    )
    return ModernBertConfig(**(settings | changes), attn_implementation="eager")


def with_decoder(tensors):
    """As `state_dict()` has it: with a copy of the word table."""
    return tensors | {"decoder.weight": tensors[PREFIX + "embeddings.tok_embeddings.weight"].clone()}


def old_config(directory):
    """The keys of https://huggingface.co/answerdotai/ModernBERT-base/blob/main/config.json."""
    write_tokenizer(directory)
    file = directory / "config.json"
    file.chmod(0o644)
    document = json.loads(file.read_text())
    bases = document.pop("rope_parameters")
    del document["layer_types"], document["sparse_prediction"]
    document |= dict(
        global_attn_every_n_layers=3, global_rope_theta=bases["full_attention"]["rope_theta"],
        local_rope_theta=bases["sliding_attention"]["rope_theta"], position_embedding_type="absolute",
        layer_norm_eps=1e-5, reference_compile=False, repad_logits_with_grad=False,
    )
    file.write_text(json.dumps(document, indent=2, sort_keys=True) + "\n")


def main():
    family = Family(
        folder=HERE, prefix=PREFIX, config=config, write_tokenizer=write_tokenizer,
        pad=PAD, first=CLS, last=SEP, mask=MASK, words=(0, FIRST),
    )
    family.write("base", ModernBertModel, length=POSITIONS)
    family.write("masked-lm", ModernBertForMaskedLM, length=11)
    family.write("sequence-classification", ModernBertForSequenceClassification, labels(MOODS), length=11)
    family.write("mean", ModernBertForSequenceClassification, dict(classifier_pooling="mean", **labels(MOODS)), length=11)
    family.write("two-labels", ModernBertForSequenceClassification)  # its config.json names no labels
    family.write(
        "multi-label", ModernBertForSequenceClassification,
        dict(problem_type="multi_label_classification", **labels(TOPICS)),
    )
    family.write("token-classification", ModernBertForTokenClassification, labels(ENTITIES))
    family.write("question-answering", ModernBertForQuestionAnswering)
    family.write("multiple-choice", ModernBertForMultipleChoice)
    family.write("multiple-choice-mean", ModernBertForMultipleChoice, dict(classifier_pooling="mean"))
    family.write("biases", ModernBertForMaskedLM, BIASES, length=11)
    family.write("biases-mean", ModernBertForSequenceClassification, dict(classifier_pooling="mean", **BIASES), length=11)
    family.write("without-decoder-bias", ModernBertForMaskedLM, dict(decoder_bias=False))
    # All activations and the epsilon, which is large enough to be seen everywhere.
    family.write("relu", ModernBertForMaskedLM, dict(hidden_activation="relu", classifier_activation="silu", norm_eps=2e-3))
    family.write("untied-decoder", ModernBertForMaskedLM, dict(tie_word_embeddings=False))
    kinds = ["sliding_attention", "full_attention", "full_attention", "sliding_attention", "sliding_attention"]
    family.write("other-layers", ModernBertForMaskedLM, dict(layer_types=kinds), length=11)

    family.rewrite("pytorch-copies", "masked-lm", with_decoder, file="pytorch_model.bin")
    family.rewrite("old-config", "masked-lm", lambda t: t, old_config)
    family.rewrite("prefixed-base", "base", lambda t: {PREFIX + name: tensor for name, tensor in t.items()})
    family.rewrite(
        "unprefixed-masked-lm", "masked-lm", lambda t: {name.removeprefix(PREFIX): tensor for name, tensor in t.items()}
    )
    family.without_architectures(
        "base", "masked-lm", "sequence-classification", "two-labels", "token-classification", "question-answering",
        "multiple-choice",
    )


if __name__ == "__main__":
    main()
