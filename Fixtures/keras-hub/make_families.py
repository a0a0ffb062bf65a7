"""Writes presets of the families but BERT with KerasHub, and golden outputs.

    python make_families.py   # keras 3.15.1, keras-hub 0.32.0, tensorflow-cpu 2.21.0, h5py 3.14.0, safetensors 0.8.0

As `make.py` does for BERT. RoBERTa has the tokens and merges of the tiny checkpoints. A SentencePiece model is trained by
sentencepiece 0.2.3 on a few lines, with rules for a few letters; ids.json has what KerasHub's tokenizer makes of some texts.
ELECTRA has no task in KerasHub.
"""

import io
import json
import shutil
from pathlib import Path

import make  # sets what Keras has to find set

import keras_hub
import numpy as np
import sentencepiece
from safetensors.numpy import save_file

HERE = Path(__file__).parent
LENGTH = 16
SIZES = dict(num_layers=2, num_heads=2, hidden_dim=6, intermediate_dim=10, max_sequence_length=LENGTH)
MASK = make.INPUTS["attention_mask"]
ZEROS = np.zeros_like(MASK)


def roberta_tokenizer():
    legacy = HERE.parent / "roberta-tiny/legacy"
    merges = (legacy / "merges.txt").read_text(encoding="utf-8").splitlines()[1:]
    return keras_hub.models.RobertaTokenizer(
        vocabulary=json.loads((legacy / "vocab.json").read_text(encoding="utf-8")), merges=merges,
        name="roberta_tokenizer")


def distilbert_tokenizer():
    return keras_hub.models.DistilBertTokenizer(
        vocabulary=make.VOCABULARY, lowercase=True, name="distil_bert_tokenizer")


LINES = [
    "the president of the company said that it will play the second game of the season",
    "oil prices rose on tuesday and the others did not notice",
    "he said the team won the cup, the coach of the team said the same",
    "scientists are searching for water there; the searching has taken them eleven years",
]
# What is normalized: a ligature, a letter of another width, white space, a capital, a letter with its accent behind it.
RULES = {"\ufb01": "fi", "\uff41": "a", "\u00a0": " ", "\t": " ", "A": "a", "e\u0301": "\u00e9"}
TEXTS = ["the team", "  The  coach\u00a0said ", "", "\ufb01nd \uff41 cafe\u0301 XYZ 中", "searching\tfor A president, again"]


def sentence_piece(**settings):
    # Its path is written into the model.
    rules = Path("rules.tsv")
    lines = [(*(" ".join(f"{ord(scalar):X}" for scalar in text) for text in pair),) for pair in RULES.items()]
    rules.write_text("".join(f"{text}\t{new}\n" for text, new in lines))
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(LINES), model_writer=out, vocab_size=60, num_threads=1, minloglevel=2,
        normalization_rule_tsv=str(rules), **settings)
    rules.unlink()
    return out.getvalue()


def albert_tokenizer():
    return keras_hub.models.AlbertTokenizer(name="albert_tokenizer", proto=sentence_piece(
        pad_id=0, unk_id=1, bos_id=2, eos_id=3, pad_piece="<pad>", unk_piece="<unk>", bos_piece="[CLS]", eos_piece="[SEP]",
        control_symbols="[MASK]"))


def xlm_roberta_tokenizer():
    return keras_hub.models.XLMRobertaTokenizer(name="xlm_roberta_tokenizer", proto=sentence_piece())


def deberta_tokenizer():
    return keras_hub.models.DebertaV3Tokenizer(name="deberta_v3_tokenizer", proto=sentence_piece(
        pad_id=0, bos_id=1, eos_id=2, unk_id=3, pad_piece="[PAD]", bos_piece="[CLS]", eos_piece="[SEP]", unk_piece="[UNK]",
        user_defined_symbols="president", add_dummy_prefix=False, remove_extra_whitespaces=False))


# What the classes begin with, the size of the vocabulary, how the tokenizer is made, ids, settings.
FAMILIES = {
    "distilbert": ("DistilBert", 48, distilbert_tokenizer, make.INPUTS["input_ids"], {}),
    "roberta": ("Roberta", 401, roberta_tokenizer, np.array([[0, 310, 33, 400, 77, 41, 2], [0, 93, 2, 1, 1, 1, 1]]), {}),
    "xlm-roberta": (
        "XLMRoberta", 62, xlm_roberta_tokenizer, np.array([[0, 31, 33, 61, 17, 41, 2], [0, 59, 2, 1, 1, 1, 1]]), {}),
    # One group of two layers, which is gone through twice; the encoder alone has two such groups.
    "albert": ("Albert", 60, albert_tokenizer, make.INPUTS["input_ids"], dict(
        num_groups=1, num_inner_repetitions=2, embedding_dim=4)),
    # Fewer buckets than tokens, and three heads of two numbers.
    "deberta-v2": ("DebertaV3", 61, deberta_tokenizer, make.INPUTS["input_ids"], dict(num_heads=3, bucket_size=4)),
}


def write(directory, model, inputs, outputs):
    model.save_to_preset(str(directory))
    # Neither is read: one has the date, the other is in task.json too.
    (directory / "metadata.json").unlink()
    (directory / "preprocessor.json").unlink(missing_ok=True)
    record(directory, inputs, outputs)


def record(directory, inputs, outputs):
    save_file(inputs | {name: np.asarray(value) for name, value in outputs.items()}, directory / "golden.safetensors")


def encoded(encoder, own):
    found = encoder(own)
    if isinstance(found, dict):
        return {"last_hidden_state": found["sequence_output"], "pooler_output": found["pooled_output"]}
    return {"last_hidden_state": found}


def electra():
    for name, width in (("electra-backbone", 4), ("electra-one-width-backbone", 6)):
        encoder = keras_hub.models.ElectraBackbone(vocab_size=48, embedding_dim=width, name="electra_backbone", **SIZES)
        make.randomize(encoder)
        directory = make.fresh(name)
        write(directory, encoder, make.INPUTS, encoded(encoder, make.OWN))
        if width == 4:
            keras_hub.models.ElectraTokenizer(
                vocabulary=make.VOCABULARY, lowercase=True, name="electra_tokenizer").save_to_preset(str(directory))


def family(name):
    prefix, size, tokenizer, ids, settings = FAMILIES[name]
    types = make.INPUTS["token_type_ids"] if name == "albert" else ZEROS
    inputs = {"input_ids": ids.astype(np.int64), "attention_mask": MASK, "token_type_ids": types}
    own = {"token_ids": ids.astype(np.int32), "padding_mask": MASK.astype(np.int32)}
    if name == "albert":
        own["segment_ids"] = types.astype(np.int32)

    def kind(suffix):
        return getattr(keras_hub.models, prefix + suffix)

    def fresh(part):
        return make.fresh(f"{name}-{part}")

    def backbone(**more):
        called = tokenizer().name.replace("tokenizer", "backbone")
        made = kind("Backbone")(vocabulary_size=size, name=called, **(SIZES | settings | more))
        make.randomize(made)
        return made

    encoder = backbone(**(dict(num_layers=4, num_groups=2) if name == "albert" else {}))
    write(fresh("backbone"), encoder, inputs, encoded(encoder, own))
    encoder = backbone()

    masked = kind("MaskedLM")(
        encoder, preprocessor=kind("MaskedLMPreprocessor")(tokenizer(), sequence_length=LENGTH))
    make.randomize(masked)
    positions = np.tile(np.arange(7, dtype=np.int32), (2, 1))
    outputs = {
        "last_hidden_state": encoded(encoder, own)["last_hidden_state"],
        "prediction_logits": masked(own | {"mask_positions": positions}),
    }
    directory = fresh("masked-lm")
    write(directory, masked, inputs, outputs)
    if (directory / "assets/tokenizer/vocabulary.spm").exists():
        ids = [[int(token) for token in masked.preprocessor.tokenizer(text)] for text in TEXTS]
        (directory / "ids.json").write_text(json.dumps(dict(texts=TEXTS, ids=ids)) + "\n")

    classifier = kind("TextClassifier")(
        encoder, num_classes=3,
        preprocessor=kind("TextClassifierPreprocessor")(tokenizer(), sequence_length=LENGTH))
    make.randomize(classifier)
    outputs = {"last_hidden_state": encoded(encoder, own)["last_hidden_state"], "logits": classifier(own)}
    directory = fresh("classifier")
    write(directory, classifier, inputs, outputs)
    if name not in ("distilbert", "roberta"):
        return
    one = fresh("classifier-one-file")
    classifier.save_weights(one / "model.weights.h5")
    for file in ("config.json", "task.json"):
        shutil.copy(directory / file, one)
    record(one, inputs, outputs)


if __name__ == "__main__":
    for name in FAMILIES:
        family(name)
    electra()
