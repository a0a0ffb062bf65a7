#!/bin/sh
# Writes stopped/, a training directory after two of its four steps, and finished/, the log that the same run ends with.
# GRAFT is a binary of version 0.1, built from commit e45141c, whose option for the optimizer was `--trainer`.
#
#     Fixtures/training-0.1/make.sh GRAFT
set -eu
graft=$(realpath "$1")
cd "$(dirname "$0")"
rm -rf stopped finished run
ln -s ../bert-tiny/sequence-classification base
"$graft" train base --data rows.csv --output run --backend reference --max-steps 4 --batch-size 3 \
  --save-steps 2 --logging-steps 1 --learning-rate 1e-3 --weight-decay 0.1 --report-to none
rm base
mkdir stopped finished
mv run/checkpoint-2 run/training_args.json stopped
mv run/trainer_state.json finished
rm -r run
