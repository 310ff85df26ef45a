#!/bin/sh
# What a careful user wants to know of the archive in dist/: a bill of materials (CycloneDX, JSON).
# Refuses a crate with a licence that is not listed here, in two versions, or yanked.
set -eu
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
crates=vendor/THIRD-PARTY

unlisted=$(sed 's/^[^ ]* [^ ]* //; s/[()]//g; s,/, OR ,g; s/ WITH LLVM-exception//; s/ \(OR\|AND\) /\n/g' "$crates" |
    grep -vxE 'MIT|Apache-2\.0|ISC|BSD-3-Clause|0BSD|Unlicense|Zlib|Unicode-3\.0|CDLA-Permissive-2\.0|CC0-1\.0|MIT-0' || true)
# Of two licences that a crate offers one is enough.
if [ -n "$unlisted" ]; then
    echo "Look at these licences, then list them in .ci/supply.sh: $unlisted" >&2
    exit 1
fi
# Macros are built with two versions of it; neither is in the program.
twice=$(cut -d ' ' -f 1 "$crates" | uniq -d | grep -vx syn || true)
if [ -n "$twice" ]; then
    echo "In two versions: $twice" >&2
    exit 1
fi

# cargo names what was yanked when it packs, if it has asked the registry: a vendored crate does not tell.
said=$(CARGO_NET_RETRY=0 "${CARGO:-cargo}" package --locked --no-verify --allow-dirty 2>&1) || said=
case $said in
    *' is yanked in registry '*)
        echo "$said" | grep ' is yanked in registry ' >&2
        exit 1
        ;;
    *'Updating '*' index'*) ;;
    *) echo "Not checked: whether a crate was yanked. cargo could not ask the registry" >&2 ;;
esac

# The checksum of a crate is the one that Cargo.lock pins.
awk -v version="$version" '
    FNR == NR {
        if ($1 == "name") { gsub(/"/, "", $3); name = $3 }
        if ($1 == "version") { gsub(/"/, "", $3); at = $3 }
        if ($1 == "checksum") { gsub(/"/, "", $3); sum[name " " at] = $3 }
        next
    }
    BEGIN {
        print "{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.5\",\"version\":1,"
        print "\"metadata\":{\"component\":{\"type\":\"application\",\"bom-ref\":\"pkg:cargo/ntcli@" version "\","
        print "\"name\":\"ntcli\",\"version\":\"" version "\",\"purl\":\"pkg:cargo/ntcli@" version "\","
        print "\"licenses\":[{\"expression\":\"MIT\"}]}},"
        print "\"components\":["
    }
    {
        licence = $0
        sub(/^[^ ]* [^ ]* /, "", licence)
        gsub(/\//, " OR ", licence)
        purl = "pkg:cargo/" $1 "@" $2
        printf "%s{\"type\":\"library\",\"bom-ref\":\"%s\",\"name\":\"%s\",\"version\":\"%s\",\"purl\":\"%s\",", (n++ ? ",\n" : ""), purl, $1, $2, purl
        printf "\"licenses\":[{\"expression\":\"%s\"}],\"hashes\":[{\"alg\":\"SHA-256\",\"content\":\"%s\"}]}", licence, sum[$1 " " $2]
        all = all ",\"" purl "\""
    }
    END {
        print "],"
        print "\"dependencies\":[{\"ref\":\"pkg:cargo/ntcli@" version "\",\"dependsOn\":[" substr(all, 2) "]}]}"
    }
' Cargo.lock "$crates" > "dist/ntcli-$version.cdx.json"
