#!/bin/sh
# fresh.sh SUITE: what a newcomer types on a bare Debian (bookworm, trixie), each once, in a new tree that has git
# and make and nothing else. Where no such tree can be made, it says so.
set -eu
cd "$(dirname "$0")/.."
suite=${1:?which one? .ci/fresh.sh bookworm}
base=$PWD/target/fresh/$suite
root=$base/root

skip() {
    echo "skipped: $*"
    exit 0
}
[ "$(id -u)" = 0 ] || skip 'only root can make a tree'
command -v debootstrap > /dev/null || skip 'debootstrap is missing: apt-get install debootstrap'
mkdir -p "$base"
if [ ! -d "$base/tree" ]; then
    rm -rf "$base/new"
    debootstrap --variant=minbase --include=git,make,ca-certificates "$suite" "$base/new" ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"} \
        > "$base/debootstrap.log" 2>&1 || skip "debootstrap got no $suite from its mirror (DEBIAN_MIRROR): $base/debootstrap.log"
    mv "$base/new" "$base/tree"
fi
rm -rf "$root"
cp -a "$base/tree" "$root"
trap 'rm -rf "$root"' EXIT
trap 'exit 1' INT TERM
git clone --quiet --no-local . "$root/root/ntcli"
cp /etc/resolv.conf /etc/hosts "$root/etc/"
# A network whose certificates this machine has been told to trust.
cp "${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}" "$root/etc/ssl/certs/ca-certificates.crt"

# type_in COMMAND...: in a shell of root's whose environment tells nothing of this machine.
type_in() {
    echo "\$ $*"
    unshare --mount --pid --fork --propagation private sh -c '
        root=$1 && shift && mount --bind "$root" "$root" && mount -t proc proc "$root/proc" && mount --rbind /dev "$root/dev" &&
        mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm" && mount -t sysfs sysfs "$root/sys" &&
        exec chroot "$root" env -i HOME=/root TERM=dumb PATH=/usr/sbin:/usr/bin:/sbin:/bin \
            ${https_proxy:+https_proxy="$https_proxy"} CARGO_HTTP_CAINFO=/etc/ssl/certs/ca-certificates.crt \
            sh -c "cd /root/ntcli && exec \"\$@\"" sh "$@"' sh "$root" "$@"
}
for tool in cargo cc curl strace; do
    [ -z "$(type_in sh -c "command -v $tool" | sed 1d)" ] || skip "the tree has $tool: it is not a bare one"
done
type_in make demo
type_in make
type_in make deb
type_in make test
left=$(ls -A "$root/root" | grep -vxE 'ntcli|\.bashrc|\.profile|\.cargo' || true)
[ -z "$left" ] || { echo "left in HOME: $left" >&2; exit 1; }
echo "$suite: make demo, make, make deb and make test pass, each typed once."
