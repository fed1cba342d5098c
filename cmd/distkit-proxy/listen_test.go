package main

import (
	"net"
	"path/filepath"
	"testing"
)

func TestStaleSocketIsReplaced(t *testing.T) {
	sock := filepath.Join(t.TempDir(), "s")
	old, err := net.ListenUnix("unix", &net.UnixAddr{Name: sock})
	if err != nil {
		t.Fatal(err)
	}
	old.SetUnlinkOnClose(false) // as if it had been killed
	old.Close()
	lns, err := listen([]string{"unix://" + sock})
	if err != nil {
		t.Fatal(err)
	}
	closeAll(lns)
}

func TestLiveSocketIsLeftAlone(t *testing.T) {
	sock := filepath.Join(t.TempDir(), "s")
	live, err := net.Listen("unix", sock)
	if err != nil {
		t.Fatal(err)
	}
	defer live.Close()
	_, err = listen([]string{"127.0.0.1:0", "unix://" + sock})
	if want := `listen "unix://` + sock + `": the address is already in use; name another with --listen`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	conn, err := net.Dial("unix", sock)
	if err != nil {
		t.Fatalf("the live socket is gone: %v", err)
	}
	conn.Close()
}
