#!/bin/sh
# Makes dist/ntcli_VERSION_ARCH.deb of what `make install` puts in place, with dpkg-deb alone.
set -eu
program=${NTCLI:-target/release/ntcli}
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
arch=$(dpkg --print-architecture)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"
make --no-print-directory install DESTDIR="$root" PREFIX=/usr
gzip -9n "$root/usr/share/man/man1/ntcli.1"
mv "$root/usr/share/zsh/site-functions" "$root/usr/share/zsh/vendor-completions" # where Debian's looks
# The newest symbol of the C library that the program asks for; a static one asks for none.
libc=$(readelf --dyn-syms --wide "$program" | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -n 1)
mkdir "$root/DEBIAN"
cat > "$root/DEBIAN/control" <<END
Package: ntcli
Version: $version
Architecture: $arch
Maintainer: ntcli <ntcli@localhost>
${libc:+Depends: libc6 (>= ${libc#GLIBC_}), libgcc-s1
}Section: admin
Priority: optional
Installed-Size: $(du -sk "$root/usr" | cut -f 1)
Description: rotates and looks after NimbleTools workspace tokens
 Asks the control plane for a new workspace token, stores it, revokes the old
 one and confirms, so that a kill, a full disk or a lost answer loses nothing.
END
# The same source makes the same package.
SOURCE_DATE_EPOCH=$(stat -c %Y Cargo.toml)
export SOURCE_DATE_EPOCH
mkdir -p dist
dpkg-deb --root-owner-group --build "$root" "dist/ntcli_${version}_$arch.deb"
