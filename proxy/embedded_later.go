package proxy

import (
	"fmt"
	"strings"
)

// later are commands that miniredis has and its table lacks: name, arity, flags,
// first key, last key and step.
const later = `acl -2 admin,noscript,loading,stale 0 0 0
blmove 6 write,noscript 1 2 1
bzmpop -5 write,noscript,movablekeys 0 0 0
copy -3 write,denyoom 1 2 1
delex -2 write,fast 1 1 1
eval_ro -3 noscript,movablekeys 0 0 0
evalsha_ro -3 noscript,movablekeys 0 0 0
expiretime 2 readonly,fast 1 1 1
geosearch -7 readonly 1 1 1
getdel 2 write,fast 1 1 1
getex -2 write,fast 1 1 1
hello -1 noscript,loading,stale,fast 0 0 0
hexpire -6 write,fast 1 1 1
hpersist -5 write,fast 1 1 1
hpttl -5 readonly,fast 1 1 1
hrandfield -2 readonly,random 1 1 1
hsetex -6 write,denyoom,fast 1 1 1
httl -5 readonly,fast 1 1 1
lmove 5 write,denyoom 1 2 1
lmpop -4 write,movablekeys 0 0 0
lpos -3 readonly 1 1 1
pexpiretime 2 readonly,fast 1 1 1
quit -1 noscript,loading,stale,fast 0 0 0
sintercard -3 readonly,movablekeys 0 0 0
smismember -3 readonly,fast 1 1 1
xautoclaim -6 write,fast 1 1 1
zinter -3 readonly,movablekeys 0 0 0
zmpop -4 write,movablekeys 0 0 0
zmscore -3 readonly,fast 1 1 1
zrandmember -2 readonly,random 1 1 1
zunion -3 readonly,movablekeys 0 0 0`

// laterEntry makes an entry of the table from a line of later.
func laterEntry(line string) tableEntry {
	f := strings.Fields(line)
	flags := strings.Split(f[2], ",")
	raw := fmt.Sprintf("*6\r\n$%d\r\n%s\r\n:%s\r\n*%d\r\n", len(f[0]), f[0], f[1], len(flags))
	for _, flag := range flags {
		raw += "+" + flag + "\r\n"
	}
	for _, position := range f[3:] {
		raw += ":" + position + "\r\n"
	}
	return tableEntry{name: f[0], raw: raw}
}
