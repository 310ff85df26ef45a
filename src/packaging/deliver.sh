#!/bin/sh
# deliver SERVICE: takes over, as root, what the user ntcli has delivered for a service, and restarts it.
# deliver --wait SERVICE: waits, as anybody who can read the delivery, until that has been done.
#
# What root and systemd read is written by root: of the delivered file only tokens are taken, read with the
# rights of the user ntcli, so that a link in its place leads to nothing which that user cannot read anyway.
set -eu
umask 022
say() { echo "$*" >&2; }
digest() { printf '%s' "$1" | sha256sum | cut -d ' ' -f 1; }

if [ "$1" = --wait ]; then
    from=/var/lib/ntcli/targets/$2
    taken=/run/ntcli-deliver/$2
    left=600
    until [ "$(digest "$(cat "$from")")" = "$(cat "$taken" 2> /dev/null)" ]; do
        left=$((left - 1))
        [ $left -gt 0 ] || { say "$2 has not been restarted with what $from holds: journalctl -u ntcli-deliver@$2"; exit 1; }
        sleep 0.1
    done
    exit 0
fi

service=$1
from=/var/lib/ntcli/targets/$service
to=$STATE_DIRECTORY/$service
taken=/run/ntcli-deliver/$service
# Since when a restart is due: it outlasts a kill, and a reboot.
due=$to.due

as_ntcli() { setpriv --reuid=ntcli --regid=ntcli --clear-groups --inh-caps=-all -- "$@"; }
# Sets $text to what was delivered and $wanted to what root's file is to hold: a bare token, or the variables
# that NAMES= lists and no other, whatever stands beside them.
look() {
    text=$(as_ntcli timeout 10 head -c 65536 "$from")
    wanted=''
    for name in ${NAMES:--}; do
        value=$text
        [ "$name" = - ] || value=$(printf '%s\n' "$text" | sed -n "s/^$name=//p")
        case $value in
            '' | *[!A-Za-z0-9._~+/=-]* | *=[!=]*)
                say "$from: $([ "$name" = - ] && echo 'not one bare token' || echo "not one line $name=TOKEN")"
                return 1
                ;;
        esac
        [ "$name" = - ] || value=$name=$value
        wanted="$wanted$value
"
    done
}
is_done() { [ ! -e "$due" ] && [ -e "$to" ] && [ "$wanted" = "$(cat "$to")
" ]; }

if as_ntcli sh -c '! test -e "$1" && ! test -h "$1"' sh "$from"; then
    say "$from: nothing has been delivered yet"
    exit 0
fi
look
# A change that comes while the service starts is taken over by one more restart, not lost.
until is_done; do
    # Whoever waits learns nothing of what was taken over before, should that be delivered again.
    rm -f "$taken"
    # A burst, as of a renewal of several workspaces, is one restart.
    before=
    until [ "$text" = "$before" ]; do
        before=$text
        sleep 2
        look
    done
    : > "$due"
    (umask 077 && printf %s "$wanted" > "$to.new")
    sync "$to.new"
    mv "$to.new" "$to"
    sync "$STATE_DIRECTORY"
    # Restarts that bring a new token do not count against the start limit of the service.
    systemctl reset-failed "$service.service" 2> /dev/null || true
    systemctl restart "$service.service"
    rm "$due"
    look
done
digest "$text" > "$taken.new"
mv "$taken.new" "$taken"
