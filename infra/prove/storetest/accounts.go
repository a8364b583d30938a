package storetest

import (
	"errors"
	"sync"
	"testing"
	"time"

	"parley/shared/engine/account"
	"parley/shared/engine/run"
)

// Accounts tests an account.Store.
func Accounts(t *testing.T, open func(*testing.T) account.Store) {
	client := func(n int) account.Client {
		days := n // also 0, which differs from none
		return account.Client{ID: ClientID(n), AudioRetentionDays: &days, Name: "Müller & Söhne", Active: true, ConcurrentRuns: 8, Grants: []account.Grant{account.GrantMultilingual},
			Permissions: []account.Permission{account.PermissionSpeech}, CreatedAt: Start.Add(time.Duration(n) * time.Second)}
	}
	key := func(n, of int) account.Key {
		expires := Start.Add(time.Hour)
		return account.Key{ID: account.KeyID("key_" + letters(n, 20)), Client: ClientID(of), Hash: account.Hash(letters(n, 40)), Prefix: "pk_abcde", Last4: "wxyz",
			Active: true, ExpiresAt: &expires, IPs: []string{"10.0.0.0/8", "::1/128"}, Rate: 500, CreatedAt: Start.Add(time.Duration(n) * time.Second)}
	}
	unknown := func(t *testing.T, err error) {
		t.Helper()
		if !errors.Is(err, account.ErrUnknown) {
			t.Errorf("error %v, want %v", err, account.ErrUnknown)
		}
	}
	moved := func(t *testing.T, err error) {
		t.Helper()
		if !errors.Is(err, account.ErrMoved) {
			t.Errorf("error %v, want %v", err, account.ErrMoved)
		}
	}
	each(t, []scenario{
		{"a client is read as written, and replaced", func(t *testing.T) {
			s := open(t)
			c := client(1)
			fine(t, s.PutClient(t.Context(), c))
			got, err := s.Client(t.Context(), c.ID)
			fine(t, err)
			same(t, c, got)
			c = account.Client{ID: c.ID, CreatedAt: c.CreatedAt}
			fine(t, s.PutClient(t.Context(), c))
			got, err = s.Client(t.Context(), c.ID)
			fine(t, err)
			same(t, c, got)
		}},
		{"clients come by creation time", func(t *testing.T) {
			s := open(t)
			var want []account.Client
			for n := range 30 {
				want = append(want, client(n))
			}
			for i := range want {
				fine(t, s.PutClient(t.Context(), want[(i*7)%30]))
				fine(t, s.PutKey(t.Context(), key(i, i)))
			}
			got, err := s.Clients(t.Context())
			fine(t, err)
			same(t, want, got)
		}},
		{"a key is found by its hash with its client, and by its id", func(t *testing.T) {
			s := open(t)
			fine(t, s.PutClient(t.Context(), client(1)))
			k := key(1, 1)
			fine(t, s.PutKey(t.Context(), k))
			got, c, err := s.KeyByHash(t.Context(), k.Hash)
			fine(t, err)
			same(t, k, got)
			same(t, client(1), c)
			got, err = s.Key(t.Context(), k.ID)
			fine(t, err)
			same(t, k, got)
		}},
		{"a revoked key is seen revoked at once", func(t *testing.T) {
			s := open(t)
			fine(t, s.PutClient(t.Context(), client(1)))
			k := key(1, 1)
			fine(t, s.PutKey(t.Context(), k))
			k.Active, k.ExpiresAt, k.IPs = false, nil, nil
			fine(t, s.PutKey(t.Context(), k))
			got, _, err := s.KeyByHash(t.Context(), k.Hash)
			fine(t, err)
			same(t, k, got)
		}},
		{"a client's keys come by creation time, and no other's", func(t *testing.T) {
			s := open(t)
			fine(t, s.PutClient(t.Context(), client(1)))
			var want []account.Key
			for n := range 5 {
				want = append(want, key(n, 1))
				fine(t, s.PutKey(t.Context(), key(4-n, 1)))
				fine(t, s.PutKey(t.Context(), key(10+n, 2)))
			}
			got, err := s.Keys(t.Context(), ClientID(1))
			fine(t, err)
			same(t, want, got)
			got, err = s.Keys(t.Context(), ClientID(3))
			fine(t, err)
			same(t, []account.Key{}, got)
		}},
		{"a client is replaced on the reading that it was decided on, and on no other", func(t *testing.T) {
			s := open(t)
			moved(t, s.ReplaceClient(t.Context(), client(1))) // there is none
			fine(t, s.PutClient(t.Context(), client(1)))
			for version := range int64(3) {
				c := client(int(version) + 1)
				c.ID, c.Version = ClientID(1), version
				fine(t, s.ReplaceClient(t.Context(), c))
				c.Version++
				got, err := s.Client(t.Context(), c.ID)
				fine(t, err)
				same(t, c, got)
				for _, other := range []int64{version, version + 2} {
					old := client(9)
					old.ID, old.Version = c.ID, other
					moved(t, s.ReplaceClient(t.Context(), old))
				}
				got, err = s.Client(t.Context(), c.ID)
				fine(t, err)
				same(t, c, got)
			}
			all, err := s.Clients(t.Context())
			fine(t, err)
			if len(all) != 1 {
				t.Errorf("%d clients", len(all))
			}
		}},
		{"8 who change a client at once lose no change", func(t *testing.T) {
			s := open(t)
			fine(t, s.PutClient(t.Context(), account.Client{ID: ClientID(1), CreatedAt: Start}))
			together(8, func(i int) {
				g := account.Grant(letters(i, 5))
				// A change is made again if its answer was lost or if others were first ten times.
				// It must not count twice.
				for {
					_, err := account.ChangeClient(t.Context(), s, ClientID(1), func(c *account.Client) error {
						if !c.Granted(g) {
							c.Grants = append(c.Grants, g)
						}
						return nil
					})
					if err == nil {
						return
					}
					if !errors.Is(err, account.ErrMoved) {
						t.Error(err)
						return
					}
				}
			})
			got, err := s.Client(t.Context(), ClientID(1))
			fine(t, err)
			if len(got.Grants) != 8 || got.Version < 8 {
				t.Errorf("%d grants after %d versions", len(got.Grants), got.Version)
			}
		}},
		{"a key is replaced on the reading that it was decided on, so that a revoked one stays revoked", func(t *testing.T) {
			s := open(t)
			moved(t, s.ReplaceKey(t.Context(), key(1, 1))) // there is none
			fine(t, s.PutClient(t.Context(), client(1)))
			fine(t, s.PutKey(t.Context(), key(1, 1)))
			read, err := s.Key(t.Context(), key(1, 1).ID)
			fine(t, err)
			revoked, err := account.ChangeKey(t.Context(), s, read.ID, func(k *account.Key) error { k.Active = false; return nil })
			fine(t, err)
			read.ExpiresAt = nil
			moved(t, s.ReplaceKey(t.Context(), read))
			again, err := account.ChangeKey(t.Context(), s, read.ID, func(k *account.Key) error { k.ExpiresAt = nil; return nil })
			fine(t, err)
			got, _, err := s.KeyByHash(t.Context(), read.Hash)
			fine(t, err)
			if revoked.Active || again.Active || got.Active || got.ExpiresAt != nil || got.Version != 2 {
				t.Errorf("revoked %+v, then %+v", revoked, got)
			}
			keys, err := s.Keys(t.Context(), ClientID(1))
			fine(t, err)
			if len(keys) != 1 {
				t.Errorf("%d keys", len(keys))
			}
		}},
		{"a change's own error ends it, and nothing is written", func(t *testing.T) {
			s := open(t)
			fine(t, s.PutClient(t.Context(), client(1)))
			no := errors.New("no")
			if _, err := account.ChangeClient(t.Context(), s, ClientID(1), func(c *account.Client) error { c.Name = ""; return no }); !errors.Is(err, no) {
				t.Errorf("error %v", err)
			}
			got, err := s.Client(t.Context(), ClientID(1))
			fine(t, err)
			same(t, client(1), got)
			_, err = account.ChangeClient(t.Context(), s, ClientID(2), func(*account.Client) error { return nil })
			unknown(t, err)
		}},
		{"what is not there is unknown", func(t *testing.T) {
			s := open(t)
			_, err := s.Client(t.Context(), ClientID(1))
			unknown(t, err)
			_, err = s.Key(t.Context(), "key_aaaaaaaaaaaaaaaaaaaa")
			unknown(t, err)
			k := key(1, 1)
			fine(t, s.PutKey(t.Context(), k)) // of a client that is not there
			_, _, err = s.KeyByHash(t.Context(), k.Hash)
			unknown(t, err)
			_, _, err = s.KeyByHash(t.Context(), account.Hash("other"))
			unknown(t, err)
		}},
	})
}

// Limits tests a run.Limits.
func Limits(t *testing.T, open func(*testing.T) run.Limits) {
	each(t, []scenario{
		{"Allow lets exactly limit calls through in a window, and tells when it ends", func(t *testing.T) {
			s := open(t)
			now := Start.Truncate(time.Minute)
			for i, at := range []time.Duration{0, time.Second, 59_999 * time.Millisecond, 59_999 * time.Millisecond} {
				ok, left, reset, err := s.Allow(t.Context(), "key_1", 3, time.Minute, now.Add(at))
				if err != nil || ok != (i < 3) || left != max(2-i, 0) || !reset.Equal(now.Add(time.Minute)) {
					t.Errorf("call %d: %v, %d left, until %s, %v", i+1, ok, left, reset, err)
				}
			}
			ok, left, reset, err := s.Allow(t.Context(), "key_1", 3, time.Minute, now.Add(time.Minute))
			if err != nil || !ok || left != 2 || !reset.Equal(now.Add(2*time.Minute)) {
				t.Errorf("next window: %v, %d left, until %s, %v", ok, left, reset, err)
			}
			if ok, left, _, err := s.Allow(t.Context(), "key_2", 3, time.Minute, now); err != nil || !ok || left != 2 {
				t.Errorf("another scope: %v, %d left, %v", ok, left, err)
			}
		}},
		{"Window tells what Allow would, and counts nothing", func(t *testing.T) {
			s := open(t)
			now := Start.Truncate(time.Minute)
			for calls := range 4 {
				for range 2 {
					ok, left, reset, err := s.Window(t.Context(), "key", 2, time.Minute, now.Add(59_999*time.Millisecond))
					if err != nil || ok != (calls < 2) || left != max(2-calls, 0) || !reset.Equal(now.Add(time.Minute)) {
						t.Errorf("after %d calls: %v, %d left, until %s, %v", calls, ok, left, reset, err)
					}
				}
				if _, _, _, err := s.Allow(t.Context(), "key", 2, time.Minute, now); err != nil {
					t.Fatal(err)
				}
			}
			if ok, left, _, err := s.Window(t.Context(), "key", 2, time.Minute, now.Add(time.Minute)); err != nil || !ok || left != 2 {
				t.Errorf("next window: %v, %d left, %v", ok, left, err)
			}
		}},
		{"Allow counts 40 calls at once", func(t *testing.T) {
			s := open(t)
			var mu sync.Mutex
			passed := 0
			together(40, func(int) {
				ok, _, _, err := s.Allow(t.Context(), "key", 25, time.Minute, Start)
				if err != nil {
					t.Error(err)
				}
				if ok {
					mu.Lock()
					passed++
					mu.Unlock()
				}
			})
			if passed != 25 {
				t.Errorf("%d passed, want 25", passed)
			}
		}},
		{"Poll lets one through per interval", func(t *testing.T) {
			s := open(t)
			const every = 10 * time.Second
			for _, tc := range []struct {
				at, want time.Duration
			}{{0, 0}, {0, every}, {time.Second, 9 * time.Second}, {9_999 * time.Millisecond, time.Millisecond}, {every, 0}, {every + time.Millisecond, every - time.Millisecond}, {time.Hour, 0}} {
				wait, err := s.Poll(t.Context(), RunID(1), every, Start.Add(tc.at))
				if err != nil || wait != tc.want {
					t.Errorf("after %s: wait %s, want %s, %v", tc.at, wait, tc.want, err)
				}
			}
			if wait, err := s.Poll(t.Context(), RunID(2), every, Start); err != nil || wait != 0 {
				t.Errorf("another run: wait %s, %v", wait, err)
			}
		}},
		{"Poll lets one of 12 at once through", func(t *testing.T) {
			s := open(t)
			var mu sync.Mutex
			passed := 0
			together(12, func(int) {
				wait, err := s.Poll(t.Context(), RunID(1), time.Second, Start)
				if err != nil {
					t.Error(err)
				}
				if wait == 0 {
					mu.Lock()
					passed++
					mu.Unlock()
				}
			})
			if passed != 1 {
				t.Errorf("%d passed, want 1", passed)
			}
		}},
		{"Ready is unknown at first, then the latest that was found, whenever it was recorded", func(t *testing.T) {
			s := open(t)
			r, err := s.Ready(t.Context())
			if err != nil || r.Ready() || !r.At.IsZero() {
				t.Errorf("%+v, %v", r, err)
			}
			early := run.Readiness{At: Start, Parts: map[string]string{"accent": "cold", "fluency": ""}}
			late := run.Readiness{At: Start.Add(time.Minute), Parts: map[string]string{"accent": ""}}
			for _, tc := range []struct{ set, want run.Readiness }{{early, early}, {late, late}, {early, late}, {late, late}} {
				fine(t, s.SetReady(t.Context(), tc.set))
				got, err := s.Ready(t.Context())
				fine(t, err)
				same(t, tc.want, got)
			}
		}},
		{"a walk's cursor is what was set last", func(t *testing.T) {
			s := open(t)
			for _, want := range []string{"", "audio/req_x", "audio/req_y é", ""} {
				if want != "" {
					fine(t, s.SetCursor(t.Context(), "audio", want))
				} else if got, err := s.Cursor(t.Context(), "other"); err != nil || got != "" {
					t.Errorf("another walk: %q, %v", got, err)
				}
				if want == "" {
					fine(t, s.SetCursor(t.Context(), "audio", ""))
				}
				if got, err := s.Cursor(t.Context(), "audio"); err != nil || got != want {
					t.Errorf("got %q, want %q, %v", got, want, err)
				}
			}
		}},
		{"Expire deletes what was of use an hour ago and no longer, and nothing that has no end", func(t *testing.T) {
			s := open(t)
			now := Start.Truncate(time.Minute)
			const every = 10 * time.Second
			for i := range 3 {
				if _, _, _, err := s.Allow(t.Context(), "key", 5, time.Minute, now.Add(time.Duration(i)*time.Minute)); err != nil {
					t.Fatal(err)
				}
				if wait, err := s.Poll(t.Context(), RunID(i), every, now.Add(time.Duration(i)*time.Minute)); err != nil || wait != 0 {
					t.Fatal(wait, err)
				}
			}
			fine(t, s.SetReady(t.Context(), run.Readiness{At: now, Parts: map[string]string{"accent": ""}}))
			fine(t, s.SetCursor(t.Context(), "audio", "x"))
			for _, tc := range []struct {
				at   time.Duration
				want int
			}{
				{run.LimitSpare + every - time.Second, 0},
				{run.LimitSpare + every, 1}, // the first poll
				{run.LimitSpare + time.Minute - time.Second, 0},
				{run.LimitSpare + time.Minute, 1}, // the first window
				{run.LimitSpare + time.Hour, 4},
				{1000 * time.Hour, 0},
			} {
				if got := expired(t, s, now.Add(tc.at), 2); got != tc.want {
					t.Errorf("after %s: %d deleted, want %d", tc.at, got, tc.want)
				}
			}
			if r, err := s.Ready(t.Context()); err != nil || !r.Ready() {
				t.Errorf("readiness %+v, %v", r, err)
			}
			if at, err := s.Cursor(t.Context(), "audio"); err != nil || at != "x" {
				t.Errorf("cursor %q, %v", at, err)
			}
			if ok, left, _, err := s.Window(t.Context(), "key", 5, time.Minute, now); err != nil || !ok || left != 5 {
				t.Errorf("a window that was deleted: %d left, %v", left, err)
			}
		}},
		{"what is past its use counts for nothing, though it lies there still", func(t *testing.T) {
			s := open(t)
			const every = 10 * time.Second
			if wait, err := s.Poll(t.Context(), RunID(1), every, Start); err != nil || wait != 0 {
				t.Fatal(wait, err)
			}
			if wait, err := s.Poll(t.Context(), RunID(1), every, Start.Add(every)); err != nil || wait != 0 {
				t.Errorf("wait %s, %v", wait, err)
			}
			// The poll was used again, so its time starts again.
			if got := expired(t, s, Start.Add(run.LimitSpare+2*every-time.Second), 1); got != 0 {
				t.Errorf("%d deleted", got)
			}
			if got := expired(t, s, Start.Add(run.LimitSpare+2*every+time.Second), 1); got != 1 {
				t.Errorf("%d deleted", got)
			}
		}},
		{"Expire walks through many, a few at a time", func(t *testing.T) {
			s := open(t)
			const many = 25
			for i := range many {
				if _, err := s.Poll(t.Context(), RunID(i), time.Second, Start); err != nil {
					t.Fatal(err)
				}
				if _, err := s.Poll(t.Context(), RunID(100+i), time.Second, Start.Add(time.Hour)); err != nil {
					t.Fatal(err)
				}
			}
			if got := expired(t, s, Start.Add(run.LimitSpare+time.Minute), 7); got != many {
				t.Errorf("%d deleted of %d", got, many)
			}
			if got := expired(t, s, Start.Add(run.LimitSpare+2*time.Hour), 1000); got != many {
				t.Errorf("then %d deleted of %d", got, many)
			}
			for _, limit := range []int{0, 1001} {
				if _, _, err := s.Expire(t.Context(), Start, "", limit); err == nil {
					t.Errorf("a limit of %d was taken", limit)
				}
			}
		}},
	})
}

// expired walks through all of a store's limits and counts how many it deleted.
func expired(t *testing.T, s run.Limits, now time.Time, limit int) int {
	t.Helper()
	all, at := 0, ""
	for range 200 {
		n, next, err := s.Expire(t.Context(), now, at, limit)
		fine(t, err)
		if all += n; next == "" {
			return all
		}
		at = next
	}
	t.Fatal("the walk has no end")
	return 0
}

func fine(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
