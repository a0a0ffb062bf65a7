#!/usr/bin/env bash
# Checks Graft against the frameworks themselves: `make interop`.
#   run.sh GRAFT PEERS [--only WORD]      one table of all checks; exits 1 when one fails. Half an hour or more. TensorFlow,
#                                         KerasHub, the model garden and KerasNLP are checked where PEERS/tensorflow, keras,
#                                         tf-models and keras-nlp are, and GGUF where PEERS/llama is, which setup.sh makes
#                                         when asked for them.
#   run.sh GRAFT PEERS --accuracy         fine-tunes MiniLM on AG News and compares accuracies. About ten minutes.
# STRINGS=1000000 compares that many strings for each tokenizer with `tokenizers`, in place of 50,000.
# TEXTS="train.csv test.csv" names AG News files: more texts for the tokenizer, and the data of --accuracy.
# Each script appends its checks to the file that --rows names; report.py, whose `run` gives a script its command line,
# prints the table of them. A further script is one more line below.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
graft=$(realpath "${1:?usage: run.sh GRAFT PEERS}") peers=${2:?usage: run.sh GRAFT PEERS}
shift 2
"$here/setup.sh" "$peers"
if [ "${1:-}" = --accuracy ]; then
  exec "$peers/torch/bin/python" "$here/accuracy.py" --graft "$graft" --peers "$peers" "${@:2}"
fi
rows=$(mktemp) status=0
# The table, of what was checked when it is interrupted.
finish() {
  local interrupted=$?
  [ $interrupted = 0 ] || status=$interrupted
  "$peers/torch/bin/python" "$here/report.py" "$rows" || status=1
  rm -f "$rows"
  exit $status
}
trap finish EXIT

# check ENVIRONMENT SCRIPT [OPTION …]
check() {
  [ -x "$peers/$1/bin/python" ] || { echo "no $2: there is no $peers/$1" >&2; return 0; }
  "$peers/$1/bin/python" "$here/$2" --graft "$graft" --rows "$rows" "${@:3}" || status=1
}
check torch check.py --peers "$peers" "$@"
check torch check_onnx.py --peers "$peers" "$@"
check torch check_disagreeing.py "$@"
check tensorflow check_tensorflow.py "$@"
check tensorflow check_spellings.py "$@"
check keras check_keras.py "$@"
check tf-models check_model_garden.py "$@"
check keras-nlp check_keras_nlp.py "$@"
[ ! -x "$peers/llama/bin/python" ] || check torch check_gguf.py --peers "$peers" "$@"
check torch check_sentences.py --peers "$peers" "$@"
check torch check_cross_encoders.py --peers "$peers" "$@"
check torch check_sparse.py "$@"
check torch check_entities.py "$@"
check torch check_several_heads.py "$@"
check torch check_quantized.py "$@"
check torch ../bpe/compare.py --peers "$peers" "$@"
check torch ../pipeline/compare.py --peers "$peers" "$@"
check torch check_from_nothing.py --peers "$peers" "$@"
check torch check_hub.py --server "$(dirname "$graft")/hub-server" "$@"
