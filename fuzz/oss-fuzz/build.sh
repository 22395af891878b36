#!/bin/bash -eu
# Builds all targets into $OUT, as OSS-Fuzz and ClusterFuzzLite expect it. Read: SRC, OUT, SANITIZER, and what
# cargo-fuzz reads.
cd "$SRC/racewalk"

# What is fuzzed for ever has no known findings: each crash is news.
export RACEWALK_KERNEL="${RACEWALK_KERNEL:-fixed}"

sanitizer=${SANITIZER:-address}
[ "$sanitizer" = coverage ] && sanitizer=none
# Comparisons say nothing about interleavings and are everywhere.
cargo fuzz build -O --debug-assertions --sanitizer "$sanitizer" --no-trace-compares

triple=$(rustc -vV | sed -n 's/^host: //p')
built=${CARGO_TARGET_DIR:-fuzz/target}/$triple/release
[ -d "$built" ] || built=target/$triple/release

cargo build --release --package racewalk-triage
tool=${CARGO_TARGET_DIR:-target}/release/racewalk

for file in fuzz/fuzz_targets/*.rs; do
    target=$(basename "$file" .rs)
    cp "$built/$target" "$OUT/"
    cp "fuzz/$target.options" "$OUT/"
    cp fuzz/racewalk.dict "$OUT/racewalk.dict"
    cp fuzz/racewalk.dict "$OUT/$target.dict"
    seeds=$(mktemp -d)
    # Targets that take any program share the seeds of whole programs.
    folder=fuzz/seeds/$target
    [ -d "$folder" ] || folder=fuzz/seeds/race
    "$tool" corpus pack --kernel "$RACEWALK_KERNEL" --target "$target" "$folder" -o "$seeds"
    rm -f "$OUT/${target}_seed_corpus.zip"
    (cd "$seeds" && zip -q -r "$OUT/${target}_seed_corpus.zip" .)
    rm -rf "$seeds"
done
# Bytes of schedules are no records: the dictionary says nothing to it.
rm -f "$OUT/schedule.dict"
