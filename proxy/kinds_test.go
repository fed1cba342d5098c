package proxy

import (
	"bytes"
	"strings"
	"testing"
)

func TestKinds(t *testing.T) {
	table := newKindTable([]string{"SHUTDOWN", "Sync", "dkc.clear"}, false)
	for in, want := range map[string]kind{
		"GET a": plain, "get": plain, "NoSuchCommand": plain, "dk": plain, "DK.NOPE": plain, strings.Repeat("x", 100): plain,
		"DK.INC a": fromMemory, "dkc.get a": fromMemory, "DKS.INC a": fromRedis, "DK.SET a 1": fromRedis, "DKC.CLEAR": denied,
		"MULTI": opensMulti, "Exec": execs, "discard": discards, "RESET": resets, "hello 3": setsUp,
		"WATCH a": watches, "unwatch": unwatches,
		"SUBSCRIBE a": pumps, "sunsubscribe": pumps, "MONITOR": pumps, "psync": pumps, "sync": denied, "shutdown": denied,
		"CLIENT REPLY OFF": pumps, "client tracking on": pumps, "CLIENT": plain, "CLIENT ID": plain, "AUTH REPLY": setsUp,
		"client SetName x": setsUp, "CLIENT SETINFO a b": setsUp, "CLIENT NO-EVICT on": setsUp, "CLIENT NEW THING": keepsState,
		"SELECT 1": setsUp, "READONLY": setsUp, "QUIT": quits, "COMMAND DOCS": listsTable, "INFO": informs, "POST /": attacks, "host: x": attacks,
	} {
		got, cmd := table.of(bytes.Fields([]byte(in)))
		if got != want || (cmd != nil) != (got == fromMemory || got == fromRedis) {
			t.Errorf("%.40s: kind %d, command %v; want %d", in, got, cmd, want)
		}
	}
	if k, _ := table.of([][]byte{{}}); k != plain {
		t.Errorf("the empty name is of kind %d", k)
	}
}

func TestDeny(t *testing.T) {
	table := newKindTable([]string{"Config|SET", "client|kill", "DEBUG", "debug|sleep", "SlaveOf", "getrange", "acl|SETUSER", "a-container-with-a-very-long-name-indeed|x"}, false)
	for in, want := range map[string]string{
		"CONFIG SET a b": "config|set", "config sEt": "config|set", "CONFIG GET a": "", "CONFIG": "", "CONFIG SETX": "", "SET CONFIG": "",
		"client KILL x": "client|kill", "CLIENT ID": "", "CLIENT TRACKING ON": "",
		"DEBUG": "debug", "debug sleep 1": "debug", "DEBUG JMAP": "debug",
		"REPLICAOF a 1": "replicaof", "slaveof no one": "slaveof", "SUBSTR a 0 1": "substr", "GETRANGE a 0 1": "getrange",
		"ACL setuser x": "acl|setuser", "ACL WHOAMI": "", "A-container-with-a-very-long-name-indeed X": "a-container-with-a-very-long-name-indeed|x",
	} {
		args := bytes.Fields([]byte(in))
		k, _ := table.of(args)
		if (k == denied) != (want != "") {
			t.Errorf("%s: kind %d", in, k)
		}
		if k == denied && table.refusedName(args) != want {
			t.Errorf("%s: refused as %q, want %q", in, table.refusedName(args), want)
		}
	}
}

func TestKindsAllocateNothing(t *testing.T) {
	table := newKindTable(DefaultDeny, false)
	args := [][]byte{[]byte("GET"), []byte("a")}
	if n := testing.AllocsPerRun(100, func() { table.of(args) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
