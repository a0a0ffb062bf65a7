"""Checks what Graft makes of checkpoints whose files say something else than usual. `run.sh` calls it.

    python check_disagreeing.py --graft GRAFT     # transformers 5.23.0

Configurations that name another class or none, other activations, labels that are numbers: transformers loads each by its
class, and Graft has to import the same tensors and to compute the same outputs within 1e-5 of the largest value. Tokenizers
whose files disagree, vocabularies with holes and repeated lines: the ids have to be those of transformers; where it has another
tokenizer, Graft has to refuse the text, by the key that says so, and to import the weights all the same.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers.utils import logging

from check_transformers import key_problems
from reference import encode, family, outputs
from report import AGREES, FIXTURES, READS, Failure, run

sys.path.insert(0, str(FIXTURES / "tokenizer"))
import disagreeing  # noqa: E402

logging.set_verbosity_error()
logging.disable_progress_bar()

TRANSFORMERS = f"transformers {transformers.__version__}"
# What is changed in config.json (`...` takes a key away), and the class that the files are of.
CONFIGURATIONS = {
    "no model_type": ("bert-tiny/masked-lm", dict(model_type=...), "BertForMaskedLM"),
    "RobertaModel without model_type": ("roberta-tiny/base", dict(model_type=...), "RobertaModel"),
    "RobertaForMaskedLM without model_type": ("roberta-tiny/masked-lm", dict(model_type=...), "RobertaForMaskedLM"),
    "a class of somebody's own, masked-lm": (
        "bert-tiny/masked-lm", dict(architectures=["AntibodyModel"]), "BertForMaskedLM"),
    "a class of somebody's own, classifier": (
        "bert-tiny/sequence-classification", dict(architectures=["ToxicityModel"]), "BertForSequenceClassification"),
    "no class": ("bert-tiny/pretraining", dict(architectures=...), "BertForPreTraining"),
    "labels that are numbers": (
        "bert-tiny/sequence-classification", dict(id2label={str(n): n for n in range(4)}, label2id=...),
        "BertForSequenceClassification"),
    **{f"the activation {name}": ("bert-tiny/masked-lm", dict(hidden_act=name), "BertForMaskedLM")
       for name in ("silu", "mish", "quick_gelu", "swish", "relu", "gelu_10")},
}


def changed(source, directory, changes):
    shutil.copytree(FIXTURES / source, directory, ignore=shutil.ignore_patterns("golden*"))
    file = directory / "config.json"
    config = {key: value for key, value in (json.loads(file.read_text()) | changes).items() if value is not ...}
    file.write_text(json.dumps(config))
    return config


def check_configuration(graft, report, name, source, changes, kind, work):
    directory, imported, golden = work / "changed", work / "imported", work / "golden.safetensors"
    changed(source, directory, changes)
    checks = report.of("config.json", TRANSFORMERS, "transformers", family(FIXTURES / source).name)

    def reads():
        graft("import", directory, "--output", imported)
        return graft.identical(FIXTURES / source, imported)

    def agrees():
        loaded = work / "loaded"  # numbers as labels are those texts there
        changed(source, loaded, changes | (dict(id2label={k: str(v) for k, v in changes["id2label"].items()})
                                           if "id2label" in changes else {}))
        model, info = getattr(transformers, kind).from_pretrained(
            loaded, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
        problems = [*key_problems(info)]
        if problems:
            raise Failure("\n".join(problems))
        batch = encode(FIXTURES / source, family(FIXTURES / source).texts())
        save_file(batch | outputs(model.eval(), batch), golden)
        return graft.verify(imported, golden)

    if checks.check("import of another config.json", name, reads, READS):
        checks.check("graft agrees with the class", name, agrees, AGREES)


def untied(graft, report, work):
    """A model that is not tied, of which a decoder is missing: transformers makes a new one, Graft takes the embeddings and says it."""
    directory = work / "untied"
    changed("bert-tiny/masked-lm", directory, dict(tie_word_embeddings=False))
    checks = report.of("config.json", TRANSFORMERS, "transformers", "bert")

    def says():
        _, info = transformers.BertForMaskedLM.from_pretrained(directory, output_loading_info=True)
        if set(info["missing_keys"]) != {"cls.predictions.decoder.weight", "cls.predictions.decoder.bias"}:
            raise Failure(str(info))
        notes = json.loads(graft("inspect", directory, "--json"))["report"]["notes"]
        if not any(note.startswith("tie_word_embeddings is false, and there is no") for note in notes):
            raise Failure(str(notes))
        return "said"

    checks.check("a missing decoder that is not tied", "masked-lm", says)


def check_tokenizer(graft, report, case, work):
    directory = work / "model"
    shutil.copytree(FIXTURES / case["base"], directory)
    for name, text in case["files"].items():
        if text is None:
            (directory / name).unlink()
        else:
            (directory / name).write_bytes(text.encode())
    kin = family(directory)
    checks = report.of(kin.vocabulary, TRANSFORMERS, family=kin.name)
    maximum = ["--max-length", case["maximum"]] if case["maximum"] else []
    command = ("tokenize", directory, "--json", *maximum, "--", case["text"])

    def ids():
        if case["ids"] is None:
            return graft.fails("key 'tokenizer_class'", *command)
        found = json.loads(graft(*command))[0]["ids"]
        if found != case["ids"]:
            raise Failure(f"{found}\nexpected {case['ids']}")
        return f"{len(found)} ids"

    def converts():
        graft("import", directory, "--output", work / "imported")
        return graft.identical(FIXTURES / case["base"], work / "imported")

    checks.check("token ids of files that disagree", case["name"], ids)
    checks.check("import beside such files", case["name"], converts, READS)


def check_all(graft, report, arguments):
    for name, (source, changes, kind) in CONFIGURATIONS.items():
        if arguments.only in f"configuration {name}":
            with tempfile.TemporaryDirectory(prefix="graft-interop-") as work:
                check_configuration(graft, report, name, source, changes, kind, Path(work))
    if arguments.only in "configuration untied":
        with tempfile.TemporaryDirectory(prefix="graft-interop-") as work:
            untied(graft, report, Path(work))
    if arguments.only in "tokenizer disagreeing":
        disagreeing.bert()
        disagreeing.roberta()
        for case in disagreeing.cases:
            with tempfile.TemporaryDirectory(prefix="graft-interop-") as work:
                check_tokenizer(graft, report, case, Path(work))


if __name__ == "__main__":
    run(__doc__, check_all)
