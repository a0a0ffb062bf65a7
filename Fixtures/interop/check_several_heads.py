"""Checks checkpoints with several heads against transformers. `run.sh` calls it.

    python check_several_heads.py --graft GRAFT     # torch 2.15.0, transformers 5.23.0

Of a tiny checkpoint of each family Graft trains four heads in turn on one backbone. Each of them, made active or exported, loads
in transformers as the class that its config.json names, with no key missing, unexpected or of another shape, and computes what
Graft computes. What `graft predict --heads` says of a text is what that class says.
"""

import json
import sys
import tempfile
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file
from transformers.utils import logging

from reference import FAMILIES, encode, load, outputs, read_config
from report import AGREES, FIXTURES, LOADS, TOLERANCE, Failure, run

logging.set_verbosity_error()
logging.disable_progress_bar()
FRAMEWORK = f"transformers {transformers.__version__}"
CLASSES = {
    "sequence-classification": "ForSequenceClassification", "token-classification": "ForTokenClassification",
    "question-answering": "ForQuestionAnswering", "masked-lm": "ForMaskedLM",
}
TEXTS = ["the game of the year", "he can do it", "it will play in the city", "who is it"]


def write_data(work, fixtures):
    """The data of each head: `--data` of `graft train`."""
    def labels(head):
        known = read_config(fixtures / head)["id2label"]
        return [known[str(index)] for index in range(len(known))]

    def rows(name, lines):
        (work / name).write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        return work / name

    classes, tags = labels("sequence-classification"), labels("token-classification")
    words = [text.split() for text in TEXTS]
    return {
        "sequence-classification": rows("texts.jsonl", [
            {"text": text, "label": classes[index % len(classes)]} for index, text in enumerate(TEXTS)]),
        "token-classification": rows("words.jsonl", [
            {"tokens": row, "tags": [tags[(index + len(row)) % len(tags)] for index in range(len(row))]} for row in words]),
        "question-answering": rows("questions.jsonl", [
            {"id": str(index), "question": "who is it", "context": text, "answers": {"text": [text.split()[1]], "answer_start": [text.index(" ") + 1]}}
            for index, text in enumerate(TEXTS)]),
        "masked-lm": rows("plain.jsonl", [{"text": text} for text in TEXTS]),
    }


def close(found, expected):
    found, expected = torch.tensor(found), torch.tensor(expected)
    worst = float((found - expected).abs().max() / expected.abs().max())
    if not worst <= TOLERANCE:
        raise Failure(f"relative difference {worst:.2g}")
    return f"relative difference {worst:.1e}"


def loads(directory, head):
    """The class that transformers has for a directory, which has to be the head's, and what it says about the keys."""
    model, info = load(directory)
    wrong = {key: sorted(map(str, found)) for key, found in info.items() if found}
    if wrong or not type(model).__name__.endswith(CLASSES[head]):
        raise Failure(f"{type(model).__name__}: {wrong}")
    return model


def check(graft, report, family, work):
    fixtures, name = FIXTURES / family.folder, family.name
    checks = report.of("safetensors", FRAMEWORK, family=name)
    heads = [head for head in CLASSES if (fixtures / head).exists()]
    whole = fixtures / heads[0]
    width = read_config(whole).get("embedding_size")
    for head in heads[1:]:
        if read_config(fixtures / head).get("embedding_size") != width:  # a checkpoint of another shape: a new head then
            graft("head", "swap", whole, "--to", head, "--output", work / f"with-{head}")
            whole = work / f"with-{head}"
            continue
        graft("head", "detach", fixtures / head, "--output", work / f"only-{head}")
        graft("head", "attach", whole, "--head", work / f"only-{head}", "--output", work / f"with-{head}")
        whole = work / f"with-{head}"
    data = write_data(work, fixtures)
    trained = work / "trained"
    named = [f"{head}={data[head]}" for head in heads]
    # fmt: off
    graft("train", whole, "--data", *named, "--output", trained, "--epochs", 3, "--batch-size", 2, "--learning-rate", 1e-3,
          "--max-length", 32, "--save-strategy", "no", "--quiet")
    # fmt: on
    models = {}
    for head in heads:
        own = work / head
        graft("head", "swap", trained, "--to", head, "--output", own)
        subject = f"{name} {head} of {len(heads)} heads"
        if not checks.check("loads as the head's class", subject, lambda: models.update({head: loads(own, head)}), LOADS):
            continue
        golden = work / f"{head}.safetensors"

        def computes(directory):
            model = loads(directory, head)
            batch = encode(directory, TEXTS, 32)
            save_file(batch | outputs(model, batch), golden)
            return graft.verify(own, golden)

        checks.check("computes the same", subject, lambda: computes(own), AGREES)
        written = work / f"{head}-exported"
        if checks.check("export", subject, lambda: graft("export", own, "--format", "pytorch", "--output", written) and None):
            checks.check("computes the same when exported", subject, lambda: computes(written), LOADS, AGREES)

    def answers():
        head = "sequence-classification"
        found = json.loads(graft("predict", trained, *TEXTS, "--heads", "sequence-classification,token-classification", "--json"))
        logits = outputs(models[head], encode(work / head, TEXTS, 32))["logits"]
        own = [one["heads"][head] for one in found]
        names = read_config(work / head)["id2label"]
        scores = [[one["scores"][names[str(index)]] for index in range(len(names))] for one in own]
        return close(scores, logits.softmax(-1).tolist())

    checks.check("graft predict --heads", name, answers, AGREES)


def check_all(graft, report, arguments):
    for family in FAMILIES.values():
        if arguments.only not in f"several heads {family.name}":
            continue
        print(f"checking {family.name}: several heads", file=sys.stderr)
        with tempfile.TemporaryDirectory(prefix="graft-interop-") as work:
            try:
                check(graft, report, family, Path(work))
            except Failure as failure:  # of what has to be there before anything can be checked
                message = str(failure)

                def fail():
                    raise Failure(message)

                report.of("safetensors", FRAMEWORK, family=family.name).check("train", family.name, fail)


if __name__ == "__main__":
    run(__doc__, check_all)
