#!/bin/sh
# Makes the program as one file that needs no C library, for the target of Rust that is named, such as
# x86_64-unknown-linux-musl. TARGET_CC names the C compiler for it, which compiles ring and links.
set -eu
target=$1
program=target/$target/release/ntcli
arch=${target%%-*}
cargo=${CARGO:-cargo}
gcc=cc
[ "$arch" = "$(uname -m)" ] || gcc=$arch-linux-gnu-gcc
export TARGET_CC="${TARGET_CC:-$gcc}"
# Ubuntu's compiler would ask for functions that only glibc has.
export TARGET_CFLAGS="${TARGET_CFLAGS-} -U_FORTIFY_SOURCE"

build() {
    "$cargo" build --release --locked --target "$target" --config "target.$target.linker='$TARGET_CC'" "$@"
}

# An unwinder in place of a real one (60 KB), which would find nothing: the program has no tables for it.
# Only a backtrace asks for it, and learns that it is at the end of the stack.
stub_unwinder() {
    dir=target/$target/unwind
    mkdir -p "$dir"
    {
        echo 'int _Unwind_Backtrace(void) { return 5; }'
        for name in DeleteException GetDataRelBase GetIP GetIPInfo GetLanguageSpecificData GetRegionStart \
            GetTextRelBase RaiseException Resume SetGR SetIP; do
            echo "void _Unwind_$name(void) { __builtin_trap(); }"
        done
    } | "$TARGET_CC" -Os -x c -c - -o "$dir/unwind.o"
    ar rcs "$dir/libunwind.a" "$dir/unwind.o"
    export RUSTFLAGS="${RUSTFLAGS-} -L native=$PWD/$dir"
}

# With Debian's packages rustc-web, cargo-web, rust-web-src and musl-dev: they have no std for musl, but
# its source, which an unstable feature of cargo builds.
build_with_std() {
    musl=/usr/lib/$arch-linux-musl
    RUSTFLAGS="$RUSTFLAGS -C link-self-contained=no -C target-feature=+crt-static -C link-arg=-nostartfiles \
        -Z pre-link-arg=$musl/rcrt1.o -Z pre-link-arg=$musl/crti.o -C link-arg=$musl/crtn.o -L native=$musl"
    cargo=/usr/bin/cargo
    export RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1
    build -Z build-std=std,panic_abort -Z build-std-features=
}

if ! command -v "$TARGET_CC" > /dev/null; then
    echo "There is no C compiler '$TARGET_CC'; TARGET_CC= names another one for $target" >&2
    exit 1
fi
stub_unwinder
std=$("${RUSTC:-rustc}" --print target-libdir --target "$target")
if ls "$std"/libstd-*.rlib > /dev/null 2>&1; then
    # Addresses in a shorter form; the musl of older ones does not know it.
    if [ "$("${RUSTC:-rustc}" --version | cut -d . -f 2)" -ge 93 ]; then
        RUSTFLAGS="$RUSTFLAGS -C link-arg=-Wl,-z,pack-relative-relocs"
    fi
    build
elif [ -e /usr/lib/rustlib/src/rust/library/Cargo.toml ] && [ -e "/usr/lib/$arch-linux-musl/rcrt1.o" ]; then
    build_with_std
else
    echo "Rust cannot build for $target yet: rustup target add $target" >&2
    exit 1
fi
echo "$program: $(wc -c < "$program") bytes"
