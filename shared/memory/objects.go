package memory

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	"parley/shared/pipeline"
)

// Objects is pipeline.Objects. Safe for concurrent use. Its zero value is empty.
type Objects struct {
	mu   sync.Mutex
	data map[string][]byte
}

// Put implements pipeline.Objects.
func (o *Objects) Put(_ context.Context, key, _ string, body io.ReadSeeker, size int64) error {
	b, err := io.ReadAll(io.LimitReader(body, size+1))
	if err != nil {
		return fmt.Errorf("memory: put %s: %w", key, err)
	}
	if int64(len(b)) != size {
		return fmt.Errorf("memory: put %s: the body is not %d bytes long", key, size)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.data == nil {
		o.data = map[string][]byte{}
	}
	o.data[key] = b
	return nil
}

func (o *Objects) find(key string) ([]byte, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b, ok := o.data[key]
	if !ok {
		return nil, fmt.Errorf("memory: %s: %w", key, pipeline.ErrNoObject)
	}
	return b, nil
}

// Get implements pipeline.Objects.
func (o *Objects) Get(_ context.Context, key string, offset, length int64) (io.ReadCloser, int64, error) {
	b, err := o.find(key)
	if err != nil {
		return nil, 0, err
	}
	size := int64(len(b))
	if offset < 0 || length < 0 || offset > 0 && offset >= size {
		return nil, 0, fmt.Errorf("memory: get %s: no bytes at %d", key, offset)
	}
	end := size
	if length > 0 {
		end = min(size, offset+length)
	}
	return io.NopCloser(bytes.NewReader(b[offset:end])), size, nil
}

// Copy implements pipeline.Objects.
func (o *Objects) Copy(_ context.Context, src, dst string) error {
	b, err := o.find(src)
	if err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.data[dst] = b
	return nil
}

// Size implements pipeline.Objects.
func (o *Objects) Size(_ context.Context, key string) (int64, error) {
	b, err := o.find(key)
	return int64(len(b)), err
}

// Delete implements pipeline.Objects.
func (o *Objects) Delete(_ context.Context, keys ...string) error {
	if len(keys) > 1000 {
		return fmt.Errorf("memory: delete: %d keys", len(keys))
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, key := range keys {
		delete(o.data, key)
	}
	return nil
}

// Keys implements pipeline.Objects.
func (o *Objects) Keys(_ context.Context, prefix string, limit int) ([]string, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	keys := slices.Sorted(maps.Keys(o.data))
	keys = slices.DeleteFunc(keys, func(k string) bool { return !strings.HasPrefix(k, prefix) })
	return keys[:min(len(keys), limit)], nil
}
