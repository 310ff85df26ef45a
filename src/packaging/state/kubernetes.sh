#!/bin/sh
# The state of an ntcli folder as a Secret in Kubernetes: NTCLI_STATE_COMMAND=/usr/share/ntcli/state/kubernetes.sh
#
# NTCLI_STATE_KEY names the Secret (ntcli-state), which must be there: kubectl create secret generic ntcli-state
# `push` ends with 3 if somebody else has replaced it since it was pulled. It holds tokens: only these machines
# may read it.
set -eu
umask 077
cd "$NTCLI_CONFIG_DIR"
secret=${NTCLI_STATE_KEY:-ntcli-state}
files='config.json targets.json policies.json history.jsonl rotation.journal'
# The revision and the checksum of what was pulled or pushed last: after a backup a revision comes again.
known=$(cat .state.revision 2> /dev/null || :)
base=${known%% *}
base=${base:-0}

# Which of two states counts nobody can tell from here.
ask() {
    echo "the Secret has $1. To go on with that: mv '$PWD' '$PWD.old'. With this folder's: echo '$found' > '$PWD/.state.revision'" >&2
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
    kubectl --request-timeout=10s get secret "$secret" \
        -o 'go-template={{.metadata.resourceVersion}} {{.data.files}}' > .state.answer
    read -r revision value < .state.answer || :
    found="$revision $(echo "$value" | cksum)"
    if [ "${found#* }" = "${known#* }" ]; then
        : # as it was left
    elif [ "$value" = '<no value>' ]; then
        [ "$base" = 0 ] || ask "no state any more"
    else
        here=$(ls $files 2> /dev/null || :)
        [ "$revision" -gt "$base" ] || ask "an older state than this folder has seen"
        [ "$base" != 0 ] || [ -z "$here" ] || ask "a state, and this folder one of its own"
        rm -rf .state.new
        mkdir .state.new
        printf %s "$value" | base64 -d | tar -xzm --no-same-owner -C .state.new
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
    # `replace` compares the version, and keeps no copy of the token in an annotation.
    printf '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"%s","resourceVersion":"%s"},"data":{"files":"%s"}}' \
        "$secret" "$base" "$value" |
        kubectl --request-timeout=10s replace -f - -o 'go-template={{.metadata.resourceVersion}}' \
            > .state.answer 2> .state.error || {
        cat .state.error >&2
        if grep -q '(Conflict)' .state.error; then exit 3; else exit 1; fi
    }
    remember "$(cat .state.answer) $(echo "$value" | cksum)"
    rm -f .state.error
    ;;
*)
    echo "usage: kubernetes.sh pull|push" >&2
    exit 2
    ;;
esac
rm -f .state.answer .state.tar
