"""Writes the tiny BERT checkpoints of this folder with transformers, and each one's golden outputs.

    python make.py            # torch 2.15.0, transformers 5.23.0, tokenizers 0.23.3, safetensors 0.8.0

All directories share one backbone and, head by head, one set of weights: a parameter's values depend on its name and
shape only. Weights, LayerNorm parameters and biases are all random, so that no two of them can be confused unseen.
"""

import json
import shutil
import zlib
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForMultipleChoice,
    BertForNextSentencePrediction,
    BertForPreTraining,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertModel,
    BertTokenizerFast,
)

HERE = Path(__file__).parent
NEWS_LABELS = ["World", "Sports", "Business", "Sci/Tech"]
ENTITY_LABELS = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"]
TOPIC_LABELS = ["politics", "sports", "money", "science", "weather"]

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LOWER, UPPER, DIGITS = "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"
PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[]_"
OTHER = ["é", "ß", "##ß", "α", "σ", "##σ", "中", "文"]
WORDS = """the of and to in a is that for it on with as was at by he be from his are this an have not or they which one
were all there been has when who will more if out so said what up its about than them can only other time new some could
these two first then do like our over such make may even most also after well many must before years where much your way
down should because long world sports business science tech team game win cup market stock oil price bank profit company group service system
software computer internet space study president iraq minister war election coach season film music health school law food water home deal sales
share rate plan cut rise fall play""".split()
SUFFIXES = "ing ed er est ly s es ion tion ment ness able al ist ity ive ous ful less or ies en ward ship age".split()
CAPITALISED = "The It He They World Sports Business Science Iraq President Minister Company".split()


def unique(tokens):
    return list(dict.fromkeys(tokens))


def vocabulary(cased: bool, size: int = 260) -> list[str]:
    letters = LOWER + UPPER if cased else LOWER
    tokens = [*SPECIAL, *letters, *("##" + c for c in letters), *DIGITS, *("##" + c for c in DIGITS), *PUNCTUATION]
    tokens += [*OTHER, *("##" + s for s in SUFFIXES)]
    tokens += [*(CAPITALISED if cased else []), *WORDS]
    tokens = unique(tokens)[:size]
    assert len(tokens) == size, len(tokens)
    return tokens


def config(**changes) -> BertConfig:
    settings = dict(
        vocab_size=260,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
        initializer_range=0.2,
    )
    return BertConfig(**(settings | changes), attn_implementation="eager")


def randomise(model) -> None:
    """Gives every parameter values that follow from its canonical name and shape."""
    prefix = "" if hasattr(model, "bert") else "bert."
    with torch.no_grad():
        for name, parameter in model.named_parameters():  # a tied pair comes once, under its first name
            name = prefix + name
            generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
            values = torch.randn(parameter.shape, generator=generator)
            if name.endswith("LayerNorm.weight"):
                parameter.copy_(1 + 0.2 * values)
            elif name.endswith("bias"):
                parameter.copy_(0.1 * values)
            else:
                parameter.copy_(0.2 * values)
        if hasattr(model, "cls") and hasattr(model.cls, "predictions"):
            # transformers adds decoder.bias and, when nothing is tied, never reads predictions.bias: keep them equal.
            model.cls.predictions.decoder.bias.copy_(model.cls.predictions.bias)


def write_tokenizer(directory: Path, cased: bool = False, fast_file: bool = True) -> None:
    (directory / "vocab.txt").write_text("\n".join(vocabulary(cased)) + "\n", encoding="utf-8")
    tokenizer = BertTokenizerFast(
        vocab=str(directory / "vocab.txt"), do_lower_case=not cased, model_max_length=64
    )
    tokenizer.save_pretrained(directory)
    if not fast_file:
        (directory / "tokenizer.json").unlink()


def inputs(vocab_size: int) -> dict[str, torch.Tensor]:
    """Three rows: a leading hole, two segments then padding, and a hole inside. All have a [MASK]."""
    generator = torch.Generator().manual_seed(42)
    length = 10
    ids = torch.randint(5, vocab_size, (3, length), generator=generator)
    mask = torch.ones(3, length, dtype=torch.int64)
    types = torch.zeros(3, length, dtype=torch.int64)
    ids[:, 0], ids[:, 4] = 2, 4
    ids[0, 0], mask[0, 0] = 0, 0
    for row, size in ((0, 10), (1, 6), (2, 9)):
        ids[row, size - 1] = 3
        ids[row, size:] = 0
        mask[row, size:] = 0
    types[1, 3:6] = 1
    types[2, 5:9] = 1
    mask[2, 3] = 0
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}


def golden(directory: Path, architecture, arguments) -> None:
    """Loads what was written, in float32, and keeps what it computes."""
    for file in directory.iterdir():
        file.chmod(0o644)
    model, info = architecture.from_pretrained(
        directory, dtype=torch.float32, attn_implementation="eager", output_loading_info=True, **arguments
    )
    for kind in ("missing_keys", "mismatched_keys", "error_msgs"):
        assert not info[kind], (directory, kind, info[kind])
    assert set(info["unexpected_keys"]) <= {"bert.embeddings.position_ids"}, (directory, info["unexpected_keys"])
    model.eval()
    batch = inputs(260)
    with torch.no_grad():
        backbone = getattr(model, "bert", model)(**batch)
        outputs = {"last_hidden_state": backbone.last_hidden_state}
        if backbone.pooler_output is not None:
            outputs["pooler_output"] = backbone.pooler_output
        if architecture is BertForPreTraining:
            result = model(**batch)
            outputs["prediction_logits"] = result.prediction_logits
            outputs["seq_relationship_logits"] = result.seq_relationship_logits
        elif architecture is BertForMaskedLM:
            outputs["prediction_logits"] = model(**batch).logits
        elif architecture is BertForNextSentencePrediction:
            outputs["seq_relationship_logits"] = model(**batch).logits
        elif architecture in (BertForSequenceClassification, BertForTokenClassification):
            outputs["logits"] = model(**batch).logits
        elif architecture is BertForQuestionAnswering:
            answers = model(**batch)
            outputs |= {"start_logits": answers.start_logits, "end_logits": answers.end_logits}
        elif architecture is BertForMultipleChoice:  # the rows are the choices of one question
            choices = model(**{name: tensor.unsqueeze(0) for name, tensor in batch.items()})
            outputs["logits"] = choices.logits.reshape(-1, 1)
    tensors = batch | {name: tensor.float().contiguous() for name, tensor in outputs.items()}
    save_file(tensors, directory / "golden.safetensors")
    (directory / "golden.safetensors").chmod(0o644)


def fresh(name: str) -> Path:
    directory = HERE / name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    return directory


def write(name, architecture, settings=None, arguments=None, dtype=torch.float32, cased=False, **save) -> None:
    directory = fresh(name)
    model = architecture(config(**(settings or {})), **(arguments or {}))
    randomise(model)
    model.to(dtype).save_pretrained(directory, **save)
    write_tokenizer(directory, cased=cased)
    golden(directory, architecture, arguments or {})


def rewrite(name, rework, settings=None, fast_file=True, reference=None) -> None:
    """A variant of `pretraining` whose tensors are renamed, copied or reshaped by hand."""
    directory = fresh(name)
    tensors = rework(load_file(HERE / "pretraining" / "model.safetensors"))
    save_file({k: v.contiguous() for k, v in tensors.items()}, directory / "model.safetensors", {"format": "pt"})
    document = json.loads((HERE / "pretraining" / "config.json").read_text()) | (settings or {})
    (directory / "config.json").write_text(json.dumps(document, indent=2, sort_keys=True) + "\n")
    write_tokenizer(directory, fast_file=fast_file)
    if reference:
        shutil.copy(HERE / reference / "golden.safetensors", directory)
    else:
        golden(directory, BertForPreTraining, {})


def legacy(tensors):
    renamed = {}
    for name, tensor in tensors.items():
        name = name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
        renamed[name] = tensor
    renamed.pop("cls.predictions.decoder.weight", None)
    renamed.pop("cls.predictions.decoder.bias", None)
    return renamed | {"bert.embeddings.position_ids": torch.arange(64).unsqueeze(0)}


def data_parallel(tensors):
    tensors["cls.predictions.decoder.weight"] = tensors["bert.embeddings.word_embeddings.weight"].clone()
    tensors["cls.predictions.decoder.bias"] = tensors["cls.predictions.bias"].clone()
    return {"module." + name: tensor for name, tensor in tensors.items()}


def padded(tensors, rows=320):
    generator = torch.Generator().manual_seed(7)
    for name in ("bert.embeddings.word_embeddings.weight", "cls.predictions.bias"):
        tensor = tensors[name]
        extra = 0.2 * torch.randn(rows - tensor.shape[0], *tensor.shape[1:], generator=generator)
        tensors[name] = torch.cat([tensor, extra])
    return tensors


def labels(names):
    return dict(id2label=dict(enumerate(names)), label2id={n: i for i, n in enumerate(names)})


def main() -> None:
    write("pretraining", BertForPreTraining)
    write("masked-lm", BertForMaskedLM)
    write("next-sentence", BertForNextSentencePrediction)
    write("sequence-classification", BertForSequenceClassification, labels(NEWS_LABELS))
    write("regression", BertForSequenceClassification, dict(problem_type="regression", num_labels=1))
    write(
        "multi-label",
        BertForSequenceClassification,
        dict(problem_type="multi_label_classification", **labels(TOPIC_LABELS)),
    )
    write("token-classification", BertForTokenClassification, labels(ENTITY_LABELS))
    write("question-answering", BertForQuestionAnswering)
    write("multiple-choice", BertForMultipleChoice)
    write("base", BertModel)
    write("base-no-pooler", BertModel, arguments=dict(add_pooling_layer=False))

    rewrite("legacy-gamma-beta", legacy, fast_file=False)
    rewrite("padded-vocab", padded, dict(vocab_size=320))
    write("untied-decoder", BertForMaskedLM, dict(tie_word_embeddings=False))
    write("float16", BertForPreTraining, dtype=torch.float16)
    write("bfloat16", BertForPreTraining, dtype=torch.bfloat16)
    write("sharded", BertForPreTraining, max_shard_size="48KB")
    write("gelu-tanh", BertForPreTraining, dict(hidden_act="gelu_new"))
    write("cased", BertForMaskedLM, cased=True)
    # transformers itself does not take the prefix off: load it as PyTorch users do, by stripping "module.".
    rewrite("data-parallel", data_parallel, fast_file=False, reference="pretraining")


if __name__ == "__main__":
    main()
