package hostile

import (
	"fmt"
	"math/rand/v2"
)

// typeBytes begin the values of RESP2 and RESP3.
const typeBytes = "+-:$*_#!=(,%~>|;."

// valid are commands whose reply is the same however often they are sent.
var valid = []string{
	Command("PING"), Command("ECHO", "hello"), Command("SET", "hostile:k", "v"), Command("MGET", "hostile:k", "hostile:none"), "PING\r\n", "ECHO \"a b\" \r\n",
}

// derived are inputs by the hundred: all bytes, all pairs of type bytes, valid
// commands with a bit turned or cut off, and noise.
func derived() []Input {
	var list []Input
	add := func(name, s string) { list = append(list, Input{Name: name, Bytes: []byte(s), Derived: true}) }
	for c := range 256 {
		add(fmt.Sprintf("byte %#02x", c), string([]byte{byte(c)}))
		add(fmt.Sprintf("byte %#02x in a line", c), "ECHO "+string([]byte{byte(c)})+"\r\nPING\r\n")
		if c != 0 { // see nul
			add(fmt.Sprintf("byte %#02x for a type", c), "*1\r\n"+string([]byte{byte(c)})+"4\r\nPING\r\n")
		}
	}
	for _, a := range []byte(typeBytes) {
		for _, b := range []byte(typeBytes) {
			add(fmt.Sprintf("types %c%c", a, b), string([]byte{a, b})+"\r\n"+string([]byte{a})+"1\r\n"+string([]byte{b})+"1\r\nx\r\n")
		}
	}
	for _, cmd := range valid {
		for i := range len(cmd) {
			add(fmt.Sprintf("%.20q cut at %d", cmd, i+1), cmd[:i+1])
			for bit := range 8 {
				turned := []byte(cmd + "PING\r\n")
				turned[i] ^= 1 << bit
				add(fmt.Sprintf("%.20q with bit %d of %d turned", cmd, bit, i), string(turned))
			}
		}
	}
	for seed := range uint64(300) {
		add(fmt.Sprintf("noise %d", seed), Noise(seed))
	}
	return list
}

// Noise is random bytes, of three kinds: any, those that RESP is made of, and
// pieces of commands in no order. The seed gives the kind, the length and the bytes.
func Noise(seed uint64) string {
	rng := rand.New(rand.NewPCG(seed, 1))
	var out []byte
	for n := 1 + rng.IntN(400); len(out) < n; {
		switch seed % 3 {
		case 0:
			out = append(out, byte(rng.Uint32()))
		case 1:
			const alphabet = "*$\r\n\r\n\r\n0123456789-+:\"'\\ x\t"
			out = append(out, alphabet[rng.IntN(len(alphabet))])
		default:
			pieces := [...]string{"*1\r\n", "*2\r\n", "$4\r\n", "PING", "\r\n", "PING\r\n", "$-1\r\n", "$0\r\n", "*0\r\n", "ECHO ", "a", "\"", "'"}
			out = append(out, pieces[rng.IntN(len(pieces))]...)
		}
	}
	return string(out)
}
