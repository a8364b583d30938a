package cleanup

import (
	"strings"
	"testing"
	"time"

	"parley/infra/prove/service"

	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
)

var start = time.Date(2026, 4, 21, 12, 34, 56, 789e6, time.UTC)

const day = 24 * time.Hour

// Ensure that an upload in no run is deleted exactly 25 hours after it was posted, and never if
// that time is unknown; that an upload in a run is deleted once the run has its own copy or is
// erased, or past the client's retention, and is kept while the run has no copy.
func TestOfUpload(t *testing.T) {
	const instant = time.Millisecond
	of := func(s run.Status, pieces int) *run.Run {
		r := &run.Run{Status: s, Pieces: pieces}
		if s.Terminal() {
			r.CompletedAt = start
		}
		return r
	}
	erased := of(run.Failed, 0)
	erased.ErasedAt = start
	for name, tt := range map[string]struct {
		modified  time.Time
		age       time.Duration
		run       *run.Run
		stored    bool
		retention time.Duration
		want      Reason
	}{
		"just posted":                          {start, 0, nil, false, 0, Stays},
		"a moment before":                      {start, 25*time.Hour - instant, nil, false, 0, Stays},
		"then":                                 {start, 25 * time.Hour, nil, false, 0, Unused},
		"long after":                           {start, 1000 * time.Hour, nil, false, 0, Unused},
		"of the future":                        {start.Add(time.Hour), 0, nil, false, 0, Stays},
		"at an unknown time":                   {time.Time{}, 0, nil, false, 0, Stays},
		"of a run that has its copy":           {start, 0, of(run.Processing, 0), true, day, Used},
		"of a queued run that has its copy":    {start, 0, of(run.Queued, 0), true, day, Used},
		"of a run that is past its ingest":     {start, 0, of(run.Processing, 3), false, day, Used},
		"of a run that succeeded":              {start, 0, of(run.Success, 3), false, 30 * day, Used},
		"of a run that failed in its ingest":   {start, 0, of(run.Failed, 0), true, 30 * day, Used},
		"of a run without a copy yet":          {start, 25*time.Hour - instant, of(run.Processing, 0), false, 0, Stays},
		"of one that never had one, then old":  {start, 25 * time.Hour, of(run.Processing, 0), false, 0, Unused},
		"of a failed run without a copy":       {start, 25*time.Hour - instant, of(run.Failed, 0), false, 2 * day, Stays},
		"of one past its client's retention":   {start, day, of(run.Failed, 0), false, day, Retention},
		"of one within its client's retention": {start, day - instant, of(run.Failed, 0), false, day, Stays},
		"of one that is kept by nobody":        {start, 0, of(run.Failed, 0), false, 0, Retention},
		"of an erased run, posted once more":   {start, 0, erased, false, 30 * day, Erased},
	} {
		t.Run(name, func(t *testing.T) {
			if got := OfUpload(pipeline.Object{Key: "upload/cli_x/upl_x", Modified: tt.modified}, tt.run, tt.stored, tt.retention, start.Add(tt.age)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// Ensure that an object of a run is kept or deleted depending on its run; both sides of each bound
// are tested.
func TestOfRun(t *testing.T) {
	id := run.ID("req_" + strings.Repeat("a", 26))
	const instant = time.Millisecond
	audio, report, work := pipeline.Key(id, 1, pipeline.Original, 0), pipeline.Key(id, 1, pipeline.Report, 0), pipeline.Key(id, 1, service.PCM, 0)
	live := func(s run.Status) *run.Run { return &run.Run{ID: id, Status: s} }
	ended := func(s run.Status) *run.Run { return &run.Run{ID: id, Status: s, CompletedAt: start} }
	erased := ended(run.Success)
	erased.ErasedAt = start
	for name, tt := range map[string]struct {
		key       string
		run       *run.Run
		retention time.Duration
		age       time.Duration // since the object was written and since the run ended
		want      Reason
	}{
		"a recording within its retention":         {audio, ended(run.Success), 30 * day, 30*day - instant, Stays},
		"a recording past it":                      {audio, ended(run.Success), 30 * day, 30 * day, Retention},
		"a failed run's recording within it":       {audio, ended(run.Failed), day, day - instant, Stays},
		"a failed run's recording past it":         {audio, ended(run.Failed), day, day, Retention},
		"a partial run's recording past it":        {audio, ended(run.Partial), day, day, Retention},
		"a recording that is not to be kept":       {audio, ended(run.Success), 0, 0, Retention},
		"a recording that waits for a year":        {audio, live(run.Queued), 0, 365 * day, Stays},
		"a recording that is worked on for a year": {audio, live(run.Processing), 0, 365 * day, Stays},
		"work of a run under way":                  {work, live(run.Processing), 0, 365 * day, Stays},
		"a report of a run under way":              {report, live(run.Processing), 0, 365 * day, Stays},
		"work within a day of the end":             {work, ended(run.Success), 30 * day, day - instant, Stays},
		"work a day after the end":                 {work, ended(run.Success), 30 * day, day, Worked},
		"work of a run whose audio is not kept":    {work, ended(run.Success), 0, 0, Worked},
		"a report, however old":                    {report, ended(run.Success), 0, 3650 * day, Stays},
		"an erased run's recording":                {audio, erased, 30 * day, 0, Erased},
		"an erased run's report":                   {report, erased, 30 * day, 0, Erased},
		"an erased run's work":                     {work, erased, 30 * day, 0, Erased},
		"a recording without a run, within a day":  {audio, nil, 30 * day, day - instant, Stays},
		"a recording without a run, after a day":   {audio, nil, 30 * day, day, Orphan},
		"work without a run, after a day":          {work, nil, 30 * day, day, Orphan},
	} {
		t.Run(name, func(t *testing.T) {
			if got := OfRun(pipeline.Object{Key: tt.key, Modified: start}, tt.run, tt.retention, start.Add(tt.age)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	if got := OfRun(pipeline.Object{Key: audio}, nil, 0, start); got != Stays {
		t.Errorf("an object of an unknown time, without a run: %q", got)
	}
}

func TestTheRunOfAnObjectIsInItsKey(t *testing.T) {
	id := run.ID("req_" + strings.Repeat("a", 26))
	for key, want := range map[string]bool{
		"audio/" + string(id): true, "report/" + string(id) + "/1.json": true, "work/" + string(id) + "/2/words-001.json": true,
		"audio/": false, "audio/x": false, "audio": false, "": false, "audio//" + string(id): false,
	} {
		if got, ok := runOf(key); ok != want || ok && got != id {
			t.Errorf("%q: %s, %v", key, got, ok)
		}
	}
}
