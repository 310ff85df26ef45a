#!/bin/sh
# The package and the README's recipes for systemd and cron, tried in a container that Debian's systemd has
# booted, against the tests' control plane on loopback. Needs root, debootstrap and systemd-nspawn; where
# there is no way to it, says so and ends well. The installed tree is kept in target/systemd for the next run.
set -eu
cd "$(dirname "$0")/.."
base=$PWD/target/systemd
root=$base/root
state=/var/lib/ntcli
taken=/var/lib/ntcli-deliver

skip() {
    echo "skipped: $*"
    exit 0
}
[ "$(id -u)" = 0 ] || skip 'only root can boot a container'
for tool in debootstrap systemd-nspawn nsenter dpkg-deb; do
    command -v $tool > /dev/null || skip "$tool is missing: apt-get install debootstrap systemd-container util-linux dpkg"
done
mkdir -p "$base"
if [ ! -d "$base/tree" ]; then
    mirror=$(grep -rhoE 'https?://[^ ]+/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d 2> /dev/null | head -n 1 | tr -d ' ') || true
    mirror=${DEBIAN_MIRROR:-$mirror}
    rm -rf "$base/new"
    debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,cron,sudo bookworm "$base/new" ${mirror:+"$mirror"} \
        > "$base/debootstrap.log" 2>&1 || skip "debootstrap got no Debian from its mirror (DEBIAN_MIRROR): $base/debootstrap.log"
    mv "$base/new" "$base/tree"
fi
rm -rf "$root"
cp -a "$base/tree" "$root"
echo localhost > "$root/etc/hostname"
echo '127.0.0.1 localhost' > "$root/etc/hosts"
nspawn() {
    exec systemd-nspawn --quiet --register=no --keep-unit --resolv-conf=off --machine "ntcli-$$" --directory "$root" "$@" < /dev/null
}
(nspawn true) > "$base/console" 2>&1 || skip "no container can be started here: $(tail -n 1 "$base/console")"

plane='' container=''
# The first process in the container is the only child of the one outside.
leader() { cut -d ' ' -f 1 "/proc/$container/task/$container/children" 2> /dev/null; }
clean_up() {
    # Without its first process, nothing is left of the container.
    for pid in ${container:+$(leader)} $plane; do kill -KILL "$pid" || true; done
    wait
    rm -rf "$root"
}
trap 'exit 1' INT TERM

step() {
    now=$*
    echo "- $now"
}
fail() {
    now="$now: $*"
    exit 1
}
# What was tried, and all that may tell why it went wrong.
finish() {
    code=$?
    if [ $code != 0 ]; then
        inside sh -c 'journalctl --no-pager --boot | grep -v " sudo\[" | tail -n 60
            systemctl --no-pager list-units --all "ntcli-*"' >&2 || tail -n 30 "$base/console" >&2
        echo "Failed: $now" >&2
    fi
    clean_up
    exit $code
}
trap finish EXIT

# Until it is so; the time only bounds how long a failure takes.
until_so() {
    tries=0
    until "$@"; do
        tries=$((tries + 1))
        [ $tries -lt 600 ] || fail "never became true: $*"
        sleep 0.2
    done
}

boot() {
    nspawn --boot > "$base/console" 2>&1 &
    container=$!
    until_so is_up
}
inside() {
    nsenter --target "$(leader)" --mount --uts --ipc --pid --cgroup --root --wd \
        env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root "$@"
}
is_up() { [ "$(inside systemctl is-system-running 2> /dev/null)" = running ]; }
# A command line as the README's shell of the user would take it.
as_ntcli() { inside sudo -u ntcli NTCLI_CONFIG_DIR=$state sh -c "cd / && $1"; }
property() { inside systemctl show --value --property "$1" "$2"; }
ended_with() { [ "$(property ActiveState ntcli-renew)/$(property ExecMainStatus ntcli-renew)" = "$1" ]; }
is_logged() { inside journalctl --no-pager --output cat | grep -q "$1"; }

token() { as_ntcli 'ntcli token print'; }
jti() { as_ntcli 'ntcli token show --format json' | sed -n 's/^ *"jti": "\(.*\)".*/\1/p' | head -n 1; }
live() { as_ntcli 'ntcli token list --format json' | grep -c '"jti"'; }
one_is_live() { [ "$(live)" = 1 ]; }
is_new() { [ "$(jti)" != "$before" ]; }
app_has_it() { inside sh -c "tr '\0' '\n' < /proc/$(property MainPID app)/environ" 2> /dev/null | grep -qx "API_TOKEN=$(token)"; }
other_has_it() { [ "$(inside cat /run/credentials/other.service/token 2> /dev/null)" = "$(token)" ]; }
# What every trouble must end in: one live token on the server, in the files, in the services that use it.
all_is_well() {
    [ "$(live)" = 1 ] || fail "the server lists $(live) live tokens"
    all_have_it
}
all_have_it() {
    inside grep -qx "API_TOKEN=$(token)" $state/targets/app || fail 'the target does not hold the token'
    as_ntcli 'ntcli token show --check' > /dev/null || fail 'the token does not work'
    until_so app_has_it
    until_so other_has_it
}
# A token that is due for the units: by the policy below. What `renew` puts in its place is not due at once.
make_due() {
    as_ntcli 'ntcli token refresh --expires-in 85741' > /dev/null
    before=$(jti)
}
renew_timer() { inside systemctl "$1" ntcli-renew.timer; }

step 'the control plane'
rm -f "$base/plane"
target/debug/examples/control-plane > "$base/plane" &
plane=$!
until_so grep -qs NTCLI_API_URL "$base/plane"
server=$(sed -n 's|.*NTCLI_API_URL=http://||p' "$base/plane")

step 'boot'
boot
cp dist/ntcli_*.deb "$root/root/ntcli.deb"

step 'install the package: a user, a folder, and nothing enabled'
inside apt install --yes /root/ntcli.deb > /dev/null 2>&1
[ "$(inside stat -c '%U %a' $state $state/targets | sort -u)" = 'ntcli 700' ] || fail 'the folders'
for unit in ntcli-renew.timer ntcli-renew@prod.timer ntcli-deliver@app.path; do
    [ "$(inside systemctl is-enabled $unit)" = disabled ] || fail "$unit is enabled"
done
inside systemd-analyze verify --man=no ntcli-renew.timer ntcli-renew@prod.timer ntcli-deliver@app.path \
    ntcli-failed@x.service 2>&1 | grep ntcli && fail 'a unit is not as systemd wants it'
for unit in ntcli-renew ntcli-renew@prod ntcli-deliver@app ntcli-changed@app ntcli-failed@app; do
    exposed=$(inside systemd-analyze security --threshold=25 --no-pager $unit.service) || fail "$unit is too exposed"
    echo "$exposed" | tail -n 1
done

step 'sign in, target, dry run, enable'
as_ntcli "ntcli domain set $server --insecure" > /dev/null
as_ntcli 'printf demo-session | ntcli auth login --token-stdin'
as_ntcli 'ntcli workspace select prod'
as_ntcli 'ntcli policy prod --expires-in 1d --renew-before 85750' > /dev/null
as_ntcli 'ntcli token create --expires-in 85741 > /dev/null'
before=$(jti)
as_ntcli "ntcli target add --env API_TOKEN=$state/targets/app"
as_ntcli "ntcli target add --file $state/targets/other"
# The service reads what root has written, and of what the user ntcli has delivered that holds tokens alone.
inside mkdir -p /etc/systemd/system/ntcli-deliver@app.service.d
printf '[Service]\nEnvironment=NAMES=API_TOKEN\n' |
    inside sh -c 'cat > /etc/systemd/system/ntcli-deliver@app.service.d/names.conf'
describe() { # SERVICE LINE...
    name=$1
    shift
    { printf '[Service]\nDynamicUser=yes\nExecStart=/bin/sleep infinity\n' && printf '%s\n' "$@"; } |
        inside sh -c "cat > /etc/systemd/system/$name.service"
}
service() {
    describe "$@"
    inside systemctl enable --now --quiet "ntcli-deliver@$1.path"
}
service app "EnvironmentFile=$taken/app"
service other "LoadCredential=token:$taken/other"
until_so app_has_it
until_so other_has_it
as_ntcli 'ntcli renew --dry-run'
all_is_well
# More often than once a day, and than systemd lets a unit start by itself.
inside mkdir -p /etc/systemd/system/ntcli-renew.timer.d /etc/systemd/system/ntcli-renew.service.d
printf '[Unit]\nStartLimitIntervalSec=0\n' |
    inside sh -c 'cat > /etc/systemd/system/ntcli-renew.service.d/often.conf'
inside sh -c 'cat > /etc/systemd/system/ntcli-renew.timer.d/often.conf' << END
[Timer]
OnCalendar=
OnCalendar=*:*:*
RandomizedDelaySec=0
AccuracySec=100ms
END
inside systemctl enable --now --quiet ntcli-renew.timer

step 'the timer refreshes, and the service is restarted'
until_so is_new
renew_timer stop
until_so ended_with inactive/0
all_is_well

step 'a delivery that fails is told of, and repeated by the next run'
make_due
as_ntcli "ntcli target add --later --exec 'test -e $state/let-through'" > /dev/null 2>&1
renew_timer start
until_so ended_with failed/9
until_so is_logged '^ntcli-renew.service has failed; why: journalctl -u ntcli-renew.service$'
[ "$(live)" = 2 ] || fail 'the old token was revoked before the delivery'
inside touch $state/let-through
until_so ended_with inactive/0
renew_timer stop
all_is_well
as_ntcli 'ntcli target remove 3' > /dev/null

# A run that waits in the middle: the new token is stored, the old one is not revoked.
as_ntcli "ntcli target add --later --exec 'touch $state/middle; while test -e $state/hold; do sleep 0.1; done'" > /dev/null 2>&1
start_and_hold() {
    make_due
    inside touch $state/hold
    inside rm $state/middle
    inside systemctl start --no-block ntcli-renew
    until_so inside test -e $state/middle
    [ "$(live)" = 2 ] || fail 'the run is not in the middle'
}

step 'a run that is killed in the middle is finished by the next'
start_and_hold
inside systemctl kill --signal KILL ntcli-renew
until_so ended_with failed/9 # the signal
[ "$(property Result ntcli-renew)" = signal ] || fail 'it was not killed'
inside rm $state/hold
renew_timer start
until_so ended_with inactive/0
renew_timer stop
all_is_well

step 'a machine that stops in the middle, without a shutdown, goes on after the boot'
start_and_hold
inside systemctl reboot --force --force || true
wait "$container" || true
boot
inside systemctl start app other
inside rm $state/hold
until_so one_is_live
until_so ended_with inactive/0
renew_timer stop
all_is_well
as_ntcli 'ntcli target remove 4' > /dev/null

step 'one workspace, by its name'
make_due
inside systemctl start ntcli-renew@prod
is_new || fail 'it is not refreshed'
all_is_well

step 'a target elsewhere needs a drop-in, says so, and keeps the old token live until it has one'
make_due
inside install -d -o ntcli /srv/app
as_ntcli 'ntcli target add --later --file /srv/app/token' > /dev/null 2>&1
inside systemctl start ntcli-renew 2> /dev/null && fail 'a file outside of the sandbox was written'
ended_with failed/9 || fail "it ended with $(property ExecMainStatus ntcli-renew)"
is_logged 'target 5: .*/srv/app/token: Read-only file system' || fail 'it does not say why'
[ "$(live)" = 2 ] || fail 'the old token was revoked before the delivery'
all_have_it
inside sh -c 'cat > /etc/systemd/system/ntcli-renew.service.d/override.conf' << END
[Service]
ReadWritePaths=/srv/app
END
inside systemctl daemon-reload
inside systemctl start ntcli-renew
[ "$(inside cat /srv/app/token)" = "$(token)" ] || fail 'the file does not hold the token'
all_is_well
as_ntcli 'ntcli target remove 5' > /dev/null

step 'a policy that keeps the old token live for an hour'
make_due
as_ntcli 'ntcli policy prod --revoke-after 1h' > /dev/null
inside systemctl start ntcli-renew
is_new || fail 'it is not refreshed'
[ "$(live)" = 2 ] || fail 'the old token is not kept for an hour'
all_have_it
as_ntcli 'ntcli token rollback' > /dev/null
all_is_well

step 'what the user ntcli writes beside the token, or leads to, never reaches root'
held=$(inside cat $taken/app)
as_ntcli "printf 'LD_PRELOAD=/tmp/x.so\\n' >> $state/targets/app"
inside systemctl start ntcli-deliver@app
[ "$(inside cat $taken/app)" = "$held" ] || fail 'a variable that root has not named was taken over'
inside sh -c 'echo secret > /root/secret && chmod 600 /root/secret'
as_ntcli "mv $state/targets/other $state/other && ln -s /root/secret $state/targets/other"
inside systemctl start ntcli-deliver@other 2> /dev/null && fail 'a link was followed to what only root reads'
inside grep -q secret $taken/other && fail 'what only root reads was taken over'
as_ntcli "rm $state/targets/other && mkfifo $state/targets/other"
inside systemctl start ntcli-deliver@other 2> /dev/null && fail 'a pipe was read'
as_ntcli "rm $state/targets/other && echo LD_PRELOAD=/tmp/x.so > $state/targets/other"
inside systemctl start ntcli-deliver@other 2> /dev/null && fail 'an assignment was taken for a bare token'
as_ntcli "rm $state/targets/other && mv $state/other $state/targets/other"
inside systemctl start ntcli-deliver@other
as_ntcli "sed -i /LD_PRELOAD/d $state/targets/app"
all_is_well

step 'whatever kills the delivery, at any step, the service gets the token'
describe killed "LoadCredential=token:$taken/killed"
# bash runs the same script, and something before each of its steps. STEPS says before which one each run is killed.
inside sh -c 'cat > /usr/lib/ntcli/stepwise' << 'END'
steps=/run/ntcli-deliver/steps
left=$(head -n 1 $steps)
sed -i 1d $steps
sleep() { :; }
set -T
trap '[ $((left -= 1)) != 0 ] || kill -KILL $$' DEBUG
. /usr/lib/ntcli/deliver killed
END
inside mkdir -p /etc/systemd/system/ntcli-deliver@killed.service.d
inside sh -c 'cat > /etc/systemd/system/ntcli-deliver@killed.service.d/stepwise.conf' << 'END'
[Service]
ExecStart=
ExecStart=/bin/bash /usr/lib/ntcli/stepwise
END
inside systemctl daemon-reload
credential() { inside cat "/run/credentials/$1.service/token" 2> /dev/null || true; }
give() { as_ntcli "printf %s $2 > $state/targets/$1.new && mv $state/targets/$1.new $state/targets/$1"; }
ended() { property ActiveState ntcli-deliver@killed | grep -qx 'inactive\|failed'; }
n=0
is_killed=1
while [ $is_killed = 1 ]; do
    n=$((n + 1))
    for last in "$n" 0; do # killed twice, then once
        give killed "token-$n-$last"
        printf '%s\n' "$n" "$last" 0 | inside sh -c 'cat > /run/ntcli-deliver/steps'
        inside systemctl start ntcli-deliver@killed 2> /dev/null && is_killed=0
        until_so ended
        case $(inside cat $taken/killed 2> /dev/null) in
            "token-$n-$last") ;;
            *) fail "killed before step $n, root's file is not made" ;;
        esac
        [ "$(credential killed)" = "token-$n-$last" ] || fail "killed before step $n, the service is left with an old token"
    done
done
[ $n -gt 40 ] || fail "the delivery has only $n steps"

step 'no change comes at a wrong moment'
describe soon "LoadCredential=token:$taken/soon"
give soon token-0
inside systemctl enable --now --quiet ntcli-deliver@soon.path
soon_has() { [ "$(credential soon)" = "$1" ]; }
for n in 0 1 2 3 4 5 6 7 8 9; do
    until_so soon_has "token-$n"
    give soon "token-$((n + 1))" # as soon as that before is there
done
until_so soon_has token-10
for n in 11 12 13 14 15 16 17 18 19 20; do
    give soon "token-$n"
    sleep 0.$((n % 10))
done
until_so soon_has token-20
is_logged 'deliver@soon.* has failed' && fail 'a delivery that began again counts as failed'

step 'eight workspaces in one file: few restarts, whatever time a start takes, and no start limit'
for n in 3 4 5 6 7 8; do as_ntcli "ntcli workspace create w$n" > /dev/null 2>&1; done
as_ntcli 'ntcli workspace select staging && ntcli workspace select prod' > /dev/null
names=''
for workspace in prod staging w3 w4 w5 w6 w7 w8; do
    as_ntcli "ntcli policy $workspace --expires-in 1d --renew-before 85750" > /dev/null
    as_ntcli "ntcli token create -w $workspace --save --expires-in 85741" > /dev/null 2>&1
    for name in quick slow; do
        as_ntcli "ntcli target add $workspace --env T_$workspace=$state/targets/$name" > /dev/null 2>&1
    done
    names="$names T_$workspace"
done
for name in quick slow; do
    inside mkdir -p /etc/systemd/system/ntcli-deliver@$name.service.d
    printf '[Service]\nEnvironment="NAMES=%s"\n' "$names" |
        inside sh -c "cat > /etc/systemd/system/ntcli-deliver@$name.service.d/names.conf"
done
service quick "EnvironmentFile=$taken/quick"
service slow "EnvironmentFile=$taken/slow" ExecStartPre='/bin/sleep 3'
has_all() { # SERVICE
    for w in prod staging w3 w4 w5 w6 w7 w8; do
        inside sh -c "tr '\\0' '\\n' < /proc/$(property MainPID "$1")/environ" 2> /dev/null |
            grep -qx "T_$w=$(as_ntcli "ntcli token print $w")" || return 1
    done
}
until_so has_all quick
until_so has_all slow
starts() { inside journalctl --no-pager --output cat --unit "$1" | grep -c "^Started $1" || true; }
before_quick=$(starts quick)
before_slow=$(starts slow)
before=$(jti)
inside systemctl start ntcli-renew
is_new || fail 'nothing was due'
until_so has_all quick
until_so has_all slow
[ $(($(starts quick) - before_quick)) = 1 ] || fail 'a burst was not one restart'
[ $(($(starts slow) - before_slow)) -le 2 ] || fail 'a burst was not one restart of what starts slowly'
for workspace in staging w3 w4 w5 w6 w7 w8; do
    as_ntcli "ntcli token refresh -w $workspace" > /dev/null 2>&1
    sleep 1
done
until_so has_all quick
until_so has_all slow
for name in quick slow; do
    [ "$(property Result $name)" = success ] || fail "$name is down"
done

step 'a rollback while a service starts'
as_ntcli 'ntcli token refresh -w prod --revoke-after 1h' > /dev/null 2>&1
is_starting() { [ "$(property ActiveState slow)" = activating ]; }
until_so is_starting
as_ntcli 'ntcli token rollback -w prod' > /dev/null 2>&1
as_ntcli '/usr/lib/ntcli/deliver --wait slow' || fail 'the service is not restarted'
has_all slow || fail 'the wait ended before the service had all'
until_so has_all quick
for name in quick slow; do
    [ "$(property Result $name)" = success ] || fail "$name is down"
done

step 'the old token is revoked after the service has been restarted, where a target waits for that'
# Without the hour that an earlier step asked for.
as_ntcli 'ntcli policy prod --default; ntcli policy prod --expires-in 1d --renew-before 85750' > /dev/null
wait="'/usr/lib/ntcli/deliver --wait slow'"
waiting=$(as_ntcli "ntcli target add prod --later --exec $wait --check $wait" 2> /dev/null | sed -n 's/^Target \([0-9]*\):.*/\1/p')
inside systemctl stop ntcli-deliver@slow.path
is_live() { as_ntcli 'ntcli token list prod --format json' | grep -q "\"jti\": \"$1\""; }
before=$(jti)
as_ntcli 'ntcli token refresh -w prod --expires-in 85741' > /dev/null 2>&1 && fail 'it did not wait'
is_live "$before" || fail 'the old token was revoked'
inside systemctl start ntcli-deliver@slow.path
inside systemctl start ntcli-renew@prod
is_live "$before" && fail "the old token $before was not revoked: $(as_ntcli 'ntcli token list prod; ntcli token show prod')"
has_all slow || fail 'the service has been left without its token'
as_ntcli "ntcli target remove $waiting" > /dev/null

step 'cron, with the line of the README, as an ordinary user'
line=$(sed -n 's|^ *17 3 \* \* \*  */usr/local/bin/|* * * * * /usr/bin/|p' README.md | head -n 1)
[ -n "$line" ] || fail 'the README has no such line'
inside useradd --create-home ada
as_ada() { inside sudo -iu ada "$@"; }
as_ada ntcli domain set "$server" --insecure > /dev/null
printf demo-session | as_ada ntcli auth login --token-stdin
as_ada ntcli workspace select staging
as_ada ntcli policy --expires-in 1d --renew-before 85750 > /dev/null
as_ada ntcli token create --expires-in 85741 > /dev/null 2>&1
before=$(as_ada ntcli token print)
echo "$line" | inside crontab -u ada -
cron_has_run() { [ "$(as_ada ntcli token print)" != "$before" ]; }
until_so cron_has_run
inside crontab -u ada -r

step 'remove and purge: nothing runs on, the tokens are kept, and what holds nothing goes'
inside systemctl start ntcli-renew.timer ntcli-deliver@app.path
inside dpkg --purge ntcli > "$base/purge" 2>&1
for kept in $state $taken /etc/systemd/system/ntcli-renew.service.d 'user ntcli'; do
    grep -q "^Kept: .*$kept" "$base/purge" || fail "it does not tell that it keeps $kept"
done
[ -z "$(inside systemctl list-units --all --plain --no-legend 'ntcli-*.timer' 'ntcli-*.path')" ] || fail 'a unit is left'
[ -z "$(inside find /etc/systemd/system -name 'ntcli*' -type l)" ] || fail 'a link is left'
inside test -e $state/config.json || fail 'the tokens are gone'
inside mv $state $taken /root
inside dpkg -i /root/ntcli.deb > /dev/null 2>&1
inside test -d $state/targets || fail 'the folder is not made'
inside dpkg --purge ntcli > "$base/purge" 2>&1
[ -z "$(inside find /var/lib /run /usr -name 'ntcli*' ! -path '/usr/lib/ntcli/stepwise' ! -path /usr/lib/ntcli)" ] || fail 'something is left'
inside mv /root/ntcli /root/ntcli-deliver /var/lib

step 'make install in /usr/local'
inside rm -f /etc/systemd/system/ntcli-renew.service.d/override.conf
local_before=$(inside find /usr/local | sort)
make --no-print-directory install DESTDIR="$root" PREFIX=/usr/local > /dev/null
inside systemd-sysusers
inside systemd-tmpfiles --create
inside systemctl daemon-reload
inside systemctl start ntcli-renew
make --no-print-directory uninstall DESTDIR="$root" PREFIX=/usr/local > /dev/null
[ "$(inside find /usr/local | sort)" = "$local_before" ] || fail 'something is left, or gone'

echo 'The units and the package work.'
