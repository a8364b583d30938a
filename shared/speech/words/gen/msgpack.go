package main

import (
	"encoding/binary"
	"errors"
)

// pack reads the few MessagePack types that the frequency list is made of. The first mistake stays in err.
type pack struct {
	b   []byte
	at  int
	err error
}

func (p *pack) take(n int) []byte {
	if p.err != nil || n < 0 || p.at+n > len(p.b) {
		if p.err == nil {
			p.err = errors.New("gen: the frequency list is cut short")
		}
		return make([]byte, max(n, 0))
	}
	p.at += n
	return p.b[p.at-n : p.at]
}

func (p *pack) fail() {
	if p.err == nil {
		p.err = errors.New("gen: the frequency list holds a type that was not expected")
	}
}

// array reads the head of an array and returns its length.
func (p *pack) array() int {
	switch t := p.take(1)[0]; {
	case t&0xf0 == 0x90:
		return int(t & 0x0f)
	case t == 0xdc:
		return int(binary.BigEndian.Uint16(p.take(2)))
	case t == 0xdd:
		return int(binary.BigEndian.Uint32(p.take(4)))
	}
	p.fail()
	return 0
}

func (p *pack) str() string {
	switch t := p.take(1)[0]; {
	case t&0xe0 == 0xa0:
		return string(p.take(int(t & 0x1f)))
	case t == 0xd9:
		return string(p.take(int(p.take(1)[0])))
	case t == 0xda:
		return string(p.take(int(binary.BigEndian.Uint16(p.take(2)))))
	}
	p.fail()
	return ""
}

// skipMap skips the header of the list: a small map of strings to strings or small numbers.
func (p *pack) skipMap() {
	t := p.take(1)[0]
	if t&0xf0 != 0x80 {
		p.fail()
		return
	}
	for range int(t & 0x0f) {
		p.str()
		if p.err == nil && p.at < len(p.b) && p.b[p.at] < 0x80 {
			p.at++
			continue
		}
		p.str()
	}
}
