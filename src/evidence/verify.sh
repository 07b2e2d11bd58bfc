#!/bin/sh
# Checks an export of Tieline's audit: for each day the file's SHA-256 and its number of lines, the signature, and the chain from day to day;
# and that no day is missing. It needs sha256sum, ssh-keygen (OpenSSH 8.1 or newer; 8.8 once another key
# signs) and nothing of Tieline.
# The key in allowed_signers came with the export: compare its fingerprint with the one that you wrote down or were sent before.
# Merkle roots are not checked here: `tieline audit verify DIR` does, on any machine.
cd "$(dirname "$0")" || exit 1
bad=0 days=0 unseen=0 last='' leaf=''
fail() { echo "$1"; bad=$((bad + 1)); }
# A key may have days: they are compared with the day that is signed, and not with today.
signed() {
    at=''
    if grep -q valid- allowed_signers; then at="-Overify-time=$(echo "$day" | tr -d -)120000"; fi
    # shellcheck disable=SC2086
    said=$(ssh-keygen -Y verify $at -f allowed_signers -I tieline -n audit@tieline -s "$1" < "$manifest" 2>&1) || return 1
    # the key that signed, of those that may
    case $said in *"$2"*) ;; *) return 1 ;; esac
}
of() { sed -n "s/^$1 //p" "$2"; }
ssh-keygen -l -f allowed_signers 2>/dev/null || awk '{ print $(NF-1), $NF }' allowed_signers | ssh-keygen -l -f -
for manifest in ????-??-??.manifest; do
    [ -e "$manifest" ] || { fail 'there is no manifest'; break; }
    day=${manifest%.manifest} days=$((days + 1))
    [ "$(of day "$manifest")" = "$day" ] || fail "$manifest: it is of another day"
    signed "$manifest.sig" "$(of key "$manifest")" || fail "$manifest: the signature is not valid"
    if [ -e "$manifest.former.sig" ]; then
        # without the day before, which key was the former one is not known: it is another one than that of this day
        signed "$manifest.former.sig" "${last:+$(of key "$last.manifest")}" || fail "$manifest: the signature of the former key is not valid"
        case $said in *"$(of key "$manifest")"*) fail "$manifest: the signature of the former key is of the same key" ;; esac
    elif [ -n "$last" ] && [ "$(of key "$manifest")" != "$(of key "$last.manifest")" ]; then
        echo "$day: another key signs from here on, and the former one did not sign this day: ask why"
    fi
    if [ -e "$day.jsonl" ]; then
        [ "$(sha256sum < "$day.jsonl" | cut -d ' ' -f 1)" = "$(of sha256 "$manifest")" ] || fail "$day.jsonl: it was changed"
        [ "$(grep -c '' "$day.jsonl")" = "$(of lines "$manifest")" ] || fail "$day.jsonl: the number of lines differs"
    else
        unseen=$((unseen + 1))
        echo "$day: there is no file of events; its $(of lines "$manifest") events are known by their hash only"
    fi
    if [ -n "$last" ]; then
        [ "$(of previous "$manifest")" = "$(sha256sum < "$last.manifest" | cut -d ' ' -f 1)" ] || fail "$manifest: it does not follow $last.manifest"
        [ "$(date -u -d "$last + 1 day" +%F 2>/dev/null || date -u -j -v+1d -f %F "$last" +%F)" = "$day" ] || fail "between $last and $day days are missing"
        [ "$(of first-leaf "$manifest")" = $((leaf + 1)) ] || fail "$manifest: its first leaf does not follow leaf $leaf"
    fi
    case $(of state "$manifest") in provisional*) echo "$day: it had not ended; this part of it is provisional" ;; esac
    last=$day leaf=$(of last-leaf "$manifest")
done
for file in ????-??-??.jsonl; do
    [ ! -e "$file" ] || [ -e "${file%.jsonl}.manifest" ] || fail "$file: there is no manifest of it"
done
echo "$days days up to $last, leaf $leaf; $unseen without their events; $bad problems"
[ "$bad" = 0 ]
