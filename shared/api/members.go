package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// membersOfObject finds the members of a JSON object within raw, without a copy. A report of 45 minutes is half a megabyte, of which
// all but a few thousand bytes are passed on as they are or not shown at all: to decode them took 6 ms of a processor and to encode
// them 3 more, for each run of a list and for each poll; to find where they begin and end takes 1 (BenchmarkPollOfAnEndedRun). So what a member holds is only known to be closed where it was opened;
// whoever passes one on asks json.Valid. Of a name that comes twice the last counts.
func membersOfObject(raw []byte) (map[string]json.RawMessage, error) {
	s := scanner{raw: raw}
	if s.next() != '{' {
		return nil, errors.New("api: no JSON object")
	}
	s.at++
	found := map[string]json.RawMessage{}
	for first := true; ; first = false {
		switch c := s.next(); {
		case c == '}':
			if s.at++; s.next() != 0 || s.at < len(raw) {
				return nil, fmt.Errorf("api: something behind the object, at byte %d", s.at)
			}
			return found, nil
		case !first && c == ',':
			s.at++
			if s.next() != '"' {
				return nil, s.unexpected()
			}
		case !first, c != '"':
			return nil, s.unexpected()
		}
		name, err := s.name()
		if err != nil {
			return nil, err
		}
		if s.next() != ':' {
			return nil, s.unexpected()
		}
		s.at++
		if found[name], err = s.value(); err != nil {
			return nil, err
		}
	}
}

// scanner walks over JSON.
type scanner struct {
	raw []byte
	at  int
}

func (s *scanner) unexpected() error {
	if s.at >= len(s.raw) {
		return errors.New("api: JSON cut short")
	}
	return fmt.Errorf("api: unexpected %q at byte %d", s.raw[s.at], s.at)
}

// next skips white space and returns the byte that follows, 0 at the end.
func (s *scanner) next() byte {
	for ; s.at < len(s.raw); s.at++ {
		switch c := s.raw[s.at]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

// text skips a string, at whose opening quote the scanner stands.
func (s *scanner) text() error {
	for s.at++; s.at < len(s.raw); s.at++ {
		i := bytes.IndexAny(s.raw[s.at:], `"\`)
		if i < 0 {
			break
		}
		if s.at += i; s.raw[s.at] == '"' {
			s.at++
			return nil
		}
		s.at++ // what is escaped, a quote perhaps
	}
	s.at = len(s.raw)
	return s.unexpected()
}

func (s *scanner) name() (string, error) {
	from := s.at
	if err := s.text(); err != nil {
		return "", err
	}
	var name string
	if err := json.Unmarshal(s.raw[from:s.at], &name); err != nil {
		return "", fmt.Errorf("api: a member's name at byte %d: %w", from, err)
	}
	return name, nil
}

// value skips a value and returns it.
func (s *scanner) value() (json.RawMessage, error) {
	c := s.next()
	from := s.at
	switch c {
	case '"':
		err := s.text()
		return s.raw[from:s.at], err
	case '{', '[':
		return s.nested()
	}
	for s.at < len(s.raw) && bytes.IndexByte([]byte(",}] \t\r\n"), s.raw[s.at]) < 0 {
		s.at++
	}
	if s.at == from {
		return nil, s.unexpected()
	}
	return s.raw[from:s.at], nil
}

// nested skips an object or a list with all that is in it.
func (s *scanner) nested() (json.RawMessage, error) {
	from, depth := s.at, 0
	for s.at < len(s.raw) {
		switch s.raw[s.at] {
		case '"':
			if err := s.text(); err != nil {
				return nil, err
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		s.at++
		if depth == 0 {
			return s.raw[from:s.at], nil
		}
	}
	return nil, s.unexpected()
}
