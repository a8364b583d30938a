package process

import (
	"context"
	"errors"
)

// Pool is copies of one program, each a Child that stays alive. Safe for concurrent use: a request
// waits for a free copy.
type Pool struct {
	children []*Child
	free     chan *Child
}

// NewPool describes a pool of copies, at least 1; the rest is as in NewChild. None is started
// before its first use.
func NewPool(copies int, path string, args []string, limits Limits, maxAnswer int) *Pool {
	p := &Pool{free: make(chan *Child, max(copies, 1))}
	for range cap(p.free) {
		c := NewChild(path, args, limits, maxAnswer)
		p.children = append(p.children, c)
		p.free <- c
	}
	return p
}

// Size is how many requests the pool answers at once, at least 1.
func (p *Pool) Size() int { return len(p.children) }

// Start starts every copy that does not run, and returns the first error of Child.Start.
func (p *Pool) Start(ctx context.Context) error {
	for _, c := range p.children {
		if _, err := c.Start(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Ask puts a request to a copy that is free, as Child.Ask does, or returns the context's error if
// that ends before one is.
func (p *Pool) Ask(ctx context.Context, request ...[]byte) ([]byte, error) {
	select {
	case c := <-p.free:
		defer func() { p.free <- c }()
		return c.Ask(ctx, request...)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Close ends the copies that run.
func (p *Pool) Close() error {
	var errs []error
	for _, c := range p.children {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}
