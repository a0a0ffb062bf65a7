"""Checks folders of sentence-transformers' SparseEncoder against that library. `run.sh` calls it.

    python check_sparse.py --graft GRAFT     # sentence-transformers 6.2.0

Of two folders of random weights, one in today's spelling and one in that of version 5: `graft embed` gives the weights of
`encode`, with each prompt; the imported folder loads there and gives them as well.
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy
import sentence_transformers
from sentence_transformers import SparseEncoder
from transformers.utils import logging

from report import AGREES, FIXTURES, LOADS, READS, Failure, run

logging.set_verbosity_error()
logging.disable_progress_bar()
FRAMEWORK = f"sentence-transformers {sentence_transformers.__version__}"
TEXTS = ["He do it", "do", "", "it " * 600, "DO IT", "Neural networks learn.", "naïve café, 北京 and ½ of it\u0301"]


def vectors(model, **arguments):
    return model.encode(TEXTS, batch_size=2, convert_to_tensor=True, **arguments).to_dense().numpy()


def check(graft, report, source, name, work):
    checks = report.of("safetensors", FRAMEWORK, family=name)
    texts, model = work / "texts.txt", SparseEncoder(str(source), device="cpu")
    texts.write_text("".join(text + "\n" for text in TEXTS), encoding="utf-8")

    def close(directory, expected, *options):
        (work / "v.jsonl").unlink(missing_ok=True)
        graft("embed", directory, "--input", texts, "--output", work / "v.jsonl", *options)
        found = numpy.zeros_like(expected)
        for row, line in enumerate((work / "v.jsonl").read_text(encoding="utf-8").splitlines()):
            for token, weight in json.loads(line).items():
                found[row, model.tokenizer.convert_tokens_to_ids(token)] = weight
        worst = float(abs(found - expected).max() / abs(expected).max())
        if not worst <= 1e-5:
            raise Failure(f"relative difference {worst:.2g}")
        return f"relative difference {worst:.1e}"

    plain = vectors(model)
    checks.check("graft embed", name, lambda: close(source, plain), READS, AGREES)
    for prompt in model.prompts:
        expected = vectors(model, prompt_name=prompt)
        checks.check(
            f"graft embed --prompt-name {prompt}", name, lambda: close(source, expected, "--prompt-name", prompt), AGREES)
    cut = vectors(model, max_active_dims=7)
    checks.check("graft embed --top-k", name, lambda: close(source, cut, "--top-k", 7), AGREES)
    imported = work / "imported"

    def loads():
        found = vectors(SparseEncoder(str(imported), device="cpu"))
        worst = float(abs(found - plain).max() / abs(plain).max())
        if not worst <= 1e-5:
            raise Failure(f"relative difference {worst:.2g}")
        return f"relative difference {worst:.1e}"

    if checks.check("import", name, lambda: graft("import", source, "--output", imported) and None):
        checks.check("it loads the import", name, loads, LOADS, AGREES)
        checks.check("graft embed of the import", name, lambda: close(imported, plain), AGREES)


def check_all(graft, report, arguments):
    for name in ("current", "older"):
        if arguments.only in f"sparse-{name}":
            print(f"checking sparse-{name}", file=sys.stderr)
            with tempfile.TemporaryDirectory(prefix="graft-interop-") as work:
                check(graft, report, FIXTURES / "sparse" / name, f"sparse-{name}", Path(work))


if __name__ == "__main__":
    run(__doc__, check_all)
