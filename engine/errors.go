package engine

import "errors"

// Error is a failure whose text may be sent to a client as it is: Code is the
// first word of a RESP error, Msg the rest.
type Error struct {
	Code, Msg string
}

func (e *Error) Error() string { return e.Code + " " + e.Msg }

// Errors the engine returns. All are safe to show to clients.
var (
	// ErrOverflow is returned when a total or slice would leave the signed
	// 64-bit range. Nothing has changed then. The wording is Redis'.
	ErrOverflow = &Error{"ERR", "increment or decrement would overflow"}
	// ErrNotInteger is returned for a counter whose value in Redis is not a
	// canonical signed 64-bit integer. The wording is Redis'.
	ErrNotInteger = &Error{"ERR", "hash value is not an integer"}
	// ErrLoading is returned for what needs Redis while Redis cannot be
	// reached; nothing has changed. Client libraries retry it.
	ErrLoading = &Error{"LOADING", "distkit: Redis cannot be reached, and this counter is not in memory"}
	// ErrUnavailable is returned by strict verbs when Redis could not be
	// reached and the command was certainly not executed.
	ErrUnavailable = &Error{"LOADING", "distkit: Redis cannot be reached; the command was not executed"}
	// ErrUnknown is returned when a command was sent and its reply never came.
	ErrUnknown = &Error{"ERR", "distkit: no reply from Redis in time; the outcome is unknown"}
	// ErrUnreplicated is returned by strict verbs when Redis has carried the command
	// out and fewer replicas than Options.WaitReplicas said in time that they have it.
	ErrUnreplicated = &Error{"ERR", "distkit: Redis did it and too few replicas confirmed it in time; the outcome is unknown"}
	// ErrFlushTimeout is returned when Redis did not take a flush in time. What
	// was accepted stays in memory and goes on being flushed.
	ErrFlushTimeout = &Error{"ERR", "distkit: Redis did not take the flush in time; it goes on"}
	// ErrTooManyPending is returned past --max-pending: accepting the increment
	// would grow what is buffered. Nothing has changed.
	ErrTooManyPending = &Error{"OOM", "distkit: too many counters are waiting for Redis; the increment was refused"}
	// ErrPendingTooOld is returned past --max-pending-age. Nothing has changed.
	ErrPendingTooOld = &Error{"OOM", "distkit: increments have been waiting for Redis for too long; the increment was refused"}
	// ErrUnkept is returned while the journal cannot be written. Nothing has changed.
	ErrUnkept = &Error{"MISCONF", "distkit: the journal cannot be written; the increment was refused"}
	// ErrClosed is returned once the engine has stopped.
	ErrClosed = &Error{"LOADING", "distkit: the proxy is shutting down"}
)

// ErrSettings matches, by errors.Is, an error that says that this proxy's number
// of partitions or dead_after differs from what is recorded in Redis.
var ErrSettings = errors.New("engine: settings differ from the recorded ones")

// settingsError is an Error that is ErrSettings.
type settingsError struct{ text Error }

func (e *settingsError) Error() string { return e.text.Error() }

func (e *settingsError) Is(target error) bool { return target == ErrSettings }

// As makes it an *Error for whoever asks for one.
func (e *settingsError) As(target any) bool {
	if into, ok := target.(**Error); ok {
		*into = &e.text
		return true
	}
	return false
}
