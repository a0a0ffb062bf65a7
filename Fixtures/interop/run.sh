#!/usr/bin/env bash
# Checks Graft against the frameworks themselves: `make interop`.
#   run.sh GRAFT PEERS [--only WORD]      tables of checks; exits 1 when one fails. About ten minutes. TensorFlow and
#                                         KerasHub are checked where PEERS/tensorflow and PEERS/keras are, and GGUF
#                                         where PEERS/llama is, which setup.sh makes when asked for them.
#   run.sh GRAFT PEERS --accuracy         fine-tunes MiniLM on AG News and compares accuracies. About ten minutes.
# TEXTS="train.csv test.csv" names AG News files: more texts for the tokenizer, and the data of --accuracy.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
graft=$(realpath "${1:?usage: run.sh GRAFT PEERS}") peers=${2:?usage: run.sh GRAFT PEERS}
shift 2
"$here/setup.sh" "$peers"
if [ "${1:-}" = --accuracy ]; then
  exec "$peers/torch/bin/python" "$here/accuracy.py" --graft "$graft" --peers "$peers" "${@:2}"
fi
status=0
"$peers/torch/bin/python" "$here/check.py" --graft "$graft" --peers "$peers" "$@" || status=1
"$peers/torch/bin/python" "$here/check_onnx.py" --graft "$graft" --peers "$peers" "$@" || status=1
"$peers/torch/bin/python" "$here/check_hub.py" --graft "$graft" --server "$(dirname "$graft")/hub-server" || status=1
for framework in tensorflow keras; do
  [ -x "$peers/$framework/bin/python" ] || continue
  "$peers/$framework/bin/python" "$here/check_$framework.py" --graft "$graft" || status=1
done
if [ -x "$peers/llama/bin/python" ]; then
  "$peers/torch/bin/python" "$here/check_gguf.py" --graft "$graft" --peers "$peers" "$@" || status=1
else
  echo "GGUF is not checked: '$here/setup.sh $peers llama' builds llama.cpp for it" >&2
fi
exit $status
