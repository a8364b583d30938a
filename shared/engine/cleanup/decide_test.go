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

// Ensure that an upload is deleted exactly 25 hours after it was posted, and never if that time is
// unknown.
func TestOfUpload(t *testing.T) {
	for name, tt := range map[string]struct {
		modified time.Time
		now      time.Time
		want     Reason
	}{
		"just posted":        {start, start, Stays},
		"a moment before":    {start, start.Add(25*time.Hour - time.Millisecond), Stays},
		"then":               {start, start.Add(25 * time.Hour), Unused},
		"long after":         {start, start.Add(1000 * time.Hour), Unused},
		"of the future":      {start.Add(time.Hour), start, Stays},
		"at an unknown time": {time.Time{}, start, Stays},
	} {
		t.Run(name, func(t *testing.T) {
			if got := OfUpload(pipeline.Object{Key: "upload/cli_x/upl_x", Modified: tt.modified}, tt.now); got != tt.want {
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
