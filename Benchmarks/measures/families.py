"""Each family against BERT at the same shape: seconds of a training step, and texts a second that a classifier labels.

BERT-base size, float32. A ratio of 1 means as fast as BERT; the goals allow for what a family computes beyond it. Of
DeBERTa-v3 the same is shown for PyTorch.
"""

import json
import shutil
from functools import partial

from harness.bench import HERE, TITLES
from harness.results import Goal, Row
from harness.runner import alternate, run
from harness.trainers import train_with_graft, train_with_pytorch

SIZE, STEPS, WARM_UP, COUNT = "bert-base", 6, 16, 256
WITHIN_TENTH = Goal(0.9)
# What a family's configuration has otherwise than BERT's, and the goal.
FAMILIES = {
    "DistilBERT": (
        {"model_type": "distilbert", "dim": 768, "n_layers": 12, "n_heads": 12, "hidden_dim": 3072},
        WITHIN_TENTH,
    ),
    "RoBERTa": ({"model_type": "roberta", "max_position_embeddings": 514, "type_vocab_size": 1}, WITHIN_TENTH),
    "ELECTRA": ({"model_type": "electra", "embedding_size": 768}, WITHIN_TENTH),
    "MPNet": ({"model_type": "mpnet", "max_position_embeddings": 514}, WITHIN_TENTH),
    "ALBERT": ({"model_type": "albert", "embedding_size": 128}, WITHIN_TENTH),
    "DeBERTa-v3": (
        {
            "model_type": "deberta-v2",
            "relative_attention": True,
            "position_buckets": 256,
            "norm_rel_ebd": "layer_norm",
            "share_att_key": True,
            "pos_att_type": "p2c|c2p",
            "position_biased_input": False,
            "type_vocab_size": 0,
        },
        Goal(1 / 1.6),
    ),
}


def measure(bench):
    for name, (changes, goal) in FAMILIES.items():
        for title, contend, better in (
            ("training step", step, False),
            ("classifying, batch 16", texts_per_second, True),
            ("training step, both with PyTorch", pytorch_step, False),
        ):
            if contend is pytorch_step and name != "DeBERTa-v3":
                continue
            measure = f"families, {name} against BERT, {title}, {TITLES[SIZE]}"
            if not bench.wants(measure):
                continue
            sides = {"family": model(bench, name, changes), "bert": bench.model(SIZE, "classification")}
            ours, theirs = alternate(
                {side: partial(contend, bench, path) for side, path in sides.items()}, bench.runs
            ).values()
            unit = "texts/s" if better else "s"
            asked = None if contend is pytorch_step else goal
            bench.results.add(Row(measure, unit, ours, theirs, more_is_better=better, goal=asked, backend=bench.auto))


def model(bench, name, changes):
    """A classifier of a family with random weights, made when it is first asked for; its tokenizer is BERT's."""
    path = bench.work / f"family-{name}"
    if not path.exists():
        start = bench.work / f"family-{name}-start"
        start.mkdir()
        config = json.loads((HERE / SIZE / "config.json").read_text()) | changes
        (start / "config.json").write_text(json.dumps(config))
        for file in bench.model(SIZE, "MLM").glob("*token*"):
            shutil.copy(file, start)
        run(bench.graft, "init", start, "--output", path.with_suffix(".encoder"))
        head = ("--to", "sequence-classification", "--labels", ",".join(bench.texts.labels))
        run(bench.graft, "head", "swap", path.with_suffix(".encoder"), *head, "--output", path)
    return path


def step(bench, path):
    return train_with_graft(bench, path, STEPS).seconds_per_step


def pytorch_step(bench, path):
    return train_with_pytorch(bench, path, STEPS, attention="eager").seconds_per_step


def texts_per_second(bench, path):
    texts = bench.texts.first(WARM_UP + COUNT)
    first, both = bench.work / "families-first.txt", bench.work / "families-both.txt"
    first.write_text("\n".join(texts[:WARM_UP]) + "\n", encoding="utf-8")
    both.write_text("\n".join(texts) + "\n", encoding="utf-8")
    flags = ("--batch-size", 16, "--max-length", 128, "--allow-untrained", "--quiet")
    # The difference of two runs leaves out what both do once: starting and loading.
    short, long = (run(bench.graft, "predict", path, "--input", file, *flags).seconds for file in (first, both))
    return COUNT / (long - short)
