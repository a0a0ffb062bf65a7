"""Texts a second that a classifier labels: Graft against each peer that has the precision.

All label the same texts in the same rounds, a row for each peer: ONNX Runtime (float32 and int8), OpenVINO (all three),
PyTorch (float32 and bfloat16). Each has its process, loads the model and labels the first texts twice before its clock
runs. Graft's runs from the first text that is written into its pipe to the last answer that is read, so that reading and
printing count, and the pipe's windows are its own: about a second's work, where the peers sort all texts at once.
"""

import json
import sys

from harness.answers import Answers
from harness.bench import HERE
from harness.results import Goal, Row
from harness.runner import alternate, run

WARM_UP, MAX_LENGTH = 16, 128
TITLES = {"bert-base": "BERT-base size", "minilm": "MiniLM size", "distilbert": "DistilBERT size"}
# Texts that Graft takes some seconds for on two cores with AVX-512.
COUNTS = {
    "bert-base": {"float32": 192, "bfloat16": 320, "int8": 512},
    "minilm": {"float32": 1280, "bfloat16": 2048, "int8": 2560},
    "distilbert": {"float32": 384, "bfloat16": 640, "int8": 1024},
}
PEERS = {
    "float32": ("ONNX Runtime", "OpenVINO", "PyTorch"),
    "bfloat16": ("OpenVINO", "PyTorch"),
    "int8": ("ONNX Runtime", "OpenVINO"),
}
SIZES = (1, 16, 64)


def goal(model, precision, size):
    if size not in (1, 16) or model == "distilbert":
        return None
    return Goal(1.5 if model == "minilm" else 1.15 if (precision, size) == ("float32", 16) else 1.25)


def measure(bench):
    for model, title in TITLES.items():
        for precision, peers in PEERS.items():
            names = {
                (size, peer): f"inference in {precision}, batch {size}, {title}, against {peer}"
                for size in SIZES
                for peer in peers
            }
            names = {key: name for key, name in names.items() if bench.wants(name)}
            if names:
                compare(bench, model, precision, names)


def compare(bench, model, precision, names):
    """- names: Of the measures that are wanted, by the texts of a batch and the peer."""
    sizes = sorted({size for size, _ in names})
    texts = bench.texts.first(WARM_UP + COUNTS[model][precision])
    path = bench.model(model, "classification")
    contenders = {"graft": lambda: {size: graft(bench, path, precision, texts, size) for size in sizes}}
    for peer in sorted({peer for _, peer in names}):
        flags = ("--batch-size", *sizes)
        contenders[peer] = lambda peer=peer: rates(labelled(bench, peer, model, precision, texts, *flags))
    found = alternate(contenders, bench.runs)
    for (size, peer), name in names.items():
        ours, theirs = ([run[size] for run in found[side]] for side in ("graft", peer))
        bench.results.add(
            Row(
                name, "texts/s", ours, theirs, more_is_better=True, goal=goal(model, precision, size),
                backend=bench.auto,
            )
        )


def answers(bench, path, precision, size):
    return Answers(
        bench.graft, path, "--precision", precision, "--batch-size", size, "--max-length", MAX_LENGTH
    )


def graft(bench, path, precision, texts, size):
    first, rest = texts[:WARM_UP], texts[WARM_UP:]
    with answers(bench, path, precision, size) as answering:
        for _ in range(2):
            answering.seconds(first)
        return len(rest) / answering.seconds(rest)


def labelled(bench, peer, model, precision, texts, *flags):
    """The run of a peer that labels the texts.

    - model: The name of the model's size.
    """
    file = bench.work / "labelled.txt"
    file.write_text("\n".join(texts) + "\n", encoding="utf-8")
    script = {"ONNX Runtime": "predict_onnx.py", "OpenVINO": "predict_openvino.py", "PyTorch": "predict_torch.py"}[peer]
    exported = () if peer == "PyTorch" else ("--folder", bench.exported(model, "classification"))
    return run(
        sys.executable, HERE / "peers" / script, bench.model(model, "classification"), "--input", file,
        "--precision", precision, "--max-length", MAX_LENGTH, "--warm-up", WARM_UP, *exported, *flags,
    )


def rates(done):
    """Texts a second by the texts of a batch."""
    return {int(size): rate for size, rate in json.loads(done.text)["texts_per_second"].items()}
