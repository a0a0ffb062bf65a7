"""What a result was measured on."""

import json
import os
import sys
from importlib.metadata import version

from harness.runner import run

FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")
PEERS = "torch transformers tokenizers safetensors onnxruntime openvino nncf sentence-transformers".split()


def machine():
    """`2 cores, AMD EPYC family 26 model 2, avx2 avx512f avx512_bf16`"""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        first = file.read().split("\n\n")[0]
    facts = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in first.splitlines())}
    name = facts.get("model name", os.uname().machine)
    flags = facts.get("flags", "").split()
    wide = " ".join(flag for flag in FLAGS if flag in flags)
    family, model = facts.get("cpu family", "?"), facts.get("model", "?")
    return f"{len(os.sched_getaffinity(0))} cores, {name} family {family} model {model}, {wide}"


def software(graft):
    """Graft's version, its libraries' and the peers'; and the backend that `--backend auto` takes in float32."""
    doctor = json.loads(run(graft, "doctor", "--json").text)
    # A summary begins with the library's name and version: "oneDNN 2.6.3; vector kernels: AVX-512".
    libraries = [" ".join(backend["summary"].split(";")[0].split()[:2]) for backend in doctor["backends"]]
    peers = [f"{name} {version(name)}" for name in PEERS]
    parts = [f"graft {run(graft, '--version').text.strip()}"]
    parts += [library for library in libraries if library != "reference"]
    return " ".join(parts + peers), doctor["auto"]["float32"]


def warn_of_settings():
    for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        if name in os.environ:
            print(f"warning: {name}={os.environ[name]} is set, which changes the figures", file=sys.stderr)
