#!/bin/sh
# need.sh TOOL...: installs the tools that are missing with the system's package manager where that is
# allowed, and otherwise names the one command that does it. Rust too, where the system's is new enough.
set -eu

say() { printf '%s\n' "$*" >&2; }

manager=
for one in apt-get dnf zypper pacman apk; do
    if command -v $one > /dev/null; then
        manager=$one
        break
    fi
done
sudo=$([ "$(id -u)" = 0 ] || echo 'sudo ')

# install WHAT PACKAGE...: WHAT is missing, for people.
install() {
    what=$1
    shift
    case $manager in
        apt-get) command="apt-get install -y --no-install-recommends $*" ;;
        dnf | zypper) command="$manager install -y $*" ;;
        pacman) command="pacman -S --noconfirm --needed $*" ;;
        apk) command="apk add $*" ;;
        *)
            say "Error: missing: $what"
            say "Hint: install it with the system's package manager, whose name is not known here"
            exit 1
            ;;
    esac
    if [ -n "$sudo" ] && ! sudo -n true 2> /dev/null; then
        say "Error: missing: $what"
        say "Hint: sudo $command"
        exit 1
    fi
    say "Missing: $what; $sudo$command"
    update
    $sudo$command >&2 || { say "Error: missing: $what"; say "Hint: $sudo$command"; exit 1; }
}

# A new machine may have no list of packages yet; what fails here fails later, with the command.
updated=
update() {
    if [ "$manager" = apt-get ] && [ -z "$updated" ] && { [ -z "$sudo" ] || sudo -n true 2> /dev/null; }; then
        ${sudo}apt-get -q update > /dev/null || true
        updated=1
    fi
}

# The packages of the system's Rust, if it is new enough, as far as it can be known before.
rust_packages() {
    case $manager in
        apt-get)
            for suffix in '' -web; do
                has=$(apt-cache policy "rustc$suffix" 2> /dev/null | sed -n 's/^ *Candidate: 1\.\([0-9]*\).*/\1/p')
                if [ "${has:-0}" -ge "$wanted" ]; then
                    echo "cargo$suffix rustc$suffix"
                    return
                fi
            done
            ;;
        dnf | zypper | apk) echo 'cargo rust' ;;
        pacman) echo rust ;;
    esac
}

has_rust() {
    found=$("${CARGO:-cargo}" --version 2> /dev/null | sed 's/^cargo 1\.\([0-9]*\).*/\1/') || true
    [ "${found:-0}" -ge "$wanted" ]
}

missing=
packages=
for tool in "$@"; do
    if [ "$tool" = cargo ] || command -v "$tool" > /dev/null; then continue; fi
    missing="$missing${missing:+ }$tool"
    case $tool,$manager in
        ip,dnf) tool=iproute ;;
        ip,*) tool=iproute2 ;;
        cc,apt-get) tool='gcc libc6-dev' ;;
        cc,apk) tool='gcc musl-dev' ;;
        cc,*) tool=gcc ;;
        etcd,apt-get) tool=etcd-server ;;
        etcdctl,apt-get) tool=etcd-client ;;
        initdb,apt-get) tool=postgresql ;;
        node,apt-get) tool=nodejs ;;
        script,apt-get) tool=bsdutils ;;
        sshd,*) tool=openssh-server ;;
        script,*) tool=util-linux ;;
    esac
    packages="$packages $tool"
done

# Rust is looked for before anything is installed: without it the rest is of no use.
wanted=$(sed -n 's/^rust-version = "1\.\(.*\)"/\1/p' Cargo.toml)
case " $* " in
    *' cargo '*)
        if ! has_rust; then
            update
            rust=$(rust_packages)
            if [ -n "$rust" ]; then
                install "Rust 1.$wanted" "$rust"
                hash -r
            fi
            if ! has_rust; then
                say "Error: Rust 1.$wanted or newer is needed, and ${found:+only 1.}${found:-none} is here"
                if [ -x ~/.cargo/bin/rustup ]; then
                    say "Hint: ~/.cargo/bin/rustup update stable, and in this shell: PATH=~/.cargo/bin:\$PATH"
                elif [ "$manager" = apt-get ] && ! apt-cache policy rustc 2> /dev/null | grep -q Candidate; then
                    say "Hint: ${sudo}apt-get update, and the same command again"
                elif command -v curl > /dev/null; then
                    say "Hint: curl --proto '=https' -sSf https://sh.rustup.rs | sh"
                elif command -v wget > /dev/null; then
                    say "Hint: wget -qO- https://sh.rustup.rs | sh"
                else
                    say "Hint: install Rust from https://rustup.rs (this machine has neither curl nor wget)"
                fi
                exit 1
            fi
        fi
        ;;
esac
# shellcheck disable=SC2086
[ -z "$missing" ] || install "$missing" $packages
