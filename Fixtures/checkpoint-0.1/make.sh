#!/bin/sh
# Writes swapped/, a checkpoint whose next-sentence head is parked and whose pooler is kept.
# GRAFT is a binary of version 0.1, built from commit 649fc57.
#
#     Fixtures/checkpoint-0.1/make.sh GRAFT
set -eu
graft=$(realpath "$1")
cd "$(dirname "$0")"
rm -rf swapped
"$graft" head swap ../bert-tiny/pretraining --to masked-lm --output swapped
