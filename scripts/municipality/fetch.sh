#!/bin/sh
# Bring the reports of the outbox home with OpenSSH's sftp, verified, each once.
#
# Does: for every municipality that the account sees, brings each report set into DIRECTORY/CODE, holds its files
#   against the SHA-256 that its JSON lists, and puts the JSON in place last. A set of which the JSON lies there and
#   whose files have the right checksum is skipped. With -c a set is acknowledged after that: it moves to opgehaald/.
# Needs: POSIX sh, OpenSSH 7.6 or newer (sftp), sha256sum or shasum, sed, grep, awk.
# Does not: acknowledge what it could not verify, or remove anything at home.

set -u
export LC_ALL=C

usage() {
    cat <<'HELP'
Usage: fetch.sh [-c] [-m CODE] [DIRECTORY]
  -c  acknowledge each report once it lies in DIRECTORY/CODE (default: reports), verified
  -m  only this municipality

Environment: GATEWAY_HOST, GATEWAY_LOGIN, GATEWAY_KEY (private key file), and if need be
  GATEWAY_PORT (22), GATEWAY_KNOWN_HOSTS (~/.config/gateway/known_hosts)

Exit codes: 0 nothing is wrong, also when there is nothing new; 1 a report does not match its checksums;
  2 wrong arguments; 4 try again later; 5 wrong host key or login
HELP
}

fail() { code=$1; shift; printf '%s\n' "$*" >&2; exit "$code"; }

confirm='' municipality=
while getopts cm:h option; do
    case $option in
        c) confirm=yes ;;
        m) municipality=$OPTARG ;;
        h) usage; exit 0 ;;
        *) usage >&2; exit 2 ;;
    esac
done
shift $((OPTIND - 1))
[ $# -le 1 ] || { usage >&2; exit 2; }
for needed in GATEWAY_HOST GATEWAY_LOGIN GATEWAY_KEY; do
    eval "value=\${$needed-}"
    [ -n "$value" ] || fail 2 "Zet | set $needed"
done
case $municipality in
    '' | [0-9][0-9][0-9][0-9]) ;;
    *) fail 2 "$municipality: geen gemeentecode | not a municipality's code" ;;
esac

directory=${1:-reports}
mkdir -p -- "$directory" || exit 4
directory=$(cd -- "$directory" && pwd) || exit 4
case $GATEWAY_KEY in /*) key=$GATEWAY_KEY ;; *) key=$PWD/$GATEWAY_KEY ;; esac
known_hosts=${GATEWAY_KNOWN_HOSTS:-${XDG_CONFIG_HOME:-$HOME/.config}/gateway/known_hosts}
case $known_hosts in /*) ;; *) known_hosts=$PWD/$known_hosts ;; esac
mkdir -p "$(dirname -- "$known_hosts")" || exit 4
# The first time the server's key is pinned; after that another key is a reason to stop.
if [ -s "$known_hosts" ]; then strict=yes; else strict=accept-new; fi

# On the same file system as the reports, so that putting them in place is a rename.
work=$directory/.fetch.$$
mkdir -m 700 -- "$work" || exit 4
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM

remote() {
    (
        cd -- "$work" &&
            sftp -o LogLevel=ERROR -P "${GATEWAY_PORT:-22}" -i "$key" -o IdentitiesOnly=yes -o BatchMode=yes \
                -o StrictHostKeyChecking=$strict -o "UserKnownHostsFile=\"$known_hosts\"" \
                -o GlobalKnownHostsFile=/dev/null -o ConnectTimeout=20 -o ServerAliveInterval=15 \
                -b - "$GATEWAY_LOGIN@$GATEWAY_HOST"
    ) >"$work/out" 2>"$work/err" && return 0
    if grep -Eq 'REMOTE HOST IDENTIFICATION HAS CHANGED|Host key verification failed' "$work/err"; then
        fail 5 "GEVAAR: de server heeft een andere sleutel. Bel de servicedesk. | DANGER: another host key."
    elif grep -Eq 'Permission denied \(publickey' "$work/err"; then
        fail 5 "$GATEWAY_LOGIN wordt niet toegelaten met deze sleutel | is not let in with this key"
    fi
    fail 4 "Niet gelukt, probeer het later opnieuw | No success, try again later: $(tail -n 1 "$work/err")"
}

checksum() {
    if command -v sha256sum >/dev/null 2>&1; then sha256sum <"$1"; else shasum -a 256 <"$1"; fi | sed 's/ .*//'
}

# Checksum and name of each file that a report's JSON lists, one a line; only names that belong to its set.
listed() {
    stem=$(basename -- "$1" .json)
    tr '\n' ' ' <"$1" | sed 's/[{}]/\
/g' | awk -v stem="$stem" '
        /"bytes"/ && match($0, /"name" *: *"[^"]*"/) {
            name = substr($0, RSTART, RLENGTH); sub(/^"name" *: *"/, "", name); sub(/"$/, "", name)
            if (index(name, stem ".") != 1 || name ~ /\//) next
            if (match($0, /"sha256" *: *"[0-9a-f]+"/)) {
                sum = substr($0, RSTART, RLENGTH); sub(/^"sha256" *: *"/, "", sum); sub(/"$/, "", sum)
                print sum, name
            }
        }'
}

# Whether the set of JSON $1 lies whole and right in folder $2.
is_right() {
    [ -f "$1" ] || return 1
    tail -n 1 "$1" | grep -q '}' || return 1
    listed "$1" >"$work/listed"
    [ -s "$work/listed" ] || return 1
    while read -r sum file; do
        [ -f "$2/$file" ] && [ "$(checksum "$2/$file")" = "$sum" ] || return 1
    done <"$work/listed"
}

if [ -z "$municipality" ]; then
    remote <<'END'
ls -1 /
END
    municipality=$(sed -n 's|^/*\([0-9][0-9][0-9][0-9]\)/*$|\1|p' "$work/out")
fi

wrong=0
for code in $municipality; do
    remote <<END
cd /$code/outbox
ls -1
END
    grep -Eo '^[A-Z]{2}_[0-9]{4}_[A-Za-z0-9_-]+\.json$' "$work/out" >"$work/sets" || continue
    home=$directory/$code
    mkdir -p -- "$home" || exit 4
    while read -r document; do
        stem=${document%.json}
        if ! is_right "$home/$document" "$home"; then
            # Every file of the set: `outbox/*` would also try the folder opgehaald/.
            remote <<END
get /$code/outbox/$stem.*
END
            if ! is_right "$work/$document" "$work"; then
                printf '%s\n' "$code/$stem: controlegetal klopt niet, niet bewaard | checksum is wrong, not kept" >&2
                rm -f -- "$work/$stem".*
                wrong=1
                continue
            fi
            while read -r _ file; do
                mv -f -- "$work/$file" "$home/$file" || exit 4
            done <"$work/listed"
            mv -f -- "$work/$document" "$home/$document" || exit 4
            printf '%s\n' "$code/$stem"
        fi
        [ -z "$confirm" ] || printf 'rm /%s/outbox/%s\n' "$code" "$document" >>"$work/confirmed"
    done <"$work/sets"
done

if [ -s "$work/confirmed" ]; then
    sync # what is acknowledged must survive a power cut here
    remote <"$work/confirmed"
fi
exit $wrong
