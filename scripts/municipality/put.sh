#!/bin/sh
# Deliver one file to the gateway with OpenSSH's sftp, and know that it was received.
#
# Does: uploads under a working name, renames, and looks in the outbox for a receipt with the file's own SHA-256. After
#   any doubt it looks for that receipt before it sends again; sending twice does no harm. With -w it waits for the
#   technical report.
# Needs: POSIX sh, OpenSSH 7.6 or newer (sftp), sha256sum or shasum, sed, grep, awk, mktemp.
# Does not: read a report. The verdict stands in its name; `fetch.sh` brings it home.
#
# The text that the gateway gives with a refusal is not shown by sftp. This script takes it from status.json.

set -u
export LC_ALL=C

usage() {
    cat <<'HELP'
Usage: put.sh [-w] [-t] [-m CODE] FILE
  -w  wait for the technical report     -t  only have it checked (inbox/proef); nothing counts
  -m  the municipality's code; else the one in the file's name

Environment: GATEWAY_HOST, GATEWAY_LOGIN, GATEWAY_KEY (private key file), and if need be
  GATEWAY_PORT (22), GATEWAY_KNOWN_HOSTS (~/.config/gateway/known_hosts), GATEWAY_TIMEOUT (seconds to try, 600)

Exit codes: 0 received (with -w: approved), 1 rejected, 2 wrong arguments, 3 refused, 4 try again later,
  5 wrong host key or login
HELP
}

say() { printf '%s\n' "$*"; }
fail() { code=$1; shift; printf '%s\n' "$*" >&2; exit "$code"; }

# --- arguments ----------------------------------------------------------------------------------------------------

wait='' folder=inbox municipality=${GATEWAY_MUNICIPALITY-}
while getopts wtm:h option; do
    case $option in
        w) wait=yes ;;
        t) folder=inbox/proef ;;
        m) municipality=$OPTARG ;;
        h) usage; exit 0 ;;
        *) usage >&2; exit 2 ;;
    esac
done
shift $((OPTIND - 1))
[ $# -eq 1 ] || { usage >&2; exit 2; }
if [ ! -f "$1" ] || [ ! -r "$1" ]; then fail 2 "$1: geen leesbaar bestand | not a readable file"; fi
for needed in GATEWAY_HOST GATEWAY_LOGIN GATEWAY_KEY; do
    eval "value=\${$needed-}"
    [ -n "$value" ] || fail 2 "Zet | set $needed"
done

name=$(basename -- "$1")
# Names with other characters are refused by the gateway, and would need quoting in sftp.
case $name in
    *[!A-Za-z0-9._-]* | -*) fail 2 "$name: alleen | only A-Z a-z 0-9 . _ -" ;;
esac
if [ -z "$municipality" ]; then
    municipality=$(printf '%s\n' "$name" | tr -s '._-' '\n' | grep -x '[0-9][0-9][0-9][0-9]' | sort -u)
fi
case $municipality in
    [0-9][0-9][0-9][0-9]) ;;
    *) fail 2 "Voor welke gemeente? Geef -m CODE | For which municipality? Give -m CODE" ;;
esac

# --- sftp ---------------------------------------------------------------------------------------------------------

work=$(mktemp -d) || exit 4
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM
# A copy, so that what is hashed is what is sent, whatever happens to the file meanwhile.
cp -- "$1" "$work/$name" || exit 2
if command -v sha256sum >/dev/null 2>&1; then
    digest=$(sha256sum <"$work/$name")
else
    digest=$(shasum -a 256 <"$work/$name")
fi
digest=${digest%% *}

known_hosts=${GATEWAY_KNOWN_HOSTS:-${XDG_CONFIG_HOME:-$HOME/.config}/gateway/known_hosts}
mkdir -p "$(dirname -- "$known_hosts")" || exit 4
# The first time the server's key is pinned; after that another key is a reason to stop.
if [ -s "$known_hosts" ]; then strict=yes; else strict=accept-new; fi

# sftp with the commands on stdin; output in $work/out, complaints in $work/err.
remote() {
    (
        cd -- "$work" &&
            sftp -o LogLevel=ERROR -P "${GATEWAY_PORT:-22}" -i "$key" -o IdentitiesOnly=yes -o BatchMode=yes \
                -o StrictHostKeyChecking=$strict -o "UserKnownHostsFile=\"$known_hosts\"" \
                -o GlobalKnownHostsFile=/dev/null -o ConnectTimeout=20 -o ServerAliveInterval=15 \
                -b - "$GATEWAY_LOGIN@$GATEWAY_HOST"
    ) >"$work/out" 2>"$work/err"
}
case $GATEWAY_KEY in /*) key=$GATEWAY_KEY ;; *) key=$PWD/$GATEWAY_KEY ;; esac
case $known_hosts in /*) ;; *) known_hosts=$PWD/$known_hosts ;; esac

# What is no use to try again: another host key than the pinned one, or a login that is not let in.
stop_if_denied() {
    if grep -Eq 'REMOTE HOST IDENTIFICATION HAS CHANGED|Host key verification failed' "$work/err"; then
        fail 5 "GEVAAR: de server heeft een andere sleutel. Bel de servicedesk. | DANGER: another host key."
    elif grep -Eq 'Permission denied \(publickey' "$work/err"; then
        fail 5 "$GATEWAY_LOGIN wordt niet toegelaten met deze sleutel | is not let in with this key"
    fi
}

# Names in the outbox and in opgehaald/, one a line, with opgehaald/ before the latter.
list_outbox() {
    remote <<END || return 1
cd /$municipality/outbox
ls -1
ls -1 opgehaald
END
    grep -Eo '^(opgehaald/)?[A-Z]{2}_[0-9]{4}_[A-Za-z0-9_-]+\.json$' "$work/out" >"$1" || :
}

# --- receipts -----------------------------------------------------------------------------------------------------

# Sets `receipt` when a receipt that was not in $work/before bears this file's SHA-256.
find_receipt() {
    receipt=
    list_outbox "$work/now" || return 1
    grep -E '(^|/)OB_.*_(ONTVANGEN|HERHALING)\.json$' "$work/now" | sed 's|.*/||' | sort -u >"$work/names"
    : >"$work/batch"
    while read -r each; do
        grep -Eq "(^|/)$each\$" "$work/before" && continue
        [ -f "$work/$each" ] && continue
        printf 'get /%s/outbox/%s %s\n' "$municipality" "$each" "$each" >>"$work/batch"
    done <"$work/names"
    if [ -s "$work/batch" ]; then
        remote <"$work/batch" || return 1
    fi
    while read -r each; do
        if [ -f "$work/$each" ] && grep -q "\"$digest\"" "$work/$each"; then
            receipt=$each
        fi
    done <"$work/names"
    [ -n "$receipt" ]
}

# A text field of a JSON file without nested quotes.
field() { sed -n "s/.*\"$1\" *: *\"\\([^\"]*\\)\".*/\\1/p" "$2" | head -n 1; }

# Sets `code`, `retry` and `sentence` to the newest refusal of this upload in status.json, if there is one: the first
# in its list. Its time is in whole seconds, too coarse to sort by. A refusal that came before the rename is told under
# the working name without its ending.
find_refusal() {
    code='' retry='' sentence=''
    remote <<END || return 1
get /$municipality/status.json status.json
END
    tr '\n' ' ' <"$work/status.json" | sed 's/}/}\
/g' | grep '"retry"' | grep -E "\"file\" *: *\"$name(\.$token)?\"" |
        head -n 1 >"$work/refusal"
    code=$(field code "$work/refusal")
    sentence="$(field nl "$work/refusal") | $(field en "$work/refusal")"
    grep -Eq '"retry" *: *true' "$work/refusal" && retry=yes
    [ -n "$code" ]
}

# --- delivering ---------------------------------------------------------------------------------------------------

until=$(($(date +%s) + ${GATEWAY_TIMEOUT:-600}))
pause=1
# Wait before the next attempt, ever longer; 1 when time is up. $1 is the longest wait.
rest() {
    left=$((until - $(date +%s)))
    [ "$left" -gt 0 ] || return 1
    [ "$pause" -lt "$left" ] || pause=$left
    sleep "$pause"
    pause=$((pause * 2))
    [ "$pause" -le "$1" ] || pause=$1
}

give_up() {
    fail 4 "$name: niet gelukt, probeer het later opnieuw | no success, try again later: $(tail -n 1 "$work/err")"
}

while ! list_outbox "$work/before"; do
    stop_if_denied
    if grep -Eq 'No such file|not found' "$work/err"; then
        fail 3 "GEWEIGERD: uw account ziet gemeente $municipality niet | REFUSED: your account does not see it"
    fi
    rest 60 || give_up
done

token=$(basename -- "$work" | tr -cd 'A-Za-z0-9')
pause=1
while :; do
    remote <<END && sent=yes || sent=
put $name /$municipality/$folder/$name.$token.filepart
rename /$municipality/$folder/$name.$token.filepart /$municipality/$folder/$name
END
    cp "$work/err" "$work/why"
    # Whatever sftp said: a receipt with this SHA-256 is the only proof, and it is proof enough.
    find_receipt && break
    if [ -z "$sent" ]; then
        cp "$work/why" "$work/err"
        stop_if_denied
        # "Permission denied" is how the gateway says that the same request will not do; "Failure" may pass.
        if grep -Eqi 'permission denied' "$work/why"; then
            find_refusal || sentence=$(tail -n 1 "$work/why")
            remote <<END || :
rm /$municipality/$folder/$name.$token.filepart
END
            [ -z "$retry" ] || fail 4 "$name: nu geweigerd | refused for now ($code). $sentence"
            fail 3 "$name: GEWEIGERD | REFUSED ($code). $sentence"
        fi
    fi
    rest 60 || give_up
done

drop=$(printf '%s\n' "$receipt" | sed -n 's/^OB_[0-9]*_ALLE_ALLE_\([0-9]*-[0-9a-f]*\)_.*/\1/p')
case $receipt in
    *_HERHALING.json)
        say "$name: was al ontvangen | had been received already, $drop"
        drop=$(field first_drop "$work/$receipt")
        ;;
    *) say "$name: ontvangen | received, $drop" ;;
esac
[ -n "$wait" ] || exit 0

# --- the verdict --------------------------------------------------------------------------------------------------

pause=1
while :; do
    if list_outbox "$work/now"; then
        grep -E "(^|/)TR_.*_${drop}_[A-Z-]+\.json\$" "$work/now" >"$work/verdicts"
        if [ -s "$work/verdicts" ]; then
            # A ZIP has a report for each file in it; they appear together, and all must be good.
            if grep -Evq '_(PROEF-)?GOEDGEKEURD\.json$' "$work/verdicts"; then
                fail 1 "$name: AFGEKEURD | REJECTED, $drop"
            fi
            say "$name: goedgekeurd | approved, $drop"
            exit 0
        fi
        if grep -Eq "(^|/)OB_.*_${drop}_AANGEHOUDEN\.json\$" "$work/now"; then
            fail 4 "$name: ontvangen, nog niet gecontroleerd | received, could not be checked yet, $drop"
        fi
    fi
    rest 10 || fail 4 "$name: ontvangen; nog geen technisch rapport | received; no technical report yet, $drop"
done
