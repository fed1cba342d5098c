package journal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// version is that of the format; a log with a higher one is refused.
const version = 1

const (
	fileMagic  = "DKJOURNL"
	blockMagic = "DKjb"

	fileHeader  = 28
	blockHeader = 12
	// prefix stands before the records of a block: its header and its kind.
	prefix = blockHeader + 1
)

// Flags of a segment.
const (
	flagGap   = 1 << iota // what was appended before it is not all in the segments before it
	flagFirst             // nothing is needed of the segments before it
)

// Kinds of a block.
const (
	kindRecords = 0
	kindWhole   = 1 // what is needed of the segments before has been stated anew
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// makeHeader is the beginning of a segment.
func makeHeader(number uint64, flags uint32) []byte {
	b := make([]byte, 0, fileHeader)
	b = append(b, fileMagic...)
	b = binary.LittleEndian.AppendUint32(b, version)
	b = binary.LittleEndian.AppendUint32(b, flags)
	b = binary.LittleEndian.AppendUint64(b, number)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// seal fills in the header of a block that stands in b, at an offset of a segment.
func seal(b []byte, kind byte, number uint64, offset int64) {
	copy(b, blockMagic)
	binary.LittleEndian.PutUint32(b[4:], uint32(len(b)-blockHeader))
	b[blockHeader] = kind
	binary.LittleEndian.PutUint32(b[8:], checksum(b[blockHeader:], number, offset))
}

func checksum(payload []byte, number uint64, offset int64) uint32 {
	var place [20]byte
	binary.LittleEndian.PutUint64(place[:], number)
	binary.LittleEndian.PutUint64(place[8:], uint64(offset))
	binary.LittleEndian.PutUint32(place[16:], uint32(len(payload)))
	return crc32.Update(crc32.Checksum(place[:], castagnoli), castagnoli, payload)
}

// segment is what a file of the log holds.
type segment struct {
	number uint64
	gap    bool
	whole  bool // the mark of Whole is in it
	blocks []block
	torn   int64 // the offset at which it breaks off; -1: it does not
}

type block struct {
	offset  int64
	records []byte
}

// damage is why a segment cannot be used.
type damage struct {
	offset int64
	reason string
}

func (d *damage) Error() string { return fmt.Sprintf("offset %d: %s", d.offset, d.reason) }

// parse reads a segment. Blocks alias data.
func parse(number uint64, data []byte) (*segment, error) {
	s := &segment{number: number, torn: -1}
	if err := s.parseHeader(data); err != nil {
		return nil, err
	}
	if s.torn >= 0 {
		return s, nil
	}
	for at := int64(fileHeader); at < int64(len(data)); {
		payload := blockAt(number, data, at)
		if payload == nil {
			if next := goodBlock(number, data, at+1); next >= 0 {
				return nil, &damage{at, fmt.Sprintf("the record there is damaged, and there are good ones behind it, from offset %d", next)}
			}
			s.torn = at
			return s, nil
		}
		switch payload[0] {
		case kindRecords:
			s.blocks = append(s.blocks, block{at, payload[1:]})
		case kindWhole:
			s.whole = true
		default:
			return nil, &damage{at, fmt.Sprintf("a record of the unknown kind %d", payload[0])}
		}
		at += blockHeader + int64(len(payload))
	}
	return s, nil
}

func (s *segment) parseHeader(data []byte) error {
	good := len(data) >= fileHeader && string(data[:8]) == fileMagic &&
		crc32.Checksum(data[:fileHeader-4], castagnoli) == binary.LittleEndian.Uint32(data[fileHeader-4:])
	switch {
	case !good && goodBlock(s.number, data, 0) >= 0:
		return &damage{0, "the header is damaged, and there are good records behind it"}
	case !good:
		s.torn = 0
		return nil
	}
	if v := binary.LittleEndian.Uint32(data[8:]); v > version {
		return fmt.Errorf("it was written by a newer version of the program (format %d, this one knows %d)", v, version)
	}
	flags := binary.LittleEndian.Uint32(data[12:])
	s.gap, s.whole = flags&flagGap != 0, flags&flagFirst != 0
	if number := binary.LittleEndian.Uint64(data[16:]); number != s.number {
		return &damage{16, fmt.Sprintf("it is segment %d by its header", number)}
	}
	return nil
}

// blockAt is the payload of the block at an offset, or nil if there is no good one.
func blockAt(number uint64, data []byte, at int64) []byte {
	b := data[at:]
	if len(b) < prefix || string(b[:4]) != blockMagic {
		return nil
	}
	length := int64(binary.LittleEndian.Uint32(b[4:]))
	if length < 1 || length > int64(len(b)-blockHeader) {
		return nil
	}
	payload := b[blockHeader : blockHeader+length]
	if checksum(payload, number, at) != binary.LittleEndian.Uint32(b[8:]) {
		return nil
	}
	return payload
}

// goodBlock is the offset of the first good block at or behind an offset, or -1.
func goodBlock(number uint64, data []byte, from int64) int64 {
	for from < int64(len(data)) {
		i := bytes.Index(data[from:], []byte(blockMagic))
		if i < 0 {
			return -1
		}
		from += int64(i)
		if blockAt(number, data, from) != nil {
			return from
		}
		from++
	}
	return -1
}
