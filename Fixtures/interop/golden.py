"""Writes what transformers computes for a checkpoint directory, as a golden for `graft verify`.

    python golden.py DIR OUT.safetensors [--text-file FILE]     # torch 2.15.0, transformers 5.23.0

FILE has one text a line. The class is the one config.json names; weights are taken to float32. Texts are cut to what the
model has positions for.
"""

import argparse
from pathlib import Path

from safetensors.torch import save_file

from reference import encode, family, load, outputs


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory")
    parser.add_argument("output")
    parser.add_argument("--text-file", type=Path)
    parser.add_argument("--max-length", type=int, default=64)
    arguments = parser.parse_args()
    texts = family(arguments.directory).texts()
    if arguments.text_file:
        texts = arguments.text_file.read_text(encoding="utf-8").splitlines()
    model, info = load(arguments.directory)
    wrong = {key: sorted(map(str, found)) for key, found in info.items() if found}
    if wrong:
        raise SystemExit(f"{arguments.directory}: {wrong}")
    batch = encode(arguments.directory, texts, arguments.max_length)
    tensors = batch | outputs(model, batch)
    save_file(tensors, arguments.output)
    for name, tensor in tensors.items():
        print(f"{name:24} {str(tensor.dtype):14} {list(tensor.shape)}")


if __name__ == "__main__":
    main()
