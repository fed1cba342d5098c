package integration

import (
	"bufio"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// shape takes from replies what may differ between two servers, and says why it may.
type shape struct {
	why string
	of  func(frame string) string
}

// Reasons that several commands share.
const (
	clock      = "it tells the time"
	order      = "Redis has no order for these, and each process its own"
	chance     = "it is made up by chance"
	process    = "it tells of the process, its memory or its clients"
	timing     = "it tells how long things took"
	spliced    = "the proxy adds its own commands"
	ownSection = "the proxy adds a section, and the rest tells of the process"
)

// shapes has the commands whose replies are not compared as bytes. An error is,
// whatever the command.
var shapes = map[string]shape{
	"time":                 {clock, digits},
	"lastsave":             {clock, digits},
	"pttl":                 {clock, pttl},
	"object|idletime":      {clock, digits},
	"xinfo|consumers":      {clock, numbers},
	"xpending":             {clock, numbers},
	"xadd":                 {"an id that Redis makes is the time", streamID},
	"hello":                {"it has the connection's id", helloID},
	"client|id":            {"it is the connection's id", digits},
	"client|info":          {process, fieldNames},
	"client|list":          {process, fieldNames},
	"client|getredir":      {"it is a connection's id", ids},
	"client|trackinginfo":  {"it has a connection's id", ids},
	"acl|genpass":          {chance, length},
	"acl|log":              {clock, numbers},
	"lolwut":               {chance, kindOnly},
	"randomkey":            {chance, kindOnly},
	"keys":                 {order, sorted},
	"smembers":             {order, sorted},
	"sinter":               {order, sorted},
	"sunion":               {order, sorted},
	"sdiff":                {order, sorted},
	"sscan":                {order, sorted},
	"scan":                 {order, sorted},
	"pubsub|shardchannels": {order, sorted},
	"exec":                 {"HELLO in it has the connection's id", helloID},
	"pubsub|channels":      {order, sorted},
	"config|get":           {order, sorted},
	"function|list":        {order, sorted},
	"acl|cat":              {order, sorted},
	"info":                 {ownSection, infoFields},
	"command":              {spliced, commandTable},
	"command|count":        {spliced, kindOnly},
	"command|list":         {spliced, commandTable},
	"command|docs":         {spliced, commandTable},
	"command|info":         {spliced, commandTable},
	"memory|usage":         {process, kindOnly},
	"memory|doctor":        {process, kindOnly},
	"memory|stats":         {process, kindOnly},
	"memory|malloc-stats":  {process, kindOnly},
	"slowlog|get":          {timing, kindOnly},
	"slowlog|len":          {timing, kindOnly},
	"latency|doctor":       {timing, kindOnly},
	"latency|latest":       {timing, kindOnly},
	"latency|reset":        {timing, kindOnly},
	"latency|history":      {timing, kindOnly},
	"latency|histogram":    {timing, kindOnly},
	"cluster|myid":         {chance, kindOnly},
}

// shapeOf is the name under which a command is in the table of shapes.
func shapeOf(args []string) string {
	name := strings.ToLower(args[0])
	if len(args) > 1 {
		if sub := name + "|" + strings.ToLower(args[1]); shapes[sub].of != nil {
			return sub
		}
	}
	return name
}

// brokenRedirect is a push with the id of the connection that is gone.
const brokenRedirect = "tracking-redir-broken"

// shaped is the reply as it is compared.
func (r replied) shaped() string {
	switch {
	case strings.HasPrefix(r.frame, "-"):
		return r.frame
	case r.args == nil && strings.Contains(r.frame, brokenRedirect):
		return digits(r.frame)
	case r.args == nil:
		return r.frame
	}
	if s, found := shapes[shapeOf(r.args)]; found {
		return s.of(r.frame)
	}
	return r.frame
}

func kindOnly(frame string) string { return frame[:1] }

func length(frame string) string { return frame[:1] + strconv.Itoa(len(frame)) }

var (
	anyNumber = regexp.MustCompile(`\d+`)
	integers  = regexp.MustCompile(`(?m)^:\d+`)
	someID    = regexp.MustCompile(`(?m)^:[1-9]\d*`)
)

func digits(frame string) string { return anyNumber.ReplaceAllString(frame, "9") }

func numbers(frame string) string { return integers.ReplaceAllString(frame, ":9") }

func ids(frame string) string { return someID.ReplaceAllString(frame, ":9") }

func helloID(frame string) string { return clientID.ReplaceAllString(frame, "id\r\n:?") }

// pttl is exact where it says that there is none.
func pttl(frame string) string {
	if strings.HasPrefix(frame, ":-") {
		return frame
	}
	return digits(frame)
}

// streamID is exact but for ids that are the time, which have 13 digits.
func streamID(frame string) string {
	return millisecond.ReplaceAllString(frame, "<time>-")
}

var millisecond = regexp.MustCompile(`\d{13}-`)

var fieldValue = regexp.MustCompile(`=[^ \n]*`)

// fieldNames are the names in lines of name=value.
func fieldNames(frame string) string {
	line, _, _ := strings.Cut(frame[1:], "\r\n")
	lines := strings.Split(strings.TrimPrefix(frame[1+len(line):], "\r\n"), "\n")
	return frame[:1] + fieldValue.ReplaceAllString(lines[0], "=")
}

var (
	infoNames = regexp.MustCompile(`(?m)^(# \w+|\w+:)`)
	ofTheData = regexp.MustCompile(`^(db\d|cmdstat_|errorstat_|latency_percentiles_)`)
)

// infoFields are the sections' and the fields' names, those of the data apart.
func infoFields(frame string) string {
	text, _, _ := strings.Cut(frame, "# distkit\r\n")
	var names []string
	for _, name := range infoNames.FindAllString(text, -1) {
		if !ofTheData.MatchString(name) {
			names = append(names, name)
		}
	}
	return frame[:1] + strings.Join(names, " ")
}

// sorted has the items of an array, a set or a map in order, and those of an
// array or set that is its last item.
func sorted(frame string) string {
	items := itemsOf(frame)
	if items == nil {
		return frame
	}
	for i, item := range items {
		items[i] = sorted(item)
	}
	if frame[0] == '%' {
		pairs := make([]string, 0, len(items)/2)
		for i := 0; i+1 < len(items); i += 2 {
			pairs = append(pairs, items[i]+items[i+1])
		}
		items = pairs
	}
	slices.Sort(items)
	return fmt.Sprintf("%c%d\r\n%s", frame[0], len(items), strings.Join(items, ""))
}

// commandTable is sorted, without the proxy's commands.
func commandTable(frame string) string {
	items := itemsOf(frame)
	var theirs []string
	for i := 0; i < len(items); i++ {
		entry := items[i]
		if frame[0] == '%' || i+1 < len(items) && items[i+1][0] == '*' && entry[0] == '$' {
			i++
			entry += items[i]
		}
		if !ourEntry.MatchString(entry) {
			theirs = append(theirs, inOrder(entry))
		}
	}
	slices.Sort(theirs)
	return frame[:1] + strings.Join(theirs, "")
}

var ourEntry = regexp.MustCompile(`^(\*\d+\r\n)?\$\d+\r\ndkc?s?\.`)

// inOrder is sorted for several replies, one behind the other.
func inOrder(frames string) string {
	var b strings.Builder
	in := bufio.NewReader(strings.NewReader(frames))
	for {
		frame, err := readFrame(in)
		if err != nil {
			return b.String()
		}
		b.WriteString(sorted(frame))
	}
}
