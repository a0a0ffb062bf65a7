"""Short texts a second that become vectors: `graft embed` against sentence-transformers, MiniLM size.

Graft's time is the whole command's, from the start of the process to the file on the disk; the peer's is that of `encode`
alone, after texts that do not count. sentence-transformers runs on PyTorch, ONNX Runtime and OpenVINO, in batches of 32 (its
default), 64 and 128: the fastest of these on the first texts is the peer, anew in each run, and its name is printed. In int8
there is no PyTorch. See peers/embed_sentences.py.
"""

import json
import sys

from harness.bench import HERE
from harness.results import Goal, Row
from harness.runner import alternate, removed, run

COUNT, GOAL = 10_000, Goal(2)


def measure(bench):
    for precision in ("float32", "int8"):
        name = f"inference in {precision}, embedding {COUNT:,} short texts, MiniLM size"
        if bench.wants(name):
            bench.results.add(against_sentence_transformers(bench, name, precision))


def against_sentence_transformers(bench, name, precision):
    model, exported = bench.model("minilm", "backbone"), bench.exported("minilm", "backbone")
    texts, vectors = bench.work / "titles.txt", bench.work / "titles.npy"
    texts.write_text("\n".join(bench.texts.titles(COUNT)) + "\n", encoding="utf-8")

    def graft():
        removed(vectors.with_name(f"{vectors.name}.json"))
        command = (bench.graft, "embed", model, "--input", texts, "--output", removed(vectors))
        return COUNT / run(*command, "--precision", precision, "--quiet").seconds

    def peer():
        script = HERE / "peers/embed_sentences.py"
        done = json.loads(
            run(sys.executable, script, model, "--folder", exported, "--precision", precision, "--input", texts).text
        )
        print(f"{name}: sentence-transformers is fastest with {done['backend']}, batch {done['batch_size']}", flush=True)
        return done["texts_per_second"]

    ours, theirs = alternate({"graft": graft, "sentence-transformers": peer}, bench.runs).values()
    return Row(name, "texts/s", ours, theirs, more_is_better=True, goal=GOAL, backend=bench.auto)
