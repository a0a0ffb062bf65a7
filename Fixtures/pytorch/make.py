"""Writes files with torch.save, and beside each what torch.load makes of it, as safetensors.

    python make.py            # torch 2.15.0, safetensors 0.8.0
"""

import io
import zipfile
from collections import OrderedDict
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

HERE = Path(__file__).parent
TINY = HERE.parent / "bert-tiny"
TYPES = "bool uint8 int8 uint16 int16 uint32 int32 uint64 int64 float16 bfloat16 float32 float64".split()

NEW_TYPES = ("uint16", "uint32", "uint64")


def values(count, dtype):
    """Bit patterns that have no pattern, NaNs and infinities among them."""
    size = torch.empty(0, dtype=dtype).element_size()
    generator = torch.Generator().manual_seed(count * 64 + size)
    data = torch.randint(0, 2 if dtype == torch.bool else 256, (count * size,), generator=generator, dtype=torch.uint8)
    return data.view(dtype)


def types():
    tensors = {}
    for name in TYPES:
        for shape in ((), (0, 3), (5,), (2, 3, 1)):
            count = torch.Size(shape).numel()
            tensors[f"{name} {'x'.join(map(str, shape))}"] = values(count, getattr(torch, name)).reshape(shape)
    return tensors


def views():
    base = values(120, torch.float32)
    cube = base.reshape(4, 5, 6)
    return OrderedDict(
        base=base,
        same_again=base,
        part=base[17:40],
        matrix=base[10:34].reshape(4, 6),
        transposed=base[:24].reshape(4, 6).t(),
        transposed_part=base[3:27].reshape(4, 6).t()[1:4],
        permuted=cube.permute(2, 0, 1),
        swapped=cube.transpose(1, 2),
        every_third=base[1::3],
        columns=cube[:, 1:4, ::2],
        diagonal=base[:100].reshape(10, 10).diagonal(),
        expanded=base[7:8].expand(3, 4),
        rows_expanded=torch.arange(6).expand((1, -1)),
        half=values(12, torch.bfloat16).reshape(3, 4).t(),
        bytes=values(12, torch.int8).reshape(3, 4).t(),
        doubles=values(24, torch.float64).reshape(2, 3, 4).permute(1, 2, 0),
        last=cube[3, 4, 5],
    )


def module():
    """Parameters, a state dict's own metadata, a buffer, and an attribute set on a tensor."""
    torch.manual_seed(1)
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    state = model.state_dict(keep_vars=True)
    state["1.running_mean"].note = "a tensor with an attribute"
    return state


def training():
    model = torch.nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    return {
        "epoch": 3,
        "loss": torch.tensor(0.5),
        "best": float("inf"),
        "big": 1 << 100,
        "model_state_dict": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "size": torch.Size([1, 2]),
        "device": torch.device("cpu"),
        "bytes": b"\0\1",
        "set": {1, 2},
    }


class Block(torch.nn.Module):
    """What a model of somebody's own may have: a tie, a buffer that is stored and one that is not, settings."""

    def __init__(self):
        super().__init__()
        self.table = torch.nn.Embedding(5, 4)
        self.layers = torch.nn.ModuleList([torch.nn.Linear(4, 4), torch.nn.Linear(4, 4, bias=False)])
        self.decoder = torch.nn.Linear(4, 5)
        self.decoder.weight = self.table.weight
        self.register_buffer("kept", torch.arange(3))
        self.register_buffer("made", torch.arange(4.0), persistent=False)
        self.act = torch.nn.functional.gelu
        self.settings = {"labels": ["a", "b"], "rate": 0.1, "names": {"x"}}


def whole():
    torch.manual_seed(2)
    return Block()


def weights(content):
    def holds(value):
        parts = value.values() if isinstance(value, dict) else ()
        return isinstance(value, torch.nn.Module) or any(isinstance(part, (dict, torch.Tensor)) for part in parts)

    for key in ("state_dict", "model_state_dict", "model", "module", "net"):
        if isinstance(content, dict) and holds(content.get(key)):
            content = content[key]
    if isinstance(content, torch.nn.Module):
        content = content.state_dict()
    return {name: value.detach().clone().contiguous() for name, value in content.items() if torch.is_tensor(value)}


def write(name, content, **arguments):
    path = HERE / name
    torch.save(content, path, **arguments)
    truth(path, name)


def truth(path, name):
    # The content is our own, so what torch itself would not load unasked may load.
    loaded = torch.load(path, weights_only=False)
    written = HERE / (name.rpartition(".")[0] + ".safetensors")
    save_file(weights(loaded), written)
    written.chmod(0o644)


def big_endian(source, name):
    """What a big-endian machine would have written: the same archive with other bytes in its storages."""
    sizes = {}
    with zipfile.ZipFile(HERE / source) as archive:
        names = archive.namelist()
        folder = names[0].partition("/")[0]
        for tensor in torch.load(HERE / source).values():
            sizes.setdefault(tensor.untyped_storage().nbytes(), tensor.element_size())
        with zipfile.ZipFile(HERE / name, "w") as swapped:
            for entry in names:
                data = archive.read(entry)
                if entry == f"{folder}/byteorder":
                    data = b"big"
                elif entry.startswith(f"{folder}/data/"):
                    size = sizes[len(data)]
                    data = b"".join(data[i : i + size][::-1] for i in range(0, len(data), size))
                swapped.writestr(zipfile.ZipInfo(entry), data)
    truth(HERE / name, name)


def deflated(source, name):
    with zipfile.ZipFile(HERE / source) as archive, zipfile.ZipFile(HERE / name, "w", zipfile.ZIP_DEFLATED) as packed:
        for entry in reversed(archive.namelist()):
            packed.writestr(zipfile.ZipInfo(entry), archive.read(entry), zipfile.ZIP_DEFLATED)
    truth(HERE / name, name)


def bert():
    """As trainers saved it: both copies of a tied decoder, on a device that is elsewhere."""
    tensors = load_file(TINY / "float16/model.safetensors")
    tensors["cls.predictions.decoder.weight"] = tensors["bert.embeddings.word_embeddings.weight"]
    tensors["cls.predictions.decoder.bias"] = tensors["cls.predictions.bias"]
    tag = torch.serialization.location_tag
    torch.serialization.location_tag = lambda storage: "cuda:0"
    directory = HERE / "bert-tiny"
    directory.mkdir(exist_ok=True)
    torch.save(OrderedDict(tensors), directory / "pytorch_model.bin")
    torch.serialization.location_tag = tag
    for name in ("config.json", "vocab.txt", "tokenizer_config.json"):
        (directory / name).write_bytes((TINY / "float16" / name).read_bytes())


def whole_models():
    """Modules that were pickled with their classes."""
    write("whole.pt", whole())
    # With the files of the classes' sources by their names alone, and not by where they were.
    find = torch.serialization.get_source_lines_and_file

    def named(kind, *arguments):
        lines, start, file = find(kind, *arguments)
        return lines, start, Path(file).name

    torch.serialization.get_source_lines_and_file = named
    write("whole-stream.pt", whole(), _use_new_zipfile_serialization=False)
    torch.serialization.get_source_lines_and_file = find
    write("whole-protocol4.pt", whole(), pickle_protocol=4)
    write("whole-under-key.pt", {"model": torch.nn.DataParallel(whole()), "epoch": 1})


def main():
    write("types.pt", types())
    write("views.pt", views())
    write("module.pt", module())
    write("training.pt", training())
    write("wrapped.pt", {"state_dict": {"model": OrderedDict(a=torch.ones(2))}})
    # As DeepSpeed saves.
    write("deepspeed.pt", {"module": OrderedDict(a=torch.ones(2)), "global_steps": 10, "ds_config": {}})
    write("net.pt", {"net": OrderedDict(a=torch.ones(2)), "epoch": 1, "optimizer": {"state": {}, "param_groups": []}})
    # Settings under a well-known key, and weights under another.
    write("settings.pt", {"model": {"name": "bert"}, "net": OrderedDict(a=torch.ones(2))})
    whole_models()
    write("empty.pt", {})
    old = dict(_use_new_zipfile_serialization=False)
    # torch does not load the other unsigned types from this form.
    write("types-stream.pt", {k: v for k, v in types().items() if k.partition(" ")[0] not in NEW_TYPES}, **old)
    write("views-stream.pt", views(), **old)
    write("module-stream.pt", module(), **old)
    write("stream-protocol4.pt", views(), pickle_protocol=4, **old)
    for protocol in (1, 3, 4, 5):
        write(f"protocol{protocol}.pt", module(), pickle_protocol=protocol)
    plain = {f"{name} {count}": values(count, getattr(torch, name)) for name, count in
             (("int16", 3), ("float32", 5), ("float64", 3), ("uint8", 5))}
    write("little-endian.pt", plain)
    big_endian("little-endian.pt", "big-endian.pt")
    deflated("views.pt", "deflated.pt")
    bert()


main()
