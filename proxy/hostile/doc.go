// Package hostile is a collection of what should never be sent to a Redis, and
// is: by broken clients, by other protocols, by scanners and by enemies. Tests
// send it, and fuzzing begins with it. Nothing else imports it.
//
//	for _, in := range hostile.Requests() { … in.Bytes … }
//
// What Redis answers to a request is not written down: tests ask a real one. The
// few inputs that it must not be compared by say why in Differs.
package hostile
