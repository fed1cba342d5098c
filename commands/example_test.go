package commands_test

import (
	"fmt"

	"github.com/distkit/distkit-proxy/commands"
)

func ExampleCommand_Keys() {
	minc := commands.Lookup([]byte("DK.MINC"))
	keys, err := minc.Keys([][]byte{
		[]byte("DK.MINC"), []byte("page:home"), []byte("1"), []byte("IF"), []byte("LT"), []byte("100"), []byte("likes"), []byte("2"),
	})
	fmt.Printf("%s %q %v\n", minc.Name(), keys, err)
	// Output: dk.minc ["page:home" "likes"] <nil>
}
