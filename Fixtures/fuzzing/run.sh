#!/bin/bash
# Runs libFuzzer on one target, or on all of them in turn, and prints a row for each. What it finds, and what it makes
# of the seeds, is kept beside the program.
#
#   Fixtures/fuzzing/run.sh PROGRAM TARGET SECONDS [argument of libFuzzer…]
set -u
cd "$(dirname "$0")/../.."
program=$1 target=$2 seconds=$3
shift 3
work=${program%/*}/fuzzing
targets=$target
[ -n "$target" ] || targets=$("$program" --list)
failed=0
printf '%-34s %12s %10s %8s  %s\n' target inputs inputs/s edges found
for target in $targets; do
  mkdir -p "$work/$target/corpus" "$work/$target/found"
  seeds=()
  for folder in seeds found; do [ -d "Fixtures/fuzzing/$target/$folder" ] && seeds+=("Fixtures/fuzzing/$target/$folder"); done
  dictionary=Fixtures/fuzzing/$target/dictionary
  [ -f "$dictionary" ] && dictionary=-dict=$dictionary || dictionary=-verbosity=1
  log=$work/$target/log
  # Swift's own trace would end the program before libFuzzer keeps the input.
  SWIFT_BACKTRACE=enable=no TMPDIR=/dev/shm "$program" "$target" -max_total_time="$seconds" -timeout=10 \
    -rss_limit_mb=1024 -print_final_stats=1 -artifact_prefix="$work/$target/found/" "$dictionary" "$@" \
    "$work/$target/corpus" "${seeds[@]}" >"$log" 2>&1
  status=$?
  inputs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  rate=$(sed -n 's/^stat::average_exec_per_sec: *//p' "$log")
  edges=$(grep -o ' cov: [0-9]*' "$log" | tail -1 | tr -dc 0-9)
  found=-
  if [ $status -ne 0 ]; then
    failed=1
    found=$(grep -m 1 -E 'Fatal error|ERROR: libFuzzer' "$log" | cut -c 1-300)
  fi
  printf '%-34s %12s %10s %8s  %s\n' "$target" "${inputs:-?}" "${rate:-?}" "${edges:-?}" "$found"
done
exit $failed
