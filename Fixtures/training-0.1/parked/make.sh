#!/bin/sh
# Writes stopped/, a training directory after two of its four steps whose checkpoints carry a parked next-sentence head
# and a kept pooler, and finished/, the log that the same run ends with. The base is ../../checkpoint-0.1/swapped.
# GRAFT is a binary of version 0.1, built from commit 649fc57.
#
#     Fixtures/training-0.1/parked/make.sh GRAFT
set -eu
graft=$(realpath "$1")
cd "$(dirname "$0")"
rm -rf stopped finished run
"$graft" train ../../checkpoint-0.1/swapped --data rows.csv --output run --backend reference --max-steps 4 \
  --batch-size 3 --save-steps 2 --logging-steps 1 --learning-rate 1e-3 --weight-decay 0.1 --freeze-backbone \
  --report-to none
mkdir stopped finished
mv run/checkpoint-2 run/training_args.json stopped
mv run/trainer_state.json finished
rm -r run
