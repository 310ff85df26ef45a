#!/bin/sh
# need.sh TOOL...: installs the tools that are missing with the system's package manager where that is
# allowed, and otherwise names the one command that does it. Rust is left to the user.
set -eu

missing=
for tool in "$@"; do
    [ "$tool" = cargo ] || command -v "$tool" > /dev/null || missing="$missing $tool"
done

if [ -n "$missing" ]; then
    for manager in apt-get dnf zypper pacman apk ''; do
        command -v "$manager" > /dev/null && break
    done
    packages=
    for tool in $missing; do
        case $tool,$manager in
            ip,dnf) tool=iproute ;;
            ip,*) tool=iproute2 ;;
            cc,apt-get) tool='gcc libc6-dev' ;;
            cc,apk) tool='gcc musl-dev' ;;
            cc,*) tool=gcc ;;
            nginx,apt-get) tool=nginx-light ;;
        esac
        packages="$packages $tool"
    done
    case $manager in
        apt-get) command="apt-get install -y --no-install-recommends$packages" ;;
        dnf | zypper) command="$manager install -y$packages" ;;
        pacman) command="pacman -S --noconfirm --needed$packages" ;;
        apk) command="apk add$packages" ;;
        *) command= ;;
    esac
    if [ -z "$command" ]; then
        printf "Error: missing:%s\nHint: install it with the system's package manager, whose name is not known here\n" "$missing" >&2
        exit 1
    fi
    sudo=
    if [ "$(id -u)" != 0 ]; then
        sudo='sudo '
        if ! sudo -n true 2> /dev/null; then
            printf 'Error: missing:%s\nHint: sudo %s\n' "$missing" "$command" >&2
            exit 1
        fi
    fi
    echo "Missing:$missing; $sudo$command" >&2
    # A new machine may have no list of packages yet; what fails here fails below, with the command.
    if [ "$manager" = apt-get ]; then ${sudo}apt-get -q update > /dev/null || true; fi
    $sudo$command >&2 || { printf 'Error: missing:%s\nHint: %s\n' "$missing" "$sudo$command" >&2; exit 1; }
fi

case " $* " in
    *' cargo '*)
        wanted=$(sed -n 's/^rust-version = "1\.\(.*\)"/\1/p' Cargo.toml)
        found=$("${CARGO:-cargo}" --version 2> /dev/null | sed 's/^cargo 1\.\([0-9]*\).*/\1/') || true
        if [ "${found:-0}" -lt "$wanted" ]; then
            echo "Error: Rust 1.$wanted or newer is needed, and ${found:+only 1.}${found:-none} is here" >&2
            echo "Hint: curl --proto '=https' -sSf https://sh.rustup.rs | sh" >&2
            exit 1
        fi
        ;;
esac
