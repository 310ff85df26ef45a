#!/bin/sh
# Makes dist/ntcli-VERSION.tar.gz: the last commit with the crates of vendor/ and the configuration
# that has cargo use them. The same commit makes the same archive, whoever packs it, and when.
set -eu
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
name=ntcli-$version
mkdir -p dist
find dist -mindepth 1 ! -name '*.deb' -delete # a package is not made here
mkdir -p "dist/$name/.cargo"
git archive HEAD | tar -xf - -C "dist/$name"
cp -R vendor "dist/$name/vendor"
mv "dist/$name/vendor/THIRD-PARTY" "dist/$name/THIRD-PARTY"
cat >> "dist/$name/.cargo/config.toml" <<EOF

[source.crates-io]
replace-with = "vendored"

[source.vendored]
directory = "vendor"

[net]
offline = true
EOF
tar --sort=name --format=ustar --mtime="@$(git log -1 --format=%ct)" --owner=0 --group=0 \
    --numeric-owner --mode='u=rwX,go=rX' -C dist -cf "dist/$name.tar" "$name"
gzip -9nf "dist/$name.tar"
rm -rf "dist/$name"
ls -l "dist/$name.tar.gz"
