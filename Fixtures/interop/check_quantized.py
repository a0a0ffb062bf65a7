"""Checks checkpoints in int8 against transformers, which reads them by compressed-tensors. `run.sh` calls it.

    python check_quantized.py --graft GRAFT     # torch 2.15.0, transformers 5.23.0, compressed-tensors 0.20.1

The tiny classifier of each family but NomicBERT, quantized by Graft, opens as a classifier and as a bare encoder, with the scales of those
layers that the file has them of. Both compute what they do of the float32 weights that the whole numbers stand for, but for the rounding of activations,
which is transformers' own.
"""

import sys
import tempfile
from pathlib import Path

import torch
import transformers
from safetensors import safe_open
from transformers.utils import logging

from reference import FAMILIES, encode
from report import AGREES, FIXTURES, LOADS, Failure, run

logging.set_verbosity_error()
logging.disable_progress_bar()
FRAMEWORK = f"transformers {transformers.__version__}"
TEXTS = ["the game of the year", "he can do it"]
# Its class splits the layers of the file and gives the parts other names, by which compressed-tensors does not find them.
LEFT_OUT = ("nomic_bert",)
SCALE = "weight_scale"
# Activations of eight bits, in models of a dozen numbers.
TOLERANCE = 0.1


def check(graft, report, family, work):
    source = FIXTURES / family.folder / "sequence-classification"
    if not source.exists():
        return
    checks = report.of("safetensors", FRAMEWORK, family=family.name)
    quantized, plain = work / "int8", work / "float32"
    graft("quantize", source, "--output", quantized)
    graft("export", quantized, "--format", "safetensors", "--dtype", "float32", "--output", plain)
    batch = encode(source, TEXTS, 32)

    def computes(kind):
        found, expected = [], []
        for directory, results in ((quantized, found), (plain, expected)):
            model = kind.from_pretrained(directory, dtype=torch.float32).eval()
            with torch.no_grad():
                results += [model(**batch)[0].float()]
            prefix = model.base_model_prefix + "."
            scales = {name.removeprefix(prefix) for name, _ in model.named_parameters() if name.endswith(SCALE)}
            with safe_open(directory / "model.safetensors", "pt") as file:
                stored = {name.removeprefix(prefix) for name in file.keys() if name.endswith(SCALE)}
            if scales != stored or bool(scales) != (directory == quantized):
                raise Failure(f"scales of {directory.name}: {sorted(scales ^ stored)} of {len(stored)}")
        error = float((found[0] - expected[0]).norm() / expected[0].norm())
        if not 0 < error < TOLERANCE:
            raise Failure(f"relative difference {error:.2g}")
        return f"relative difference {error:.1e}"

    for kind in (transformers.AutoModelForSequenceClassification, transformers.AutoModel):
        checks.check("opens in int8", f"{family.name} {kind.__name__}", lambda: computes(kind), LOADS, AGREES)


def check_all(graft, report, arguments):
    for family in FAMILIES.values():
        if family.name not in LEFT_OUT and arguments.only in f"int8 {family.name}":
            print(f"checking {family.name}: int8", file=sys.stderr)
            with tempfile.TemporaryDirectory(prefix="graft-interop-") as work:
                check(graft, report, family, Path(work))


if __name__ == "__main__":
    run(__doc__, check_all)
