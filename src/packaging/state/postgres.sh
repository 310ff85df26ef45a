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
export PGCONNECT_TIMEOUT="${PGCONNECT_TIMEOUT:-10}"

sql() {
    psql -XqAt -v ON_ERROR_STOP=1 -v key="${NTCLI_STATE_KEY:-ntcli/state}" \
        -v revision="$(cat .state.revision 2> /dev/null || echo 0)"
}

case $1 in
pull)
    sql > .state.answer << 'END'
set statement_timeout = '10s';
select revision || ' ' || files from ntcli_state where name = :'key' and revision <> :revision;
END
    if [ -s .state.answer ]; then
        rm -rf .state.new
        mkdir .state.new
        cut -d' ' -f2 .state.answer | base64 -d | tar -xz --no-same-owner -C .state.new
        for file in $files; do
            if [ -e ".state.new/$file" ]; then mv ".state.new/$file" "$file"; else rm -f "$file"; fi
        done
        rmdir .state.new
        cut -d' ' -f1 .state.answer > .state.revision
    fi
    ;;
push)
    tar -cz $(ls $files 2> /dev/null) | base64 | tr -d '\n' > .state.value
    # Read by psql itself: what stands in the arguments is seen by every user.
    sql > .state.answer << 'END'
set statement_timeout = '10s';
\set value `cat .state.value`
insert into ntcli_state as here values (:'key', 1, :'value')
    on conflict (name) do update set revision = here.revision + 1, files = excluded.files
    where here.revision = :revision returning revision;
END
    [ -s .state.answer ] || { echo "the state was replaced by another machine" >&2 && exit 3; }
    mv .state.answer .state.revision
    rm -f .state.value
    ;;
*)
    echo "usage: postgres.sh pull|push" >&2
    exit 2
    ;;
esac
rm -f .state.answer
