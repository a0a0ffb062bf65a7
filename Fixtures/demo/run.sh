#!/usr/bin/env bash
# The whole workflow on a small real task, offline: `make demo`.
#   run.sh [GRAFT]     writes ./demo anew; about three minutes on two cores
#
# Package descriptions are to be filed under games, science, sound or web. A small BERT that was pretrained on the
# descriptions of other packages is fine-tuned twice with the same settings: as it is, and after masked-language-model
# training on the texts of the task. Both are scored on test packages that neither has seen.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
graft=$(realpath "${1:-$root/.build/release/graft}")
model=${MODEL:-$root/Fixtures/demo/bert-mini}
train=$root/Fixtures/packages/train.csv test=$root/Fixtures/packages/test.csv
labels=games,science,sound,web
adapt=(--epochs 10 --batch-size 16 --learning-rate 5e-4 --max-length 128)
fine_tune=(--take 500 --epochs 5 --batch-size 8 --learning-rate 1e-3 --max-length 128)
seeds=(1 2 3)

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
# number FILE.json KEY
number() { printf '%.4f' "$(sed -n "s/.*\"$2\": *\([-+.0-9e]*\).*/\1/p" "$1")"; }
clock() { date +%s.%N; }
since() { awk -v from="$1" -v to="$(clock)" 'BEGIN { printf "%.1f", to - from }'; }
# statistics NUMBER...: mean, smallest, largest
statistics() {
  printf '%s\n' "$@" | awk '{ sum += $1; if (NR == 1 || $1 < low) low = $1; if (NR == 1 || $1 > high) high = $1 }
    END { printf "%.3f (%.3f to %.3f)", sum / NR, low, high }'
}

started=$(clock)
step 'Import the pretrained model' import "$model" --output bert --quiet
run inspect bert

step 'Adapt it to the texts of the task: masked language modelling, no labels' \
  evaluate bert --data "$test" --max-length 128 --output before.json
from=$(clock)
run train bert --data "$train" --output adapted "${adapt[@]}" --quiet
adapting=$(since "$from")
run evaluate adapted --data "$test" --max-length 128 --output after.json

# The same head, texts, order of batches and settings in both arms; the seed changes all of them.
for arm in direct adapted; do
  base=bert title='Fine-tune it directly, with 500 labelled texts'
  if [ $arm = adapted ]; then base=adapted title='Swap the head of the adapted model, fine-tune that as well'; fi
  accuracies=() losses=() seconds=()
  for seed in "${seeds[@]}"; do
    name=$arm-$seed
    step "$title, seed $seed" head swap "$base" --to sequence-classification --labels $labels --seed "$seed" \
      --output "$name-untrained" --quiet
    from=$(clock)
    run train "$name-untrained" --data "$train" --output "$name" "${fine_tune[@]}" --seed "$seed" --quiet
    seconds+=("$(since "$from")")
    run evaluate "$name" --data "$test" --max-length 128 --output "$name.json"
    accuracies+=("$(number "$name.json" eval_accuracy)")
    losses+=("$(number "$name.json" eval_loss)")
  done
  declare "${arm}_accuracy=$(statistics "${accuracies[@]}")" "${arm}_loss=$(statistics "${losses[@]}")" \
    "${arm}_seconds=$(printf '%s ' "${seconds[@]}")"
done

step 'The head came off and went on; what it left alone is bit-identical' \
  head swap "adapted-${seeds[0]}-untrained" --to masked-lm --output back --quiet
run diff adapted back || true

step 'Export the adapted classifier for transformers' \
  export "adapted-${seeds[0]}" --format safetensors --output export --quiet
sed -n 2,201p "$test" > texts.txt
"$graft" predict "adapted-${seeds[0]}" --input texts.txt --quiet > predicted.tsv
"$graft" predict export --input texts.txt --quiet > predicted-by-export.tsv
cmp predicted.tsv predicted-by-export.tsv
same="the same $(wc -l < predicted.tsv) predictions"

step 'Use it' predict export 'A space shooter with lasers and hand-drawn asteroids' \
  'Plugin that adds reverb and echo to recorded tracks' 'Library to align protein sequences' \
  'Lightweight HTTP server that can be embedded'
run fill-mask bert 'This package contains the [MASK] files.' --top-k 3
run fill-mask adapted 'A multi-player [MASK] with 3D graphics.' --top-k 3

row() { printf '%-34s  %-28s  %-28s  %s\n' "$@"; }
printf '\n%s\n\n' "Results, on $(($(wc -l < "$test") - 1)) test texts; mean and range over ${#seeds[@]} seeds"
row '' 'accuracy' 'loss' 'seconds of training'
row 'fine-tuned directly' "$direct_accuracy" "$direct_loss" "$direct_seconds"
row 'adapted, then fine-tuned' "$adapted_accuracy" "$adapted_loss" "$adapted_seconds"
row 'masked language model, before' "$(number before.json eval_accuracy)" "$(number before.json eval_loss)" ''
row 'masked language model, adapted' "$(number after.json eval_accuracy)" "$(number after.json eval_loss)" "$adapting"
printf '\n%s\n' "exported: $PWD/export ($same)" "in all $(since "$started") seconds"
