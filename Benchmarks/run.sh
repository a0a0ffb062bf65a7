#!/usr/bin/env bash
# Every number in RESULTS.md, each against its peer, in one run: `make bench`.
#   run.sh GRAFT PEERS [--only WORD …]     about forty minutes beside inference; QUICK=1 takes a quarter. TEXTS=FILE names other texts.
# The result is appended to results.csv beside this file. Close other programs first.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
graft=$(realpath "${1:?usage: run.sh GRAFT PEERS}") peers=${2:?usage: run.sh GRAFT PEERS}
shift 2
"$here/../Fixtures/interop/setup.sh" "$peers"
exec "$peers/torch/bin/python" "$here/bench.py" --graft "$graft" --peers "$peers" "$@"
