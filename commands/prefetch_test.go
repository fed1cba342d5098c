package commands

import (
	"bytes"
	"strings"
	"testing"

	"github.com/distkit/distkit-proxy/engine"
)

func TestPrefetchCollects(t *testing.T) {
	var batch [][][]byte
	for line := range strings.Lines(`DK.INC a
		SET other 1
		DK.GET a
		dk.mget ns:b c
		DKC.GET p
		DK.SET strictlyspeaking 1
		DKS.GET strict
		DKCS.MINC strict 1
		DK.MINC d 1 IF EQ 0 e 2
		DK.MINC cut 1 f
		DK.GET too many
		DK.MGET fine bad:key:here
		DK.ID
		DK.CLEAR
		DKC.DEC q 5
		DKC.MGETI none
		DK.SETI g 1`) {
		batch = append(batch, bytes.Fields([]byte(line)))
	}
	batch = append(batch, nil)

	var s prefetchSlots
	for _, args := range batch {
		s.collect(&engine.Engine{}, args)
	}
	for family, want := range map[engine.Family]string{
		engine.LaxInstance: "a b c d e g",
		engine.LaxPlain:    "p q",
	} {
		var got []string
		for _, k := range s.keys[family] {
			got = append(got, string(k.Counter))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %s, want %s", family, got, want)
		}
	}
	for _, family := range []engine.Family{engine.StrictInstance, engine.StrictPlain} {
		if len(s.keys[family]) > 0 {
			t.Errorf("%s: %d keys", family, len(s.keys[family]))
		}
	}
}

func TestPrefetchKeepsNoRequest(t *testing.T) {
	var s prefetchSlots
	e := &engine.Engine{}
	s.collect(e, words("DK.MGET", "a", "b", "c"))
	s.collect(e, words("DK.MGET", "d", "e:f:g"))
	s.release()
	for _, k := range s.keys[engine.LaxInstance][:cap(s.keys[engine.LaxInstance])] {
		if k.Counter != nil {
			t.Errorf("%s is still there", k.Counter)
		}
	}
	for _, r := range s.raw[:cap(s.raw)] {
		if r != nil {
			t.Errorf("%s is still there", r)
		}
	}
}
