#!/bin/sh
# The state of an ntcli folder as one row in PostgreSQL: NTCLI_STATE_COMMAND=/usr/share/ntcli/state/postgres.sh
#
#   create table ntcli_state (name text primary key, revision bigint not null, files text not null);
#
# NTCLI_STATE_KEY names the row (ntcli/state); psql reads its own PG* variables. `push` ends with 3 if somebody
# else has replaced the row since it was pulled. It holds tokens: only these machines may read it.
set -eu
umask 077
cd "$NTCLI_CONFIG_DIR"
files='config.json targets.json policies.json history.jsonl rotation.journal'
known=$(cat .state.revision 2> /dev/null || :)
known=${known:-0}
export PGCONNECT_TIMEOUT="${PGCONNECT_TIMEOUT:-10}"

sql() {
    psql -XqAt -v ON_ERROR_STOP=1 -v key="${NTCLI_STATE_KEY:-ntcli/state}" -v revision="$known"
}

# Which of two states counts nobody can tell from here.
ask() {
    echo "PostgreSQL has $1. To go on with that: mv '$PWD' '$PWD.old'. With this folder's: echo $revision > '$PWD/.state.revision'" >&2
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
    sql > .state.answer << 'END'
set statement_timeout = '10s';
select revision || ' ' || case when revision <> :revision then files else '' end from ntcli_state where name = :'key';
END
    revision=0
    [ ! -s .state.answer ] || revision=$(cut -d' ' -f1 .state.answer)
    if [ "$revision" != "$known" ]; then
        here=$(ls $files 2> /dev/null || :)
        [ "$revision" != 0 ] || ask "no state any more"
        [ "$revision" -gt "$known" ] || ask "an older state than this folder has seen"
        [ "$known" != 0 ] || [ -z "$here" ] || ask "a state, and this folder one of its own"
        rm -rf .state.new
        mkdir .state.new
        cut -d' ' -f2 .state.answer | base64 -d | tar -xzm --no-same-owner -C .state.new
        sync .state.new/* # on the disk before the revision says so
        for file in $files; do
            if [ -e ".state.new/$file" ]; then mv ".state.new/$file" "$file"; else rm -f "$file"; fi
        done
        rmdir .state.new
        remember "$revision"
    fi
    ;;
push)
    # A file of its own: the shell sees how the last command of a pipe ends, and no other.
    tar -czf .state.tar $(ls $files 2> /dev/null)
    base64 < .state.tar | tr -d '\n' > .state.value
    # Read by psql itself: what stands in the arguments is seen by every user.
    sql > .state.answer << 'END'
set statement_timeout = '10s';
\set value `cat .state.value`
-- By the time: a row that is made anew has none that was there before.
insert into ntcli_state as here
    values (:'key', (extract(epoch from clock_timestamp()) * 1000000)::bigint, :'value')
    on conflict (name) do update
    set revision = greatest(here.revision + 1, excluded.revision), files = excluded.files
    where here.revision = :revision returning revision;
END
    [ -s .state.answer ] || { echo "the state was replaced by another machine" >&2 && exit 3; }
    remember "$(cat .state.answer)"
    ;;
*)
    echo "usage: postgres.sh pull|push" >&2
    exit 2
    ;;
esac
rm -f .state.answer .state.tar .state.value
