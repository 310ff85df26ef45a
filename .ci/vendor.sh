#!/bin/sh
# Puts the crates of Cargo.lock into the folder vendor/. Those that Linux and macOS never build are
# left empty: cargo wants to see every crate of the lock file, but not what is in it.
set -eu
CARGO=${CARGO:-cargo}
TARGETS='x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu x86_64-unknown-linux-musl
    aarch64-unknown-linux-musl x86_64-apple-darwin aarch64-apple-darwin'

rm -rf vendor
"$CARGO" vendor --quiet --locked --versioned-dirs vendor > /dev/null

# A line a crate: name, version, licence.
for target in $TARGETS; do
    "$CARGO" tree --locked --target "$target" --edges normal,build --prefix none --no-dedupe \
        --format '{p} {l}'
done | sed -n 's/^\([^ ]*\) v\([^ ]*\) \((proc-macro) \)\{0,1\}/\1 \2 /p' |
    grep -v '^ntcli ' | LC_ALL=C sort -u > vendor/THIRD-PARTY

for crate in vendor/*/; do
    crate=${crate%/}
    name=${crate##*/}
    if grep -q "^${name%-[0-9]*.*} ${name##*-} " vendor/THIRD-PARTY; then continue; fi
    mv "$crate/Cargo.toml" vendor/manifest
    sum=$(sed 's/.*"package":"\([0-9a-f]*\)".*/\1/' "$crate/.cargo-checksum.json")
    rm -rf "$crate"
    mkdir -p "$crate/src"
    mv vendor/manifest "$crate/Cargo.toml"
    : > "$crate/src/lib.rs"
    printf '{"files":{},"package":"%s"}' "$sum" > "$crate/.cargo-checksum.json"
done
