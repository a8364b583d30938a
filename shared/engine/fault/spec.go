package fault

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Action is what a fault does.
type Action string

// The actions, each with the targets that accept it.
const (
	Error   Action = "error"   // a stage: its function returns an error
	Timeout Action = "timeout" // a stage: its work never ends
	// Crash: a stage: its process dies half-way; write: a function's process dies after a write.
	Crash  Action = "crash"
	Drop   Action = "drop"   // a stage: its message is lost after delivery
	Denied Action = "denied" // transcribe: the recogniser rejects our credentials

	Duplicate Action = "duplicate" // deliver: every message arrives twice
	Reorder   Action = "reorder"   // deliver: messages overtake each other
	Delay     Action = "delay"     // deliver: every message arrives late

	Conflict Action = "conflict" // table: a share of the writes conflicts with another transaction
	Throttle Action = "throttle" // table: a share of the writes is throttled

	False Action = "false" // ready: the scorers are not warm
)

// The targets that are not stages.
const (
	TargetDeliver = "deliver"
	TargetTable   = "table"
	TargetWrite   = "write"
	TargetReady   = "ready"
)

// The bounds of a spec.
const (
	// MaxTimes is the highest count of a stage's fault.
	MaxTimes = 1000
	// MaxDelay is the longest delay of deliver=delay, well inside the shortest function's time
	// limit.
	MaxDelay = 15 * time.Second
)

// smallLetters are the letters allowed in the name of a stage, which is part of file names
// (file.go).
const smallLetters = "abcdefghijklmnopqrstuvwxyz"

// Spec is one fault, written as TARGET=ACTION[:ARGUMENT].
type Spec struct {
	Target string
	Action Action
	// a stage's fault: how many times to inject it, 1 to MaxTimes; 0: every time
	Times int
	Delay time.Duration // deliver=delay: 0 < Delay <= MaxDelay
	// table: the share of writes that fail; write: the share to die after; 0 < Share <= 1
	Share float64
}

// String formats the spec as Parse reads it.
func (s Spec) String() string {
	out := s.Target + "=" + string(s.Action)
	switch {
	case s.Times > 0:
		out += ":" + strconv.Itoa(s.Times)
	case s.Delay > 0:
		out += ":" + s.Delay.String()
	case s.Share > 0:
		out += ":" + strconv.FormatFloat(s.Share, 'g', -1, 64)
	}
	return out
}

// Parse parses one spec. stages lists the stages that a fault can be set on, in the order of a run;
// if it is empty, any word of small letters is a stage. The error says what is wrong and what would
// be right.
func Parse(text string, stages ...string) (Spec, error) {
	target, rest, ok := strings.Cut(text, "=")
	if !ok || target == "" || rest == "" {
		return Spec{}, fmt.Errorf("fault %q: write TARGET=FAULT, such as transcribe=error or deliver=delay:2s", text)
	}
	word, arg, hasArg := strings.Cut(rest, ":")
	spec := Spec{Target: target, Action: Action(word)}
	var err error
	switch {
	case target == TargetDeliver:
		err = spec.parseDeliver(arg, hasArg)
	case target == TargetTable:
		err = spec.parseTable(arg, hasArg)
	case target == TargetWrite:
		err = spec.parseWrite(arg)
	case target == TargetReady:
		if rest != string(False) {
			err = errors.New("only ready=false can be set; clear the faults to be ready again")
		}
	case slices.Contains(stages, target) || len(stages) == 0 && strings.Trim(target, smallLetters) == "":
		err = spec.parseStage(arg, hasArg)
	default:
		err = fmt.Errorf("unknown target %q: use a stage (%s), deliver, table, write or ready", target, strings.Join(stages, ", "))
	}
	if err != nil {
		return Spec{}, fmt.Errorf("fault %q: %w", text, err)
	}
	return spec, nil
}

func (s *Spec) parseStage(arg string, hasArg bool) error {
	actions := []Action{Error, Timeout, Crash, Drop}
	if s.Target == "transcribe" {
		actions = append(actions, Denied)
	}
	if !slices.Contains(actions, s.Action) {
		return fmt.Errorf("a stage takes %s", list(actions))
	}
	if !hasArg {
		return nil
	}
	n, err := strconv.Atoi(arg)
	if err != nil || n < 1 || n > MaxTimes {
		return fmt.Errorf("after the colon goes how many times, 1 to %d", MaxTimes)
	}
	s.Times = n
	return nil
}

func (s *Spec) parseDeliver(arg string, hasArg bool) error {
	switch s.Action {
	case Duplicate, Reorder:
		if hasArg {
			return fmt.Errorf("deliver=%s takes nothing after it", s.Action)
		}
		return nil
	case Delay:
		d, err := time.ParseDuration(arg)
		if err != nil || d <= 0 || d > MaxDelay {
			return fmt.Errorf("write the delay as a duration above 0 and up to %s, such as deliver=delay:2s", MaxDelay)
		}
		s.Delay = d
		return nil
	default:
		return fmt.Errorf("deliver takes %s", list([]Action{Duplicate, Reorder, Delay}))
	}
}

func (s *Spec) parseTable(arg string, _ bool) error {
	if s.Action != Conflict && s.Action != Throttle {
		return fmt.Errorf("table takes %s", list([]Action{Conflict, Throttle}))
	}
	return s.parseShare(arg, "refuse")
}

func (s *Spec) parseWrite(arg string) error {
	if s.Action != Crash {
		return errors.New("write takes crash")
	}
	return s.parseShare(arg, "die after")
}

func (s *Spec) parseShare(arg, what string) error {
	share, err := strconv.ParseFloat(arg, 64)
	if err != nil || !(share > 0 && share <= 1) {
		return fmt.Errorf("after the colon goes the share of writes to %s, above 0 and up to 1, such as %s=%s:0.2", what, s.Target, s.Action)
	}
	s.Share = share
	return nil
}

// ParseAll parses several specs like Parse, at most one per target.
func ParseAll(texts []string, stages ...string) ([]Spec, error) {
	specs := make([]Spec, 0, len(texts))
	for _, text := range texts {
		spec, err := Parse(text, stages...)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(specs, func(s Spec) bool { return s.Target == spec.Target }) {
			return nil, fmt.Errorf("fault %q: %s is named twice; a target has one fault at a time", text, spec.Target)
		}
		specs = append(specs, spec)
	}
	return specs, nil
}

func list(actions []Action) string {
	words := make([]string, len(actions))
	for i, a := range actions {
		words[i] = string(a)
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
