package memory

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"parley/shared/clock"
	"parley/shared/engine/pipeline"
)

// Objects implements pipeline.Objects. Safe for concurrent use. Its zero value is empty.
type Objects struct {
	// Clock gives the modification times; nil: they are unknown. Set it before first use.
	Clock clock.Clock

	mu   sync.Mutex
	data map[string]object
	keys []string // of data, sorted
}

type object struct {
	body     []byte
	modified time.Time
}

// keep stores an object. The caller holds the lock.
func (o *Objects) keep(key string, body []byte) {
	if o.data == nil {
		o.data = map[string]object{}
	}
	i, there := slices.BinarySearch(o.keys, key)
	if !there {
		o.keys = slices.Insert(o.keys, i, key)
	}
	kept := object{body: body}
	if o.Clock != nil {
		kept.modified = o.Clock.Now()
	}
	o.data[key] = kept
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
	o.keep(key, b)
	return nil
}

func (o *Objects) find(key string) ([]byte, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	kept, ok := o.data[key]
	if !ok {
		return nil, fmt.Errorf("memory: %s: %w", key, pipeline.ErrNoObject)
	}
	return kept.body, nil
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
	o.keep(dst, b)
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
		if i, there := slices.BinarySearch(o.keys, key); there {
			o.keys = slices.Delete(o.keys, i, i+1)
			delete(o.data, key)
		}
	}
	return nil
}

// List implements pipeline.Objects.
func (o *Objects) List(_ context.Context, prefix, after string, limit int) ([]pipeline.Object, error) {
	if limit < 1 || limit > 1000 {
		return nil, fmt.Errorf("memory: list: limit %d", limit)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	i, there := slices.BinarySearch(o.keys, max(prefix, after))
	if there && o.keys[i] == after {
		i++
	}
	var page []pipeline.Object
	for ; i < len(o.keys) && len(page) < limit && strings.HasPrefix(o.keys[i], prefix); i++ {
		kept := o.data[o.keys[i]]
		page = append(page, pipeline.Object{Key: o.keys[i], Size: int64(len(kept.body)), Modified: kept.modified})
	}
	return page, nil
}
