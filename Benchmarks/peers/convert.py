"""Reads a weight file and writes it in another format, as conversion scripts do: all of it in memory.

    python convert.py [--with-decoder] IN OUT     # numpy 2.4.6, h5py 3.16.0, safetensors 0.8.0, torch 2.15.0; TensorFlow 2.16.2 for .ckpt

With --with-decoder, the decoder of a masked language model is stored as well, as a copy of the word embedding.
The extensions name the formats: .safetensors, .bin, .npz, .h5, .ckpt. HDF5 and TensorFlow have the matrices of linear
layers transposed.
"""

import argparse
from pathlib import Path

import numpy


def is_linear(name):
    return name.endswith(".weight") and "embeddings" not in name and "LayerNorm" not in name


def transposed(arrays):
    return {name: numpy.ascontiguousarray(a.T) if is_linear(name) else a for name, a in arrays.items()}


def load(path):
    match path.suffix:
        case ".safetensors":
            from safetensors.numpy import load_file

            return load_file(path)
        case ".bin":
            import torch

            return {name: tensor.numpy() for name, tensor in torch.load(path, weights_only=True).items()}
        case ".npz":
            with numpy.load(path) as archive:
                return dict(archive)
        case ".h5":
            import h5py

            arrays = {}
            with h5py.File(path) as file:

                def visit(name, item):
                    if isinstance(item, h5py.Dataset):
                        arrays[name] = item[()]

                file.visititems(visit)
            return transposed(arrays)
        case ".ckpt":
            import tensorflow

            reader = tensorflow.train.load_checkpoint(str(path))
            return transposed({name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()})


def save(arrays, path):
    match path.suffix:
        case ".safetensors":
            from safetensors.numpy import save_file

            save_file(arrays, path)
        case ".bin":
            import torch

            torch.save({name: torch.from_numpy(array) for name, array in arrays.items()}, path)
        case ".npz":
            numpy.savez(path, **arrays)
        case ".h5":
            import h5py

            with h5py.File(path, "w") as file:
                for name, array in transposed(arrays).items():
                    file[name] = array
        case ".ckpt":
            import tensorflow

            arrays = transposed(arrays)
            tensorflow.raw_ops.SaveV2(
                prefix=str(path), tensor_names=list(arrays), shape_and_slices=[""] * len(arrays), tensors=list(arrays.values())
            )


def with_decoder(arrays):
    """Adds a masked language model's decoder as separate tensors: copies of those that it is tied to."""
    decoder = {
        "cls.predictions.decoder.weight": arrays["bert.embeddings.word_embeddings.weight"].copy(),
        "cls.predictions.decoder.bias": arrays["cls.predictions.bias"].copy(),
    }
    return arrays | decoder


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--with-decoder", action="store_true")
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    arguments = parser.parse_args()
    arrays = load(arguments.source)
    save(with_decoder(arrays) if arguments.with_decoder else arrays, arguments.target)


main()
