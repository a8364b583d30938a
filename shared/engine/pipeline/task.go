package pipeline

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"strings"

	"parley/shared/engine/run"
)

// A part's work may go on in another service, for longer than a function should wait. The work then
// names it by its task and returns ErrPending. The service's own event, as a Message with that
// task, calls the part again, or the sweep does once the part is due.

// ErrPending is returned by a Work whose part goes on in another service. The message is done with,
// and the part stays outstanding.
var ErrPending = errors.New("pipeline: the part goes on elsewhere")

// taskFields is how many fields a task has: run, life, stage and piece.
const taskFields = 4

// TaskOf returns the name of a part's work in the current life of a run's attempt: letters, digits,
// _, - and dots, at most 100 of them.
func TaskOf(r run.Run, p run.Part) string {
	return strings.Join([]string{string(r.ID), lifeOf(r), string(p.Stage), strconv.Itoa(p.Index)}, ".")
}

// ofTask returns the message that a task's name amounts to; without a run where it is no task.
func ofTask(name string) Message {
	fields := strings.Split(name, ".")
	if len(fields) < taskFields {
		return Message{}
	}
	fields = fields[len(fields)-taskFields:]
	attempt, _, _ := strings.Cut(fields[1], "-")
	n, err := strconv.Atoi(attempt)
	if err != nil {
		return Message{}
	}
	return Message{Format: Format, Run: run.ID(fields[0]), Attempt: n, Part: fields[2] + "/" + fields[3], Task: strings.Join(fields, ".")}
}

// forgetting forgets the task of a part that is done with: one that must come again (err) needs it.
func (w Runner) forgetting(ctx context.Context, log *slog.Logger, r run.Run, p run.Part, err error) error {
	if err == nil {
		w.forget(ctx, log, TaskOf(r, p))
	}
	return err
}

// forget deletes what another service keeps of a task; empty: there is none. If that fails it only
// logs it: the run does not depend on it.
func (w Runner) forget(ctx context.Context, log *slog.Logger, task string) {
	if w.Forget == nil || task == "" {
		return
	}
	if err := w.Forget(ctx, task); err != nil {
		log.Warn("task not deleted", "task", task, "cause", err.Error())
	}
}
