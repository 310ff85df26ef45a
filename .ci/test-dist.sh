#!/bin/sh
# Builds, installs and tests from the archive in dist/ without a network, with no crate but its own,
# and builds it once more elsewhere: both programs must be the same to the byte.
set -eu
if [ "${1-}" != inside ]; then
    # A network of its own without any way out, for root or as root of a namespace. Where that is not
    # allowed, or nothing can be traced in there as the tests do, cargo alone is kept off the network.
    for how in -n -rn; do
        if unshare $how strace -o /dev/null true 2> /dev/null; then
            exec unshare $how sh "$0" inside
        fi
    done
    echo 'No network namespace here: only cargo goes without the network' >&2
else
    ip link set lo up
    echo "The routes in here: $(ip route | wc -l)"
fi
archive=$(ls "$PWD"/dist/ntcli-*.tar.gz)
here=$(mktemp -d)
chmod 755 "$here" # some tests are run by other users
trap 'rm -rf "$here"' EXIT
unset RUSTFLAGS CARGO_TARGET_DIR CARGO_BUILD_TARGET
export CARGO_HOME="$here/cargo" CARGO_NET_OFFLINE=true MAKEFLAGS=--no-print-directory

unpack() {
    mkdir -p "$1"
    tar -xzf "$archive" -C "$1" --strip-components=1
}
unpack "$here/one"
cd "$here/one"
started=$(date +%s)
make build
echo "Built in $(($(date +%s) - started)) s"
size=$(wc -c < target/release/ntcli)
echo "The program has $size bytes"
[ "$size" -le 3040870 ] # 2.9 MiB; the static one has less

make install DESTDIR="$here/root" PREFIX=/usr
"$here/root/usr/bin/ntcli" --version
make uninstall DESTDIR="$here/root" PREFIX=/usr
[ ! -e "$here/root" ]
# Folders that were there, or hold what is not ours, stay.
mkdir -p "$here/root/usr/bin" "$here/root/usr/share"
make install DESTDIR="$here/root" PREFIX=/usr
make install DESTDIR="$here/root" PREFIX=/usr
touch "$here/root/usr/share/man/other"
make uninstall DESTDIR="$here/root" PREFIX=/usr
[ "$(cd "$here/root" && find . | sort | tr '\n' ' ')" = '. ./usr ./usr/bin ./usr/share ./usr/share/man ./usr/share/man/other ' ]
if command -v dpkg-deb > /dev/null; then
    make deb
    dpkg-deb --extract dist/*.deb "$here/deb"
    "$here/deb/usr/bin/ntcli" --version
    if command -v lintian > /dev/null; then lintian --allow-root --fail-on error,warning dist/*.deb; fi
fi

# What is built is what is installed, wherever cargo is told to build, and for what.
unpack "$here/another/place"
mkdir "$here/another/.cargo"
printf '[build]\ntarget-dir = "%s/elsewhere"\n' "$here" > "$here/another/.cargo/config.toml"
cd "$here/another/place"
CARGO_TARGET_DIR=$here/elsewhere CARGO_BUILD_TARGET=no-such-target make build
[ ! -e "$here/elsewhere" ]
cmp target/release/ntcli "$here/one/target/release/ntcli"
echo 'Both programs are the same'
if command -v dpkg-deb > /dev/null; then
    make deb
    cmp dist/*.deb "$here"/one/dist/*.deb
    echo 'Both packages are the same'
fi

cd "$here/one"
make demo
make test
# What a static program may do otherwise: find users, names, commands and files; and what a kill leaves.
if [ -n "${NTCLI_STATIC-}" ]; then
    NTCLI_TEST_PROGRAM=$NTCLI_STATIC cargo test --locked --test integration -- \
        auth:: cli:: network:: targets:: tokens:: crash::killed
fi
