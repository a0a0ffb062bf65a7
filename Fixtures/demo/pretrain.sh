#!/usr/bin/env bash
# Makes Fixtures/demo/bert-mini: a small BERT, pretrained by Graft on the descriptions of Debian packages
# outside the four sections of the demo's task.
#   pretrain.sh [GRAFT]     the corpus comes from Fixtures/packages/make.py --pretraining
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
graft=$(realpath "${1:-$here/../../.build/release/graft}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python3 "$here/../packages/make.py" --pretraining "$work/corpus.csv"
mkdir "$work/new"
cp "$here/config.json" "$here/../packages/vocab.txt" "$work/new"
"$graft" init "$work/new" --head masked-lm --output "$work/random"
"$graft" train "$work/random" --data "$work/corpus.csv" --output "$work/trained" \
  --epochs "${EPOCHS:-8}" --batch-size 32 --learning-rate 1e-3 --weight-decay 0.01 --warmup-steps 500 \
  --max-length 128 --dropout 0 --logging-steps 100
rm -rf "$here/bert-mini"
"$graft" export "$work/trained" --format safetensors --dtype float16 --output "$here/bert-mini"
