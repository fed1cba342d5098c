package commands

import (
	"strconv"

	"github.com/distkit/distkit-proxy/engine"
)

// The errors a client gets for what it typed. The wording is Redis' own and
// part of the API: clients match it.
var (
	errNotInteger    = &engine.Error{Code: "ERR", Msg: "value is not an integer or out of range"}
	errSyntax        = &engine.Error{Code: "ERR", Msg: "syntax error"}
	errDecrOverflow  = &engine.Error{Code: "ERR", Msg: "decrement would overflow"}
	errCursor        = &engine.Error{Code: "ERR", Msg: "invalid cursor"}
	errGlob          = &engine.Error{Code: "ERR", Msg: "distkit: the glob is longer than " + strconv.Itoa(engine.MaxGlob) + " bytes"}
	errTooMany       = &engine.Error{Code: "ERR", Msg: "distkit: more than " + strconv.Itoa(MaxArgs) + " arguments in one command, its name included"}
	errUnobserved    = &engine.Error{Code: "ERR", Msg: "distkit: nothing is observed; start the proxy with --observe"}
	errHot           = &engine.Error{Code: "ERR", Msg: "distkit: DK.HOT lists 1 to " + strconv.Itoa(maxHot) + " keys"}
	errNoKeys        = &engine.Error{Code: "ERR", Msg: "The command has no key arguments"}
	errGetKeysArity  = &engine.Error{Code: "ERR", Msg: "Invalid number of arguments specified for command"}
	errGetKeysSyntax = &engine.Error{Code: "ERR", Msg: "Invalid arguments specified for command"}
)

// errItemCut is returned by parseItem for a key whose number is missing. It
// never reaches a client: the command's own arity error does.
var errItemCut = &engine.Error{Code: "ERR", Msg: "item cut short"}

// wrongArity is Redis' error for a command with too few or too many arguments.
func wrongArity(name string) *engine.Error {
	return &engine.Error{Code: "ERR", Msg: "wrong number of arguments for '" + name + "' command"}
}
