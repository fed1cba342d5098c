package proxy

// Replies to clients; what Redis has a wording for is worded as by Redis.
const (
	errMaxClients = "-ERR max number of clients reached\r\n"
	errNoRedis    = "-LOADING distkit: Redis cannot be reached\r\n"
	errInMulti    = "-ERR distkit: DK commands are not allowed in MULTI\r\n"
	replyOK       = "+OK\r\n"

	errNoAuth      = "-NOAUTH Authentication required.\r\n"
	errNoAuthHello = "-NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time\r\n"

	errNoProto      = "-NOPROTO unsupported protocol version\r\n"
	errHelloVersion = "-ERR Protocol version is not an integer or out of range\r\n"
	errClientName   = "-ERR Client names cannot contain spaces, newlines or special characters.\r\n"
)

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
