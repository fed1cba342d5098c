package keyspec

import "bytes"

// refine reads the arguments of the commands that say more in them than key
// specifications can tell.
func (a *Answer) refine(r reading, args [][]byte) {
	switch r {
	case asSort:
		a.refineSort(args)
	case asMove:
		if len(args) == 3 {
			a.other(args[1], args[2])
		}
	case asCopy:
		a.refineCopy(args)
	case asSwap:
		if len(args) == 3 {
			a.otherWhole(args[1])
			a.otherWhole(args[2])
		}
	}
}

// refineSort reads SORT and SORT_RO as Redis does: STORE names a key, and a
// pattern with * in it stands for any.
func (a *Answer) refineSort(args [][]byte) {
	for i := 2; i+1 < len(args); i++ {
		switch {
		case is(args[i], "limit"):
			i += 2
		case is(args[i], "store"):
			i++
			a.Keys = append(a.Keys, args[i])
		case is(args[i], "by"), is(args[i], "get"):
			i++
			if bytes.IndexByte(args[i], '*') >= 0 {
				a.Loose = Here
			}
		}
	}
}

// refineCopy is COPY source destination [DB db] [REPLACE]; the last DB counts.
func (a *Answer) refineCopy(args [][]byte) {
	var db []byte
	for i := 3; i+1 < len(args); i++ {
		if is(args[i], "db") {
			i++
			db = args[i]
		}
	}
	if db != nil {
		a.other(args[2], db)
	}
}

// other adds a key of a database, unless that is no number and so refused.
func (a *Answer) other(key, database []byte) {
	if db, ok := number(database); ok && db >= 0 {
		a.Others = append(a.Others, Other{DB: db, Key: key})
	}
}

func (a *Answer) otherWhole(database []byte) {
	if db, ok := number(database); ok && db >= 0 {
		a.Others = append(a.Others, Other{DB: db, Whole: true})
	}
}
