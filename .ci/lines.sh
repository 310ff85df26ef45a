#!/bin/sh
# Counts the lines of production code: src/ without blanks, comments, tests and fuzzing. With -v, a line a room.
set -eu
cd "$(dirname "$0")/.."
git ls-files -co --exclude-standard 'src/*.rs' | grep -vE '(^|/)(tests|fuzz)(/|\.rs$)' | xargs awk -v verbose="${1-}" '
    FNR == 1 { in_tests = 0; split(FILENAME, part, "/"); room = part[3] == "" ? "src" : part[2] }
    # The tests of a file are a module at its end.
    /^#\[cfg\(test\)\]$/ { held = 1; next }
    held && /^mod [a-z_]+ \{/ { in_tests = 1 }
    held { held = 0; if (in_tests || /^(pub(\(crate\))? )?mod /) next }
    in_tests || /^[ \t]*(\/\/|$)/ { next }
    { lines++; of[room]++ }
    END {
        if (verbose == "-v") for (room in of) print of[room], room | "sort -rn"
        close("sort -rn")
        print lines
    }'
