#!/bin/sh
# Checks that an archive, and a program if one is given, are what this commit makes:
# reproduce.sh ARCHIVE [PROGRAM]
set -eu
archive=$(readlink -f "${1:?which archive? make reproduce ARCHIVE=ntcli-0.1.0.tar.gz}")
program=${2:+$(readlink -f "$2")}
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
git clone --quiet . "$here/source"
make --no-print-directory -C "$here/source" dist > "$here/log" 2>&1 || { cat "$here/log" >&2; exit 1; }
cmp "$archive" "$here"/source/dist/ntcli-*.tar.gz
echo "The archive is what commit $(git rev-parse --short HEAD) makes"
[ -n "$program" ] || exit 0
mkdir "$here/unpacked"
tar -xzf "$archive" -C "$here/unpacked" --strip-components=1
make --no-print-directory -C "$here/unpacked" build > "$here/log" 2>&1 || { cat "$here/log" >&2; exit 1; }
cmp "$program" "$here/unpacked/target/release/ntcli"
echo 'The program is what the archive builds here'
