package local

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"sync"
)

// A request with both Content-Length and Transfer-Encoding has two ends, and servers that disagree
// on which one counts can be made to take its body for another request. The gateway refuses it.
// net/http removes Content-Length before it calls a handler, so that it cannot be seen there any
// more; here each connection keeps the head of the request that it is reading.
//
// Of requests that a client pipelines, only the first is seen: the others pass as net/http reads
// them, with their Content-Length removed. The proxy never passes a length on that it did not count
// itself, so none of them can hold a request that nobody sees.

// watch is a listener whose connections keep heads.
type watch struct{ net.Listener }

// Accept implements net.Listener.
func (l watch) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &headed{Conn: c}, nil
}

// headed is a connection that keeps the head of a request.
type headed struct {
	net.Conn

	mu   sync.Mutex
	head []byte // of the request that is being read; at most maxHead bytes
	over bool   // the head is whole, or too long
}

// maxHead is more than the server reads of a head before it refuses the request, in bytes.
const maxHead = 10*maxHeaders + 8<<10

// Read implements net.Conn.
func (c *headed) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over {
		c.head = append(c.head, b[:n]...)
		c.over = len(c.head) > maxHead || bytes.Contains(c.head, []byte("\n\r\n")) || bytes.Contains(c.head, []byte("\n\n"))
	}
	return n, err
}

// twice reports whether the head has both fields.
func (c *headed) twice() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	var length, encoding bool
	for line := range bytes.Lines(c.head) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		name, _, _ := bytes.Cut(line, []byte(":"))
		length = length || bytes.EqualFold(name, []byte("Content-Length"))
		encoding = encoding || bytes.EqualFold(name, []byte("Transfer-Encoding"))
	}
	return length && encoding
}

// nextHead makes a connection ready for its next request. It is the server's ConnState.
func nextHead(c net.Conn, s http.ConnState) {
	if c, ok := c.(*headed); ok && s == http.StateIdle {
		c.mu.Lock()
		c.head, c.over = nil, false
		c.mu.Unlock()
	}
}

// connection is the key of a request's context for its connection.
type connection struct{}

// watched is the server's ConnContext.
func watched(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connection{}, c)
}

// framedTwice reports whether a request came with both Content-Length and Transfer-Encoding.
func framedTwice(r *http.Request) bool {
	c, ok := r.Context().Value(connection{}).(*headed)
	return ok && c.twice()
}
