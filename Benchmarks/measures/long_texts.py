"""ModernBERT against transformers at several lengths: seconds of a training step, and texts a second that are labelled.

Base size with random weights, float32, every text as long as the title says. transformers runs its fused attention, for
the other kind needs more memory at 8,192 tokens than many machines have.
"""

import sys
from functools import partial

from harness.bench import HERE
from harness.results import Goal, Row
from harness.runner import alternate, run
from harness.trainers import WARM_UP, train_with_graft, train_with_pytorch

from measures.families import model
from measures.inference import rates

CONFIG = {
    "model_type": "modernbert",
    "num_hidden_layers": 22,
    "intermediate_size": 1152,
    "max_position_embeddings": 8192,
    "global_attn_every_n_layers": 3,
    "local_attention": 128,
    "global_rope_theta": 160000.0,
    "local_rope_theta": 10000.0,
    "hidden_activation": "gelu",
    "attention_bias": False,
    "mlp_bias": False,
    "norm_bias": False,
    "cls_token_id": 101,
    "sep_token_id": 102,
    "bos_token_id": 101,
    "eos_token_id": 102,
}
# By the tokens of a text: texts in a batch, steps that are timed, and texts that are labelled after as many others.
LENGTHS = {128: (8, 6, 32), 1024: (1, 4, 8), 8192: (1, 1, 2)}
GOAL = Goal(3)


def measure(bench):
    for tokens, (size, steps, count) in LENGTHS.items():
        for title, contenders in (
            (f"training step, batch {size}", partial(trainers, steps=steps)),
            (f"classifying, batch {size}", partial(classifiers, count=count)),
        ):
            name = f"long texts, ModernBERT, {tokens:,} tokens, {title}"
            if bench.wants(name):
                is_step = title.startswith("training")
                ours, theirs = alternate(contenders(bench, tokens, size), 1 if bench.is_quick else 3).values()
                unit = "s" if is_step else "texts/s"
                bench.results.add(
                    Row(name, unit, ours, theirs, more_is_better=not is_step, goal=GOAL, backend=bench.auto)
                )


def trainers(bench, tokens, size, steps):
    data = bench.texts.write_long(tokens, size * (steps + WARM_UP), bench.work / f"long-{tokens}.csv")
    path = model(bench, "ModernBERT", CONFIG)
    flags = ("--max-length", tokens)
    return {
        "graft": lambda: train_with_graft(
            bench, path, steps, data=data, batch_size=size, extra=flags
        ).seconds_per_step,
        "pytorch": lambda: train_with_pytorch(
            bench, path, steps, data=data, pad_to=tokens, attention="sdpa", extra=("--batch-size", size)
        ).seconds_per_step,
    }


def classifiers(bench, tokens, size, count):
    path = model(bench, "ModernBERT", CONFIG)
    texts = bench.texts.long(tokens, 2 * count)
    first, both = bench.work / "long-first.txt", bench.work / "long-both.txt"
    first.write_text("\n".join(texts[:count]) + "\n", encoding="utf-8")
    both.write_text("\n".join(texts) + "\n", encoding="utf-8")
    flags = ("--batch-size", size, "--max-length", tokens)

    def graft():
        # The difference of two runs leaves out what both do once: starting and loading.
        short, long = (
            run(bench.graft, "predict", path, "--input", file, *flags, "--allow-untrained", "--quiet").seconds
            for file in (first, both)
        )
        return count / (long - short)

    def pytorch():
        script = HERE / "peers/predict_torch.py"
        kind = ("--attention", "sdpa")
        done = run(sys.executable, script, path, "--input", both, *flags, "--warm-up", count, *kind)
        return rates(done)[size]

    return {"graft": graft, "pytorch": pytorch}
