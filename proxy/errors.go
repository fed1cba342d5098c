package proxy

// Replies to clients; what Redis has a wording for is worded as by Redis.
const (
	errMaxClients = "-ERR max number of clients reached\r\n"
	errNoRedis    = "-LOADING distkit: Redis cannot be reached\r\n"
	errInMulti    = "-ERR distkit: DK commands are not allowed in MULTI\r\n"
	replyOK       = "+OK\r\n"

	errNoAuth      = "-NOAUTH Authentication required.\r\n"
	errNoAuthHello = "-NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time\r\n"

	// subscribersMay begins the refusal of what RESP2's subscribed mode does not allow.
	subscribersMay = "-ERR Can't execute '"

	errNoKey     = "-NOPERM this user has no permissions to access one of the keys used as arguments\r\n"
	errUntold    = "-NOPERM distkit: Redis does not tell what this user may do\r\n"
	errDisguised = "-NOPERM distkit: after AUTH in MULTI or without a reply, or HELLO with AUTH that failed half done, this connection has no DK commands before the next AUTH\r\n"

	errNoProto      = "-NOPROTO unsupported protocol version\r\n"
	errHelloVersion = "-ERR Protocol version is not an integer or out of range\r\n"
	errClientName   = "-ERR Client names cannot contain spaces, newlines or special characters.\r\n"
)

// noCommand is the reply to a user who may not run the command of Redis' that is
// the same as one of ours.
func noCommand(name string) string {
	return "-NOPERM this user has no permissions to run the '" + name + "' command\r\n"
}

// refusal is the reply to a command of the deny list.
func refusal(name string) string {
	return "-NOPERM distkit: '" + name + "' is refused by this proxy\r\n"
}

// reply is the error reply to a violation, or "" for one that is not answered.
func (e protocolError) reply() string {
	if e == errBigQuery {
		return ""
	}
	return "-ERR Protocol error: " + string(e) + "\r\n"
}
