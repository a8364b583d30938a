package storetest

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/speech"
)

// Objects tests a pipeline.Objects.
func Objects(t *testing.T, open func(*testing.T) pipeline.Objects) {
	put := func(t *testing.T, s pipeline.Objects, key, body string) {
		t.Helper()
		if err := s.Put(t.Context(), key, "text/plain", strings.NewReader(body), int64(len(body))); err != nil {
			t.Fatal(err)
		}
	}
	read := func(t *testing.T, s pipeline.Objects, key string, offset, length int64) (string, int64) {
		t.Helper()
		body, size, err := s.Get(t.Context(), key, offset, length)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(body)
		if err := errors.Join(err, body.Close()); err != nil {
			t.Fatal(err)
		}
		return string(b), size
	}
	none := func(t *testing.T, err error) {
		t.Helper()
		if !errors.Is(err, pipeline.ErrNoObject) {
			t.Errorf("error %v, want %v", err, pipeline.ErrNoObject)
		}
	}
	each(t, []scenario{
		{"what is put is got, whole or a range of it, with its whole size", func(t *testing.T) {
			s := open(t)
			put(t, s, "work/a/1/pcm", "0123456789")
			for _, tc := range []struct {
				offset, length int64
				want           string
			}{{0, 0, "0123456789"}, {3, 0, "3456789"}, {3, 4, "3456"}, {0, 1, "0"}, {9, 1, "9"}, {8, 100, "89"}, {0, 10, "0123456789"}} {
				got, size := read(t, s, "work/a/1/pcm", tc.offset, tc.length)
				if got != tc.want || size != 10 {
					t.Errorf("from %d, %d bytes: %q of %d, want %q of 10", tc.offset, tc.length, got, size, tc.want)
				}
			}
			for _, from := range []int64{10, 11, -1} {
				if _, _, err := s.Get(t.Context(), "work/a/1/pcm", from, 5); err == nil || errors.Is(err, pipeline.ErrNoObject) {
					t.Errorf("from %d: %v", from, err)
				}
			}
			if size, err := s.Size(t.Context(), "work/a/1/pcm"); err != nil || size != 10 {
				t.Errorf("size %d, %v", size, err)
			}
		}},
		{"an empty object is an object", func(t *testing.T) {
			s := open(t)
			put(t, s, "work/empty", "")
			for _, length := range []int64{0, 5} {
				if got, size := read(t, s, "work/empty", 0, length); got != "" || size != 0 {
					t.Errorf("%d bytes: %q of %d", length, got, size)
				}
			}
		}},
		{"a put replaces what was there", func(t *testing.T) {
			s := open(t)
			put(t, s, "work/a", "long before")
			put(t, s, "work/a", "after")
			if got, size := read(t, s, "work/a", 0, 0); got != "after" || size != 5 {
				t.Errorf("%q of %d", got, size)
			}
		}},
		{"a body of another length leaves nothing", func(t *testing.T) {
			s := open(t)
			if err := s.Put(t.Context(), "work/short", "text/plain", strings.NewReader("abc"), 4); err == nil {
				t.Error("a body of 3 bytes was taken for 4")
			}
			_, err := s.Size(t.Context(), "work/short")
			none(t, err)
		}},
		{"a copy is the same object under another key", func(t *testing.T) {
			s := open(t)
			put(t, s, "upload/x y+z", "sound")
			if err := s.Copy(t.Context(), "upload/x y+z", "audio/b"); err != nil {
				t.Fatal(err)
			}
			put(t, s, "upload/x y+z", "changed")
			if got, _ := read(t, s, "audio/b", 0, 0); got != "sound" {
				t.Errorf("%q", got)
			}
		}},
		{"what is not there is ErrNoObject", func(t *testing.T) {
			s := open(t)
			_, _, err := s.Get(t.Context(), "audio/none", 0, 0)
			none(t, err)
			_, _, err = s.Get(t.Context(), "audio/none", 5, 5)
			none(t, err)
			_, err = s.Size(t.Context(), "audio/none")
			none(t, err)
			none(t, s.Copy(t.Context(), "audio/none", "audio/other"))
		}},
		{"a list comes by prefix, in order, up to the limit, from behind any key", func(t *testing.T) {
			s := open(t)
			var keys []string
			for i := range 25 {
				keys = append(keys, fmt.Sprintf("work/r/1/words-%03d.json", i))
				put(t, s, keys[i], strings.Repeat("x", i))
			}
			put(t, s, "work/q", "x")
			put(t, s, "work/rr/1/pcm", "x")
			put(t, s, "work/r-/1/pcm", "x")
			for _, tc := range []struct {
				prefix, after string
				limit         int
				want          []string
			}{
				{"work/r/", "", 100, keys},
				{"work/r/", "", 25, keys},
				{"work/r/", "", 7, keys[:7]},
				{"work/r/", keys[6], 7, keys[7:14]},
				{"work/r/", keys[6] + "x", 1, keys[7:8]}, // a key that is not there
				{"work/r/", keys[23], 100, keys[24:]},
				{"work/r/", keys[24], 100, nil},
				{"work/r/", "work/q", 2, keys[:2]},
				{"work/r/", "work/s", 2, nil},
				{"work/", keys[24], 100, []string{"work/rr/1/pcm"}},
				{"work/", "", 2, []string{"work/q", "work/r-/1/pcm"}}, // - comes before /
				{"audio/", "", 100, nil},
			} {
				if got, err := s.List(t.Context(), tc.prefix, tc.after, tc.limit); err != nil || !slices.Equal(keysOf(got), tc.want) {
					t.Errorf("%s behind %q, %d: %v, %v", tc.prefix, tc.after, tc.limit, keysOf(got), err)
				}
			}
			for i, o := range listed(t, s, "work/r/") {
				if o.Size != int64(i) {
					t.Errorf("%s: %d bytes", o.Key, o.Size)
				}
			}
			for _, limit := range []int{0, 1001} {
				if _, err := s.List(t.Context(), "work/", "", limit); err == nil {
					t.Errorf("a limit of %d was taken", limit)
				}
			}
		}},
		{"what is put or copied to is modified then", func(t *testing.T) {
			s := open(t)
			put(t, s, "audio/a", "x")
			first := listed(t, s, "audio/")[0].Modified
			if first.IsZero() {
				t.Fatal("not known when")
			}
			if err := s.Copy(t.Context(), "audio/a", "audio/b"); err != nil {
				t.Fatal(err)
			}
			put(t, s, "audio/a", "y")
			for _, o := range listed(t, s, "audio/") {
				if o.Modified.Before(first) || o.Modified.Sub(first) > time.Minute {
					t.Errorf("%s: modified %s, the first %s", o.Key, o.Modified, first)
				}
			}
		}},
		{"a deletion takes many, there or not", func(t *testing.T) {
			s := open(t)
			keys := []string{"work/never"}
			for i := range 25 {
				keys = append(keys, fmt.Sprintf("work/r/1/words-%03d.json", i))
				put(t, s, keys[i+1], "x")
			}
			put(t, s, "work/rr/1/pcm", "x")
			if err := s.Delete(t.Context(), keys...); err != nil {
				t.Fatal(err)
			}
			if got := keysOf(listed(t, s, "work/")); !slices.Equal(got, []string{"work/rr/1/pcm"}) {
				t.Errorf("left %v", got)
			}
			if err := s.Delete(t.Context()); err != nil {
				t.Errorf("of nothing: %v", err)
			}
			if err := s.Delete(t.Context(), make([]string, 1001)...); err == nil {
				t.Error("1001 keys were taken")
			}
		}},
	})
}

func listed(t *testing.T, s pipeline.Objects, prefix string) []pipeline.Object {
	t.Helper()
	all, err := s.List(t.Context(), prefix, "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func keysOf(objects []pipeline.Object) []string {
	var keys []string
	for _, o := range objects {
		keys = append(keys, o.Key)
	}
	return keys
}

// Sender tests a pipeline.Sender. drain receives and removes everything that was sent to a stage.
func Sender(t *testing.T, open func(*testing.T) (s pipeline.Sender, drain func(run.Stage) []pipeline.Message)) {
	message := func(stage run.Stage, n int) pipeline.Message {
		return pipeline.Message{Run: RunID(1), Attempt: 1, Part: run.Part{Stage: stage, Index: n}.String()}
	}
	sorted := func(m []pipeline.Message) []pipeline.Message {
		slices.SortFunc(m, func(a, b pipeline.Message) int {
			return strings.Compare(fmt.Sprintf("%20s", a.Part), fmt.Sprintf("%20s", b.Part))
		})
		return m
	}
	each(t, []scenario{
		{"each message goes to the queue of its stage, more than one batch of them too", func(t *testing.T) {
			s, drain := open(t)
			var words []pipeline.Message
			for i := range 23 {
				words = append(words, message(speech.Transcribe, i))
			}
			all := append(slices.Clone(words), message(speech.Diarize, 0))
			if err := s.Send(t.Context(), all); err != nil {
				t.Fatal(err)
			}
			same(t, words, sorted(drain(speech.Transcribe)))
			same(t, []pipeline.Message{message(speech.Diarize, 0)}, drain(speech.Diarize))
			same(t, []pipeline.Message(nil), drain(speech.Ingest))
		}},
		{"nothing to send is nothing sent", func(t *testing.T) {
			s, _ := open(t)
			if err := s.Send(t.Context(), nil); err != nil {
				t.Error(err)
			}
		}},
		{"a message that names no part is an error", func(t *testing.T) {
			s, _ := open(t)
			if err := s.Send(t.Context(), []pipeline.Message{{Run: RunID(1), Attempt: 1, Part: "ingest"}}); err == nil {
				t.Error("was sent")
			}
		}},
	})
}
