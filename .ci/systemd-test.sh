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
        inside journalctl --no-pager --boot --lines 40 >&2 || tail -n 30 "$base/console" >&2
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
jti() { as_ntcli 'ntcli token show --format json' | sed -n 's/^ *"jti": "\(.*\)".*/\1/p'; }
live() { as_ntcli 'ntcli token list --format json' | grep -c '"jti"'; }
one_is_live() { [ "$(live)" = 1 ]; }
is_new() { [ "$(jti)" != "$before" ]; }
app_has_it() { inside sh -c "tr '\0' '\n' < /proc/$(property MainPID app)/environ" | grep -qx "API_TOKEN=$(token)"; }
other_has_it() { [ "$(inside cat /run/credentials/other.service/token)" = "$(token)" ]; }
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
# A token that is due for the units.
make_due() {
    as_ntcli 'ntcli token refresh --expires-in 1d' > /dev/null
    before=$(jti)
}
renew_timer() { inside systemctl "$1" ntcli-renew.timer; }

step 'the control plane'
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
inside systemd-analyze security --threshold=25 --no-pager ntcli-renew.service | tail -n 1
inside systemd-analyze security --threshold=25 --no-pager ntcli-renew@prod.service > /dev/null
inside systemd-analyze security --threshold=25 --no-pager ntcli-deliver@app.service | tail -n 1

step 'sign in, target, dry run, enable'
as_ntcli "ntcli domain set $server --insecure" > /dev/null
as_ntcli 'printf demo-session | ntcli auth login --token-stdin'
as_ntcli 'ntcli workspace select prod'
as_ntcli 'ntcli token create --expires-in 1d > /dev/null'
before=$(jti)
as_ntcli "ntcli target add --env API_TOKEN=$state/targets/app"
as_ntcli "ntcli target add --file $state/targets/other"
# The service reads what root has written, and of what the user ntcli has delivered that holds tokens alone.
inside mkdir -p /etc/systemd/system/ntcli-deliver@app.service.d
printf '[Service]\nEnvironment=NAMES=API_TOKEN\n' |
    inside sh -c 'cat > /etc/systemd/system/ntcli-deliver@app.service.d/names.conf'
service() { # NAME LINE...
    name=$1
    shift
    { printf '[Service]\nDynamicUser=yes\nExecStart=/bin/sleep infinity\n' && printf '%s\n' "$@"; } |
        inside sh -c "cat > /etc/systemd/system/$name.service"
    inside systemctl enable --now --quiet "ntcli-deliver@$name.path"
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
as_ntcli "ntcli target add --exec 'test -e $state/let-through'" > /dev/null 2>&1
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
as_ntcli "ntcli target add --exec 'touch $state/middle; while test -e $state/hold; do sleep 0.1; done'" > /dev/null 2>&1
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

step 'a target elsewhere needs a drop-in, and says so before anything is sent'
make_due
inside install -d -o ntcli /srv/app
as_ntcli 'ntcli target add --file /srv/app/token' > /dev/null 2>&1
inside systemctl start ntcli-renew 2> /dev/null && fail 'a file outside of the sandbox was written'
ended_with failed/2 || fail "it ended with $(property ExecMainStatus ntcli-renew)"
is_new && fail 'a token was made'
inside sh -c 'cat > /etc/systemd/system/ntcli-renew.service.d/override.conf' << END
[Service]
ReadWritePaths=/srv/app
END
as_ntcli 'ntcli policy prod --revoke-after 1h' > /dev/null
inside systemctl daemon-reload
inside systemctl start ntcli-renew
[ "$(inside cat /srv/app/token)" = "$(token)" ] || fail 'the file does not hold the token'
[ "$(live)" = 2 ] || fail 'the old token is not kept for an hour'
all_have_it

as_ntcli 'ntcli policy prod --default' > /dev/null
as_ntcli 'ntcli target remove 5' > /dev/null

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
as_ntcli "rm $state/targets/other && mv $state/other $state/targets/other"
inside systemctl start ntcli-deliver@other
as_ntcli "sed -i /LD_PRELOAD/d $state/targets/app"
all_is_well

step 'eight workspaces in one file: few restarts, whatever time a start takes, and no start limit'
for n in 3 4 5 6 7 8; do as_ntcli "ntcli workspace create w$n" > /dev/null 2>&1; done
names=''
for workspace in prod staging w3 w4 w5 w6 w7 w8; do
    as_ntcli "ntcli token create -w $workspace --save --expires-in 1d" > /dev/null 2>&1
    for name in quick slow; do
        as_ntcli "ntcli target add $workspace --env T_$workspace=$state/targets/$name" > /dev/null
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
        inside sh -c "tr '\\0' '\\n' < /proc/$(property MainPID "$1")/environ" |
            grep -qx "T_$w=$(as_ntcli "ntcli token print $w")" || return 1
    done
}
until_so has_all quick
until_so has_all slow
starts() { inside journalctl --no-pager --output cat --unit "$1" | grep -c "^Started $1" || true; }
before_quick=$(starts quick)
inside systemctl start ntcli-renew
until_so has_all quick
until_so has_all slow
[ $(($(starts quick) - before_quick)) -le 2 ] || fail 'a burst was not one restart'

step 'a rollback while a service starts'
as_ntcli 'ntcli token refresh -w prod --revoke-after 1h' > /dev/null
sleep 3
as_ntcli 'ntcli token rollback -w prod' > /dev/null
until_so has_all slow
until_so has_all quick
as_ntcli "/usr/lib/ntcli/deliver --wait slow"
[ "$(property Result slow)" = success ] || fail 'the service is down'

step 'cron, with the line of the README, as an ordinary user'
line=$(sed -n 's|^ *17 3 \* \* \*  */usr/local/bin/|* * * * * /usr/bin/|p' README.md | head -n 1)
[ -n "$line" ] || fail 'the README has no such line'
inside useradd --create-home ada
as_ada() { inside sudo -iu ada "$@"; }
as_ada ntcli domain set "$server" --insecure > /dev/null
printf demo-session | as_ada ntcli auth login --token-stdin
as_ada ntcli workspace select staging
as_ada ntcli token create --expires-in 1d > /dev/null 2>&1
before=$(as_ada ntcli token print)
echo "$line" | inside crontab -u ada -
cron_has_run() { [ "$(as_ada ntcli token print)" != "$before" ]; }
until_so cron_has_run
inside crontab -u ada -r

step 'remove and purge: nothing runs on, and the tokens are kept'
inside systemctl start ntcli-renew.timer ntcli-deliver@app.path
inside dpkg --purge ntcli 2>&1 | grep "$state" || fail 'it does not tell what is kept'
[ -z "$(inside systemctl list-units --all --plain --no-legend 'ntcli-*.timer' 'ntcli-*.path')" ] || fail 'a unit is left'
[ -z "$(inside find /etc/systemd/system -name 'ntcli*' -type l)" ] || fail 'a link is left'
inside test -e $state/config.json || fail 'the tokens are gone'

step 'make install in /usr/local'
inside rm /etc/systemd/system/ntcli-renew.service.d/override.conf
make --no-print-directory install DESTDIR="$root" PREFIX=/usr/local > /dev/null
inside systemd-sysusers
inside systemd-tmpfiles --create
inside systemctl daemon-reload
inside systemctl start ntcli-renew
make --no-print-directory uninstall DESTDIR="$root" PREFIX=/usr/local > /dev/null
[ -z "$(inside find /usr/local -name '*ntcli*')" ] || fail 'something is left'

echo 'The units and the package work.'
