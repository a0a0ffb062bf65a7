"""Writes the tiny DeBERTa-v2 checkpoints of this folder with transformers, and each one's golden outputs.

    python make.py            # torch 2.15.0, transformers 5.23.0, tokenizers 0.23.3, safetensors 0.8.0

`base` and the classifiers have the shape of version 3: relative positions alone, whose embeddings go through the
projections of queries and keys. `masked-lm` has that of version 2's large models, a convolution among it, with projections
of the relative embeddings' own and embeddings of another width than the layers. The others vary one thing each. The sizes
are odd on purpose: fewer buckets than tokens, three heads of four numbers, a word table of more rows than the tokenizer
has tokens, a dropout for each place. A parameter's values depend on its name and shape only, and no two parameters are
alike.

`lm-predictions` has the head in the spelling of the models' own code, and `extras` what published files hold beside a
model. `without-architectures/` has each class again with a config.json that does not name it; the other files there are
links, as are the golden files of checkpoints that differ in spelling only. The golden texts have padding behind them and
within, and the second ones of `base` before them too.
"""

import json
import sys
from pathlib import Path

import torch
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    AutoTokenizer,
    DebertaV2Config,
    DebertaV2ForMaskedLM,
    DebertaV2ForMultipleChoice,
    DebertaV2ForQuestionAnswering,
    DebertaV2ForSequenceClassification,
    DebertaV2ForTokenClassification,
    DebertaV2Model,
)

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.dont_write_bytecode = True

import tiny  # noqa: E402
from tiny import ENTITIES, MOODS, TOPICS, Family, labels  # noqa: E402

PREFIX = "deberta."
POSITIONS = 42
LARGE = dict(
    embedding_size=10, type_vocab_size=2, position_biased_input=True, share_att_key=False, conv_kernel_size=3,
    conv_act="gelu", conv_groups=1,
)
# A second word table, which transformers reports as unexpected.
tiny.BUFFERS += ("embeddings.word_embeddings._weight",)


def config(**changes):
    settings = dict(
        vocab_size=269,  # nine more than the tokenizer has
        hidden_size=12,
        num_hidden_layers=3,
        num_attention_heads=3,
        intermediate_size=23,
        max_position_embeddings=POSITIONS,
        max_relative_positions=-1,
        relative_attention=True,
        position_buckets=8,
        norm_rel_ebd="layer_norm",
        share_att_key=True,
        pos_att_type=["p2c", "c2p"],
        position_biased_input=False,
        type_vocab_size=0,
        hidden_dropout_prob=0.11,
        attention_probs_dropout_prob=0.12,
        pooler_dropout=0.05,
        cls_dropout=0.23,
        initializer_range=0.3,
    )
    return DebertaV2Config(**(settings | changes), attn_implementation="eager")


SPECIAL = ["[PAD]", "[CLS]", "[SEP]", "[UNK]"]
TOKENS = 260
LINES = """The president of the company said that it will play the second game of the season in Iraq.
Oil prices rose 3.5% on Tuesday; Wall St. didn't notice, and they've said they'll wait until 2025.
A naïve café in Zürich — the señor's résumé, the façade, the crème brûlée and the jalapeños.
中文和日本語のテキスト、한국어 문장도 있습니다. Съешь же ещё этих мягких французских булок.
He said the team won the cup, the coach of the team said the same, and the other teams said nothing.
Scientists and researchers are searching for water there; the searching has taken them eleven years, or longer.""".split("\n")


def tokenizer():
    """A Unigram between special tokens, as transformers makes it of the models' spm.model, whose mask comes last."""
    made = Tokenizer(models.Unigram())
    made.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.decoder = decoders.Metaspace()
    made.train_from_iterator(
        LINES,
        trainers.UnigramTrainer(
            vocab_size=TOKENS - 1, special_tokens=SPECIAL, unk_token="[UNK]", shrinking_factor=0.75, show_progress=False
        ),
    )
    made.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0", pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 1), ("[SEP]", 2)],
    )
    made.add_special_tokens([AddedToken("[MASK]", special=True, normalized=False)])
    assert made.get_vocab_size() <= TOKENS and made.token_to_id("[UNK]") == 3
    return made


TOKENIZER = tokenizer()
TEXTS = ["The coach's [MASK] said: 10 naïve teams, 中文 😀!", " two  spaces", "a [MASK]\n"]


def write_tokenizer(directory):
    TOKENIZER.save(str(directory / "tokenizer.json"), pretty=False)
    document = dict(
        bos_token="[CLS]", cls_token="[CLS]", eos_token="[SEP]", mask_token="[MASK]", model_max_length=POSITIONS,
        pad_token="[PAD]", sep_token="[SEP]", tokenizer_class="PreTrainedTokenizerFast", unk_token="[UNK]",
    )
    (directory / "tokenizer_config.json").write_text(json.dumps(document, indent=2) + "\n")
    found = AutoTokenizer.from_pretrained(directory)
    for text in TEXTS:
        assert found(text)["input_ids"] == TOKENIZER.encode(text).ids, (directory, text)


def with_decoder(tensors, copy):
    """As `state_dict()` has it: with the decoder, which is the word table and the head's bias, or copies of them."""
    pairs = {
        "cls.predictions.decoder.weight": tensors[PREFIX + "embeddings.word_embeddings.weight"],
        "cls.predictions.decoder.bias": tensors["cls.predictions.bias"],
    }
    return tensors | {name: tensor.clone() if copy else tensor for name, tensor in pairs.items()}


def with_extras(tensors):
    """What the files of version 3 hold beside the model: https://huggingface.co/microsoft/deberta-v3-base"""
    table = tensors[PREFIX + "embeddings.word_embeddings.weight"]
    hidden = table.shape[1]
    return tensors | {
        PREFIX + "embeddings.word_embeddings._weight": torch.ones_like(table),
        "mask_predictions.dense.weight": torch.ones(hidden, hidden),
        "mask_predictions.dense.bias": torch.ones(hidden),
        "mask_predictions.LayerNorm.weight": torch.ones(hidden),
        "mask_predictions.LayerNorm.bias": torch.ones(hidden),
        "mask_predictions.classifier.weight": torch.ones(1, hidden),
        "mask_predictions.classifier.bias": torch.ones(1),
    }


def text_of_terms(directory):
    """A config.json that names the terms in a text, as published ones do."""
    write_tokenizer(directory)
    file = directory / "config.json"
    file.chmod(0o644)
    document = json.loads(file.read_text()) | dict(pos_att_type="p2c|c2p")
    file.write_text(json.dumps(document, indent=2, sort_keys=True) + "\n")


def main():
    family = Family(
        folder=HERE, prefix=PREFIX, config=config, write_tokenizer=write_tokenizer,
        pad=0, first=2, last=3, mask=4, words=(5, 260),
    )
    family.write("base", DebertaV2Model, length=POSITIONS)
    family.write("masked-lm", DebertaV2ForMaskedLM, LARGE, length=15)
    family.write(
        "sequence-classification", DebertaV2ForSequenceClassification, labels(MOODS), length=15
    )
    family.write("two-labels", DebertaV2ForSequenceClassification, dict(cls_dropout=None))  # its config.json names no labels
    family.write(
        "multi-label", DebertaV2ForSequenceClassification,
        dict(problem_type="multi_label_classification", pooler_hidden_act="tanh", **labels(TOPICS)),
    )
    family.write("token-classification", DebertaV2ForTokenClassification, labels(ENTITIES))
    family.write("question-answering", DebertaV2ForQuestionAnswering)
    family.write("multiple-choice", DebertaV2ForMultipleChoice)
    for shared in (True, False):
        for terms in (["c2p"], ["p2c"], ["c2p", "p2c"], []):
            name = "-".join(["shared" if shared else "own", *terms])
            family.write(name, DebertaV2Model, dict(share_att_key=shared, pos_att_type=terms), length=15)
    # Every distance has a row, and those that are further than seven the last.
    family.write(
        "without-buckets", DebertaV2Model,
        dict(position_buckets=-1, max_relative_positions=7, norm_rel_ebd="none"), length=15,
    )
    # Texts that are longer than what the buckets are for.
    family.write("far", DebertaV2Model, dict(max_relative_positions=17), length=POSITIONS)
    family.write(
        "absolute", DebertaV2Model, dict(relative_attention=False, position_biased_input=True, type_vocab_size=2),
        length=POSITIONS,
    )
    family.write(
        "wide-convolution", DebertaV2Model, LARGE | dict(conv_kernel_size=5, conv_act="tanh", embedding_size=12), length=15
    )
    family.write("relu", DebertaV2ForMaskedLM, dict(hidden_act="relu", layer_norm_eps=2e-3))
    family.write("untied-decoder", DebertaV2ForMaskedLM, dict(tie_word_embeddings=False))
    family.write("lm-predictions", DebertaV2ForMaskedLM, dict(legacy=False))

    family.rewrite("pytorch-copies", "masked-lm", lambda t: with_decoder(t, copy=True), file="pytorch_model.bin")
    family.rewrite("extras", "lm-predictions", with_extras, text_of_terms, "pytorch_model.bin")
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
