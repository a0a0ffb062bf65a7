"""Trains a tokenizer of every family by `graft tokenizer train`, makes a model for it by `graft init`, and loads both in
Hugging Face tokenizers and transformers.

    python check_from_nothing.py --graft GRAFT --peers PEERS [--rows FILE] [--only WORD]      # `make interop` calls it

What is learnt from Fixtures/packages has to be what `tokenizers` learns; ids of texts have to be the same in Graft,
`tokenizers` and AutoTokenizer; the model has to load with no key missing or unexpected.
"""

import csv
import json
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tokenizer-training"))

import reference  # noqa: E402
import tokenizers  # noqa: E402
import torch  # noqa: E402
import transformers  # noqa: E402
from compare import difference  # noqa: E402
from report import Failure, run  # noqa: E402
from transformers.utils import logging  # noqa: E402

logging.set_verbosity_error()
logging.disable_progress_bar()
SAMPLE = ["A game server", "naïve café, 12.5%: it's  two   spaces", "中文 and\ttabs", "Ünïcödé <x> 😀"]


def texts():
    with open(HERE.parent / "packages/train.csv", encoding="utf-8", newline="") as file:
        return [" ".join(row["text"].split()) for row in csv.DictReader(file)]


def ids_agree(graft, directory, sample):
    (directory / "sample.txt").write_text("\n".join(sample) + "\n", encoding="utf-8")
    rows = json.loads(graft("tokenize", directory / "tokenizer", "--input", directory / "sample.txt", "--json"))
    plain = tokenizers.Tokenizer.from_file(str(directory / "tokenizer/tokenizer.json"))
    auto = transformers.AutoTokenizer.from_pretrained(directory / "model")
    for text, row in zip(sample, rows, strict=True):
        for name, ids in [("tokenizers", plain.encode(text).ids), ("AutoTokenizer", auto(text)["input_ids"])]:
            if ids != row["ids"]:
                raise Failure(f"{name} makes {ids} of {text!r}, graft {row['ids']}")
    return f"{len(sample)} texts"


def model_loads(directory, size):
    model, info = transformers.AutoModelForMaskedLM.from_pretrained(directory / "model", output_loading_info=True)
    wrong = {key: sorted(map(str, found)) for key, found in info.items() if found}
    if wrong:
        raise Failure(json.dumps(wrong))
    auto = transformers.AutoTokenizer.from_pretrained(directory / "model")
    if model.config.pad_token_id != auto.pad_token_id or model.config.vocab_size != len(auto):
        raise Failure(f"config: {model.config.pad_token_id}, {model.config.vocab_size}; tokenizer: {auto.pad_token_id}, {len(auto)}")
    with torch.no_grad():
        logits = model(**auto(f"a {auto.mask_token} server", return_tensors="pt")).logits
    # A model that knows nothing: no token is much likelier than another.
    if not torch.isfinite(logits).all() or logits.abs().max() > 8:
        raise Failure(f"logits up to {logits.abs().max()}")
    return f"{sum(parameter.numel() for parameter in model.parameters())} parameters"


def check_all(graft, report, arguments):
    rows = texts()
    for path in sorted(reference.FAMILIES.glob("*/Scratch.json")):
        folder = path.parent.name
        if arguments.only and arguments.only not in f"from nothing {folder}":
            continue
        scratch = json.loads(path.read_text(encoding="utf-8"))
        family, recipe = scratch["configuration"]["model_type"], scratch["tokenizer"]
        checks = report.of("tokenizer.json", f"tokenizers {tokenizers.__version__}", family=family)
        with tempfile.TemporaryDirectory(prefix="graft-interop-") as work:
            directory = Path(work)
            (directory / "texts.txt").write_text("\n".join(rows) + "\n", encoding="utf-8")

            def learns():
                graft("tokenizer", "train", directory / "texts.txt", "--family", family, "--vocab-size", 2000, "--output",
                      directory / "tokenizer")
                graft("init", "--family", family, "--size", "tiny", "--tokenizer", directory / "tokenizer", "--output",
                      directory / "model")
                ours = json.loads((directory / "tokenizer/tokenizer.json").read_text(encoding="utf-8"))["model"]
                problem = difference(ours, reference.train(recipe, rows, 2000))
                if problem:
                    raise Failure(problem)

            if checks.check("what is learnt", recipe["type"], learns):
                checks.check("ids of a learnt tokenizer", recipe["type"], lambda: ids_agree(graft, directory, SAMPLE + rows[:100]))
                models = report.of("safetensors", f"transformers {transformers.__version__}", family=family)
                models.check("a new model loads", "tiny", lambda: model_loads(directory, "tiny"))


if __name__ == "__main__":
    run(__doc__, check_all, peers=Path)
