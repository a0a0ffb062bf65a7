"""What a token costs in texts of 16 to 8,192 tokens, and the memory that the longest takes: ModernBERT of BERT-base size.

Random weights, float32, local and global layers. Billions of operations a second that the products and attention make, where
a local layer attends to 129 tokens. If each length reaches as many, the cost of a token follows its operations. Graft alone;
texts come through a pipe, as in inference.py, each cut to its length, and batches are Graft's own.
"""

from harness.answers import Answers
from harness.results import Goal, Row
from harness.runner import alternate, run

from measures.families import model
from measures.long_texts import CONFIG

LENGTHS = (16, 128, 512, 2048, 8192)
TOKENS = 16_384  # of all texts of a length
WIDTH = 768
WITHIN, MEMORY = Goal(0.85), Goal(most=400)
TITLE = "inference in float32, cost of a token, ModernBERT"


def measure(bench):
    names = {length: f"{TITLE}, {length:,} tokens" for length in LENGTHS}
    even, memory = f"{TITLE}, the slowest length against the fastest", f"{TITLE}, 8,192 tokens, memory beside the weights"
    wanted = [length for length in LENGTHS if bench.wants(even) or bench.wants(names[length])]
    if wanted:
        found = alternate({length: lambda length=length: speed(bench, length) for length in wanted}, bench.runs)
        for length in wanted:
            bench.results.add(Row(names[length], "GFLOP/s", found[length], backend=bench.auto))
        if bench.wants(even):
            runs = list(zip(*found.values()))
            slowest, fastest = [min(each) for each in runs], [max(each) for each in runs]
            row = Row(even, "GFLOP/s", slowest, fastest, more_is_better=True, goal=WITHIN, backend=bench.auto)
            bench.results.add(row)
    if bench.wants(memory):
        bench.results.add(Row(memory, "MB", [megabytes(bench) for _ in range(bench.runs)], goal=MEMORY))


def operations(length):
    """Floating-point operations that a token costs in a text of so many."""
    layers, inner = CONFIG["num_hidden_layers"], CONFIG["intermediate_size"]
    reached = [
        length if layer % CONFIG["global_attn_every_n_layers"] == 0 else min(length, CONFIG["local_attention"] + 1)
        for layer in range(layers)
    ]
    return layers * 2 * (4 * WIDTH * WIDTH + 3 * WIDTH * inner) + sum(4 * WIDTH * count for count in reached)


def speed(bench, length):
    count = max(1, TOKENS // length)
    texts = bench.texts.long(length, count + 1)
    flags = ("--max-length", length)
    with Answers(bench.graft, model(bench, "ModernBERT", CONFIG), *flags) as answers:
        # As many as make a batch, so that the window that Graft reads is measured on one.
        for _ in range(2):
            answers.seconds(texts[: max(1, 2048 // length)])
        return count * length * operations(length) / answers.seconds(texts[1:]) / 1e9


def megabytes(bench):
    length, path = max(LENGTHS), model(bench, "ModernBERT", CONFIG)
    file = bench.work / "long-one.txt"
    file.write_text(bench.texts.long(length, 1)[0] + "\n", encoding="utf-8")
    command = (bench.graft, "predict", path, "--input", file, "--max-length", length)
    done = run(*command, "--allow-untrained", "--quiet")
    return done.megabytes - (path / "model.safetensors").stat().st_size / 1e6
