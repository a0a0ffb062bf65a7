"""Writes the tiny RoBERTa checkpoints of this folder with transformers, and each one's golden outputs.

    python make.py            # torch 2.15.0, transformers 5.23.0, tokenizers 0.23.3, safetensors 0.8.0

The sizes are odd on purpose: three heads of five numbers, a word table of more rows than the tokenizer has tokens, 42
positions of which 40 are of use, one token type, a dropout for each place. All directories share one encoder and, head by
head, one set of weights: a parameter's values depend on its name and shape only, and no two parameters are alike, nor are
the rows of padding zero.

The tokenizer is a byte-level BPE, trained here on the lines of `tiny.py`. Each directory has it as tokenizer.json, but `legacy`
and `pytorch-copies` as vocab.json and merges.txt with a tokenizer_config.json as transformers 4 writes it, and
`pytorch-shared` as vocab.json and merges.txt alone.

`without-architectures/` has each class again with a config.json that does not name it; the other files there are links,
as are the golden files of checkpoints that differ in spelling only. `base` has a second golden file, whose texts have
padding before and within them: a position is counted by the ids that are not padding, not by the mask.
"""

import json
import sys
from pathlib import Path

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    AutoTokenizer,
    RobertaConfig,
    RobertaForMaskedLM,
    RobertaForMultipleChoice,
    RobertaForQuestionAnswering,
    RobertaForSequenceClassification,
    RobertaForTokenClassification,
    RobertaModel,
)

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.dont_write_bytecode = True

from tiny import ENTITIES, LINES, MOODS, TOPICS, Family, labels  # noqa: E402

PREFIX = "roberta."
POSITIONS = 42
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]
MERGES = 132
TOKENS = len(SPECIAL) + 256 + MERGES + 1  # <mask> comes last


def config(**changes):
    settings = dict(
        vocab_size=401,  # eight more than the tokenizer has
        hidden_size=15,
        num_hidden_layers=3,
        num_attention_heads=3,
        intermediate_size=23,
        max_position_embeddings=POSITIONS,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
        hidden_dropout_prob=0.11,
        attention_probs_dropout_prob=0.12,
        initializer_range=0.3,
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
    )
    return RobertaConfig(**(settings | changes), attn_implementation="eager")


def tokenizer():
    """As published tokenizer.json files of RoBERTa have it."""
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trained.train_from_iterator(
        LINES,
        trainers.BpeTrainer(
            vocab_size=TOKENS - 1, special_tokens=SPECIAL, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        ),
    )
    model = json.loads(trained.to_str())["model"]
    assert len(model["vocab"]) == TOKENS - 1 and len(model["merges"]) == MERGES
    vocabulary = model["vocab"] | {"<mask>": TOKENS - 1}
    whole = Tokenizer(models.BPE(vocabulary, [tuple(pair) for pair in model["merges"]]))
    whole.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    whole.post_processor = processors.RobertaProcessing(
        ("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=False
    )
    whole.decoder = decoders.ByteLevel()
    whole.add_special_tokens([AddedToken(token, special=True, normalized=True) for token in SPECIAL])
    whole.add_special_tokens([AddedToken("<mask>", lstrip=True, special=True, normalized=False)])
    assert whole.get_vocab_size() == TOKENS
    return whole


TOKENIZER = tokenizer()
MASK_TOKEN = dict(
    __type="AddedToken", content="<mask>", lstrip=True, normalized=False, rstrip=False, single_word=False, special=True
)
TEXTS = ["The coach's <mask> said: 10 naïve teams, 中文 😀!", " two  spaces", "a <mask>\n"]


def write_tokenizer(directory, fast_file=True, settings=True):
    """tokenizer.json, or vocab.json and merges.txt; and tokenizer_config.json."""
    if fast_file:
        TOKENIZER.save(str(directory / "tokenizer.json"), pretty=False)
    else:
        model = json.loads(TOKENIZER.to_str())["model"]
        vocabulary = json.dumps(model["vocab"], ensure_ascii=False)
        merges = "".join(f"{first} {second}\n" for first, second in model["merges"])
        (directory / "vocab.json").write_text(vocabulary, encoding="utf-8")
        (directory / "merges.txt").write_text("#version: 0.2\n" + merges, encoding="utf-8")
    if settings:
        document = dict(
            add_prefix_space=False, bos_token="<s>", cls_token="<s>", eos_token="</s>", errors="replace",
            mask_token=MASK_TOKEN, model_max_length=POSITIONS - 2, pad_token="<pad>", sep_token="</s>",
            tokenizer_class="RobertaTokenizer", trim_offsets=True, unk_token="<unk>",
        )
        (directory / "tokenizer_config.json").write_text(json.dumps(document, indent=2) + "\n")
    # transformers has to read what was written in the same way; of bare files it cannot know that <mask> takes the
    # space before it.
    found = AutoTokenizer.from_pretrained(directory)
    for text in TEXTS:
        text = text if settings else text.replace(" <mask>", "<mask>")
        assert found(text)["input_ids"] == TOKENIZER.encode(text).ids, (directory, text)


def with_decoder(tensors, copy):
    """As `state_dict()` has it: with the decoder, which is the word table and the head's bias, or copies of them."""
    pairs = {
        "lm_head.decoder.weight": tensors[PREFIX + "embeddings.word_embeddings.weight"],
        "lm_head.decoder.bias": tensors["lm_head.bias"],
    }
    return tensors | {name: tensor.clone() if copy else tensor for name, tensor in pairs.items()}


def legacy(tensors):
    """As files of 2019 are: with the decoder, the buffers, and a LayerNorm's first names."""
    renamed = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): tensor
        for name, tensor in with_decoder(tensors, copy=True).items()
    }
    places = torch.arange(POSITIONS).unsqueeze(0)
    return renamed | {
        PREFIX + "embeddings.position_ids": places, PREFIX + "embeddings.token_type_ids": torch.zeros_like(places)
    }


def main():
    family = Family(
        folder=HERE, prefix=PREFIX, config=config, write_tokenizer=write_tokenizer,
        pad=1, first=0, last=2, mask=TOKENS - 1, words=(4, TOKENS - 1),
    )
    family.write("base", RobertaModel, length=POSITIONS - 2)
    family.write("base-no-pooler", RobertaModel, arguments=dict(add_pooling_layer=False))
    family.write("masked-lm", RobertaForMaskedLM)
    family.write(
        "sequence-classification", RobertaForSequenceClassification, dict(classifier_dropout=0.23, **labels(MOODS))
    )
    family.write("two-labels", RobertaForSequenceClassification)  # its config.json names no labels
    family.write(
        "multi-label", RobertaForSequenceClassification,
        dict(problem_type="multi_label_classification", **labels(TOPICS)),
    )
    family.write("token-classification", RobertaForTokenClassification, labels(ENTITIES))
    family.write("question-answering", RobertaForQuestionAnswering)
    family.write("multiple-choice", RobertaForMultipleChoice)
    # The encoder's activation: the head's is always the exact GELU. The epsilon is large enough to be seen everywhere.
    family.write("relu", RobertaForMaskedLM, dict(hidden_act="relu", layer_norm_eps=2e-3))
    family.write("untied-decoder", RobertaForMaskedLM, dict(tie_word_embeddings=False))

    old = lambda directory: write_tokenizer(directory, fast_file=False)
    bare = lambda directory: write_tokenizer(directory, fast_file=False, settings=False)
    family.rewrite("pytorch-copies", "masked-lm", lambda t: with_decoder(t, copy=True), old, "pytorch_model.bin")
    family.rewrite("pytorch-shared", "masked-lm", lambda t: with_decoder(t, copy=False), bare, "pytorch_model.bin")
    family.rewrite("legacy", "masked-lm", legacy, old)
    family.rewrite("prefixed-base", "base", lambda t: {PREFIX + name: tensor for name, tensor in t.items()})
    family.rewrite(
        "unprefixed-masked-lm", "masked-lm", lambda t: {name.removeprefix(PREFIX): tensor for name, tensor in t.items()}
    )
    family.without_architectures(
        "base", "base-no-pooler", "masked-lm", "sequence-classification", "two-labels", "multi-label",
        "token-classification", "question-answering", "multiple-choice",
    )


if __name__ == "__main__":
    main()
