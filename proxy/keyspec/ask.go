package keyspec

import "strings"

// Question is the command that asks Redis for the keys of another, as go-redis'
// Do takes it.
func Question(args [][]byte) []any {
	q := make([]any, 0, 2+len(args))
	q = append(q, "COMMAND", "GETKEYS")
	for _, arg := range args {
		q = append(q, arg)
	}
	return q
}

// noKeys is in Redis' error when a command touches no key.
const noKeys = "no key arguments"

// ParseKeys reads the reply to Question, an array of strings, or the error. It
// reports false if that does not tell the keys: the command is loose everywhere.
func ParseKeys(reply any, err error) (keys [][]byte, ok bool) {
	if err != nil {
		return nil, strings.Contains(err.Error(), noKeys)
	}
	list, ok := reply.([]any)
	if !ok {
		return nil, false
	}
	for _, item := range list {
		key, ok := item.(string)
		if !ok {
			return nil, false
		}
		keys = append(keys, []byte(key))
	}
	return keys, true
}
