#!/usr/bin/env bash
# The whole workflow on a small real task, offline: `make demo`.
#   run.sh [GRAFT]     writes ./demo anew; about three minutes on two cores
#
# experiment.yaml says what is compared. What follows shows what became of the models.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
graft=$(realpath "${1:-$root/.build/release/graft}")
test=$root/Fixtures/packages/test.csv

rm -rf demo
mkdir demo
cd demo

# Prints a heading and the command, on standard error, and runs it.
step() { printf '\n\033[1m%s\033[0m\n' "$1" >&2; shift; run "$@"; }
run() {
  {
    printf '$ graft'
    for word in "${@//$root\//}"; do
      case $word in *[!A-Za-z0-9_./,=-]*) printf " '%s'" "$word" ;; *) printf ' %s' "$word" ;; esac
    done
    printf '\n'
  } >&2
  "$graft" "$@"
}

step 'Import the pretrained model' import "$root/Fixtures/demo/bert-mini" --output bert --quiet
run inspect bert

step 'Compare: fine-tuned directly, and adapted to the texts of the task first; three seeds' \
  run "$root/Fixtures/demo/experiment.yaml" --base bert --output comparison > comparison.txt

step 'The head came off and went on; what it left alone is bit-identical' \
  head swap comparison/models/adapted-1 --to masked-lm --output back --quiet
run head list back

step 'Export the adapted classifier for transformers' \
  export comparison/models/adapted-1 --format safetensors --output export --quiet
sed -n 2,201p "$test" > texts.txt
"$graft" predict comparison/models/adapted-1 --input texts.txt --quiet > predicted.tsv
"$graft" predict export --input texts.txt --quiet > predicted-by-export.tsv
cmp predicted.tsv predicted-by-export.tsv

step 'Use it' predict export 'A space shooter with lasers and hand-drawn asteroids' \
  'Plugin that adds reverb and echo to recorded tracks' 'Library to align protein sequences' \
  'Lightweight HTTP server that can be embedded'
run fill-mask bert 'This package contains the [MASK] files.' --top-k 3

printf '\nexported: %s (the same %s predictions)\n\nResults, on %s test texts\n\n' \
  "$PWD/export" "$(wc -l < predicted.tsv)" "$(($(wc -l < "$test") - 1))"
cat comparison.txt
