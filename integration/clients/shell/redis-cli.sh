#!/usr/bin/env bash
# redis-cli, and with it hiredis, as people use it.
set -euo pipefail

patience=20 # seconds for anything that takes time

cli() { redis-cli -u "$REDIS_URL" "$@"; }
passed() { echo "passed $1"; }

# equal GOT WANT
equal() {
	[ "$1" = "$2" ] || {
		printf 'line %s: got %q, want %q\n' "${BASH_LINENO[0]}" "$1" "$2" >&2
		exit 1
	}
}

# until_true WHAT COMMAND...
until_true() {
	local what=$1 end=$((SECONDS + patience))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || { echo "$what: not within $patience s" >&2 && exit 1; }
		sleep 0.05
	done
}

get_set() {
	equal "$(cli set "$1" välue ex 100)" OK
	equal "$(cli --raw get "$1")" välue
	equal "$(cli get "$1:missing")" ""
	cli hset "$1:hash" a 1 b 2 >/dev/null
	equal "$(cli -3 hgetall "$1:hash" | tr '\n' ' ')" 'a 1 b 2 '
	equal "$(cli -3 --no-raw hgetall "$1:hash" | head -1)" '1# "a" => "1"'
	equal "$(cli incr "$1" || true)" "ERR value is not an integer or out of range"
	equal "$(cli --scan --pattern "$1*" | sort | tr '\n' ' ')" "$1 $1:hash "
}

# Mass insertion, and commands one after the other from standard input.
pipeline() {
	local i
	for ((i = 0; i < 1000; i++)); do printf '*2\r\n$4\r\nINCR\r\n$%d\r\n%s\r\n' "${#1}" "$1"; done |
		cli --pipe | tail -1 | { read -r line && equal "$line" "errors: 0, replies: 1000"; }
	equal "$(cli get "$1")" 1000
	equal "$(printf 'incr %s\nincr %s\n' "$1" "$1" | cli | tr '\n' ' ')" "1001 1002 "
}

transaction() {
	equal "$(printf 'set %s 1\nwatch %s\nmulti\nincr %s\nget %s\nexec\n' "$1" "$1" "$1" "$1" | cli | tr '\n' ' ')" \
		"OK OK OK QUEUED QUEUED 2 2 "
	# One that loses: its key changes after WATCH.
	local session out
	coproc session { cli; }
	exec 7>&"${session[1]}" 8<&"${session[0]}"
	echo "watch $1" >&7 && read -r out <&8 && equal "$out" OK
	cli incr "$1" >/dev/null
	printf 'multi\nset %s 10\nexec\nget %s\n' "$1" "$1" >&7
	read -r out <&8 && equal "$out" OK
	read -r out <&8 && equal "$out" QUEUED
	read -r out <&8 && equal "$out" ""
	read -r out <&8 && equal "$out" 3
	exec 7>&- 8<&-
	eval "exec ${session[1]}>&-"
	wait "$session_PID"
}

subscribers() { [ "$(cli pubsub numsub "$1" | tail -1)" = "$2" ]; }

publish_subscribe() {
	local out i
	exec 8< <(exec redis-cli -u "$REDIS_URL" subscribe "$1")
	local subscriber=$!
	for i in subscribe "$1" 1; do read -r -t "$patience" out <&8 && equal "$out" "$i"; done
	for i in 1 2 3; do equal "$(cli publish "$1" "$i")" 1; done
	for i in 1 2 3; do
		for out in message "$1" "$i"; do read -r -t "$patience" got <&8 && equal "$got" "$out"; done
	done
	kill "$subscriber"
	exec 8<&-
	until_true "no subscriber" subscribers "$1" 0
}

monitor() {
	exec 8< <(exec redis-cli -u "$REDIS_URL" monitor)
	local watcher=$! out
	read -r -t "$patience" out <&8 && equal "$out" OK
	cli get "$1" >/dev/null
	until_true "the command" seen "\"get\" \"$1\""
	kill "$watcher"
	exec 8<&-
}

seen() {
	local out
	read -r -t "$patience" out <&8 && [[ $out == *"$1"* ]]
}

is_blocked() { ! cli info clients | grep -q '^blocked_clients:0'; }

blocking_pop() {
	equal "$(cli blpop "$1" 0.05)" ""
	exec 8< <(exec redis-cli -u "$REDIS_URL" blpop "$1" "$patience")
	until_true "a blocked client" is_blocked
	cli rpush "$1" job >/dev/null
	local out
	read -r -t "$patience" out <&8 && equal "$out" "$1"
	read -r -t "$patience" out <&8 && equal "$out" job
	exec 8<&-
}

add() { cli evalsha "$sha" 1 "$1" 5 2>&1; }

script() {
	local text="return redis.call('INCRBY', KEYS[1], ARGV[1])" sha
	sha=$(cli script load "$text")
	equal "$(add "$1")" 5
	cli script flush >/dev/null
	[[ $(add "$1" || true) == NOSCRIPT* ]]
	equal "$(cli eval "$text" 1 "$1" 5)" 10
	equal "$(cli --eval <(echo "$text") "$1" , 5)" 15
}

counters() {
	equal "$(cli dkc.inc total)" "$2"
	equal "$(cli dk.inc "c$2" 3 | tr '\n' ' ')" "3 3 "
	equal "$(cli -3 dk.get "c$2" | tr '\n' ' ')" "3 3 "
	equal "$(printf 'dkc.inc %s\nset x y\ndkc.get %s\n' "$1" "$1" | cli | tr '\n' ' ')" "1 OK 1 "
}

steps() {
	local step
	for step in get_set pipeline transaction publish_subscribe monitor blocking_pop script; do
		"$step" "$step:$1"
		passed "$step"
	done
	if [ "$COUNTERS" = yes ]; then
		counters "counters$1" "$1"
		passed counters
	fi
}

# One session that lives through the restart.
served() {
	local out
	echo "get restarts" >&5
	while read -r -t 0.2 out <&6; do [ "$out" != 1 ] || return 0; done
	return 1
}

echo "library redis-cli $(redis-cli --version | cut -d' ' -f2)"
echo "runtime bash ${BASH_VERSION%%(*}"
equal "$(cli ping)" PONG
passed connect
pipe=$(mktemp -u)
mkfifo "$pipe"
exec 6< <(exec redis-cli -u "$REDIS_URL" <"$pipe" 2>&1)
exec 5>"$pipe"
rm "$pipe"
steps 1
echo restart
until_true "served again" served
passed restart
exec 5>&- 6<&-
steps 2
echo done
