#!/bin/sh
# The state of an ntcli folder as one value in etcd: NTCLI_STATE_COMMAND=/usr/share/ntcli/state/etcd.sh
#
# NTCLI_STATE_KEY names the value (ntcli/state); etcdctl reads its own ETCDCTL_* variables. `push` ends with 3
# if somebody else has replaced the value since it was pulled. It holds tokens: only these machines may read it.
set -eu
umask 077
cd "$NTCLI_CONFIG_DIR"
key=${NTCLI_STATE_KEY:-ntcli/state}
files='config.json targets.json policies.json history.jsonl rotation.journal'
# The revision and the checksum of what was pulled or pushed last: after a backup a revision comes again.
known=$(cat .state.revision 2> /dev/null || :)
base=${known%% *}
base=${base:-0}
export ETCDCTL_API=3

etcd() {
    etcdctl --dial-timeout=5s --command-timeout=10s --write-out=fields "$@"
}

field() {
    sed -n "s/^\"$1\" : \"\\{0,1\\}\\([^\"]*\\)\"\\{0,1\\}\$/\\1/p" .state.answer
}

# Which of two states counts nobody can tell from here.
ask() {
    echo "etcd has $1. To go on with that: mv '$PWD' '$PWD.old'. With this folder's: echo '$found' > '$PWD/.state.revision'" >&2
    exit 1
}

# A revision that a power cut takes away would make this a folder with a state of its own.
remember() {
    echo "$1" > .state.next
    sync .state.next
    mv .state.next .state.revision
}

case $1 in
pull)
    etcd get "$key" > .state.answer
    revision=$(field ModRevision)
    revision=${revision:-0}
    found="$revision $(field Value | cksum)"
    if [ "$revision" = 0 ]; then
        [ "$base" = 0 ] || ask "no state any more"
    elif [ "${found#* }" != "${known#* }" ]; then
        here=$(ls $files 2> /dev/null || :)
        [ "$revision" -gt "$base" ] || ask "an older state than this folder has seen"
        [ "$base" != 0 ] || [ -z "$here" ] || ask "a state, and this folder one of its own"
        rm -rf .state.new
        mkdir .state.new
        field Value | base64 -d | tar -xzm --no-same-owner -C .state.new
        sync .state.new/* # on the disk before the revision says so
        for file in $files; do
            if [ -e ".state.new/$file" ]; then mv ".state.new/$file" "$file"; else rm -f "$file"; fi
        done
        rmdir .state.new
    fi
    remember "$found"
    ;;
push)
    # A file of its own: the shell sees how the last command of a pipe ends, and no other.
    tar -czf .state.tar $(ls $files 2> /dev/null)
    value=$(base64 < .state.tar | tr -d '\n')
    # By standard input: what stands in the arguments is seen by every user.
    printf 'mod("%s") = "%s"\n\nput %s "%s"\n\n\n' "$key" "$base" "$key" "$value" |
        etcd txn > .state.answer
    [ "$(field Succeeded)" = true ] || { echo "the state was replaced by another machine" >&2 && exit 3; }
    remember "$(field Revision | head -n 1) $(echo "$value" | cksum)"
    ;;
*)
    echo "usage: etcd.sh pull|push" >&2
    exit 2
    ;;
esac
rm -f .state.answer .state.tar
