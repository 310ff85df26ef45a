#!/bin/sh
# Makes dist/ntcli_VERSION_ARCH.deb of what `make install` puts in place, with dpkg-deb alone.
set -eu
program=${NTCLI:-target/release/ntcli}
if ! command -v dpkg-deb > /dev/null; then
    echo 'Error: a package is built with dpkg-deb, which is not here' >&2
    echo 'Hint: run it on Debian or its kin; elsewhere: make install' >&2
    exit 1
fi
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
arch=$(dpkg --print-architecture)
maintainer=${MAINTAINER:-The ntcli authors <ntcli@example.org>}
# The same source makes the same package: its time is the last commit's, or that of the archive.
committed=$(git log -1 --format=%ct -- . 2> /dev/null) || true
export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-${committed:-$(stat -c %Y Cargo.toml)}}"
umask 022
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"
make --no-print-directory install DESTDIR="$root" PREFIX=/usr
rm "$root/usr/lib/ntcli/folders" # dpkg knows them
gzip -9n "$root/usr/share/man/man1/"*.1
mv "$root/usr/share/zsh/site-functions" "$root/usr/share/zsh/vendor-completions" # where Debian's looks

doc=$root/usr/share/doc/ntcli
mkdir -p "$doc" "$root/DEBIAN"
cp README.md "$doc"
cp -r fixtures/schemas "$doc"
gzip -9nc .github/CHANGELOG.md > "$doc/CHANGELOG.md.gz"
gzip -9n > "$doc/changelog.gz" <<END
ntcli ($version) unstable; urgency=medium

  * What has changed is in CHANGELOG.md.gz beside this file.

 -- $maintainer  $(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")
END
{
    printf 'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n'
    printf 'Upstream-Name: ntcli\n\nFiles: *\nCopyright: %s\nLicense: MIT\n' \
        "$(sed -n 's/^Copyright (c) //p' LICENSE)"
    sed -n '/^Permission/,$ { s/^$/./; s/^/ /p }' LICENSE
    printf '\nComment: The program contains these crates, under their own licenses:\n'
    cargo tree --locked --edges normal --prefix none --no-dedupe --format ' {p}: {l}' |
        sed 's/ (proc-macro)//; / ntcli v/d' | LC_ALL=C sort -u
} > "$doc/copyright"

# The newest symbol of the C library that the program asks for, if it asks for any.
libc=$(readelf --dyn-syms --wide "$program" | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -n 1) || true
cp src/packaging/postinst src/packaging/prerm src/packaging/postrm "$root/DEBIAN"
chmod 755 "$root"/DEBIAN/p*
(cd "$root" && find usr -type f | LC_ALL=C sort | xargs md5sum > DEBIAN/md5sums)
sed '/^$/d' > "$root/DEBIAN/control" <<END
Package: ntcli
Version: $version
Architecture: $arch
Maintainer: $maintainer
${libc:+Depends: libc6 (>= ${libc#GLIBC_}), libgcc-s1}
Section: admin
Priority: optional
Installed-Size: $(find "$root/usr" -type f -printf '%s\n' | awk '{ kib += int($1 / 1024) + 1 } END { print kib }')
Description: rotates and manages NimbleTools workspace tokens
 Asks the control plane for a new workspace token, stores it, revokes the old
 one and confirms, so that a kill, a full disk or a lost answer loses nothing.
END
mkdir -p dist
dpkg-deb --root-owner-group --build "$root" "dist/ntcli_${version}_$arch.deb"
# The sums beside the archive are of this package, not of one that was there before.
[ ! -e dist/SHA256SUMS ] || make --no-print-directory sums
