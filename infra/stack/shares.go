package stack

import (
	"fmt"
	"slices"

	"parley/shared/engine/pipeline"
	"parley/shared/speech"
)

// DefaultConcurrency is Lambda's usual quota of concurrent executions of an account in a region. A
// new account may have less until it asks for more.
const DefaultConcurrency = 1000

// How the account's concurrent executions are shared out. The API comes first: a long recording
// must never keep a submit or a poll from an answer.
const (
	submitShare  = 0.10 // reserved for submit
	pollShare    = 0.10 // reserved for poll
	creditsShare = 0.02 // reserved for credits
	freeShare    = 0.10 // for the functions without a reservation
	// scheduledCopies is reserved for each function of a schedule. It keeps two sweeps from
	// overlapping.
	scheduledCopies = 1
	// leastReserving is the smallest quota that is reserved from. Lambda insists that 100 remain
	// unreserved.
	leastReserving  = 200
	leastUnreserved = 100
	minCopies       = 2    // the least of SQS
	maxCopies       = 1000 // the most of SQS
	deadCopies      = 4    // for the dead letters of all stages, which are rare and quick to handle
)

// shares are the shares of functions in the account's concurrent executions.
type shares struct {
	// Reserved maps functions to what is kept for each, and is at the same time its maximum.
	Reserved map[string]int
	// Copies maps queues (pipeline.Stage.Queue, DeadLetters) to how many copies each may start.
	Copies map[string]int
}

// share divides a quota of concurrent executions: first what is reserved, then what stays free, and
// the rest to the stages, in the proportions of their table's Concurrency. copies, if above 0,
// bounds each stage and switches off the reservations.
func share(quota, copies int) shares {
	s := shares{Reserved: map[string]int{}, Copies: map[string]int{}}
	part := func(of float64) int { return int(float64(quota) * of) }
	left := quota / 2
	if quota >= leastReserving {
		s.Reserved = map[string]int{"submit": part(submitShare), "poll": part(pollShare), "credits": part(creditsShare)}
		for _, name := range Scheduled() {
			s.Reserved[name] = scheduledCopies
		}
		left = quota - part(freeShare)
		for _, n := range s.Reserved {
			left -= n
		}
	}
	left -= deadCopies
	weights := 0
	for _, stage := range speech.Service.Fed() {
		weights += stage.Concurrency
	}
	for _, stage := range speech.Service.Fed() {
		s.Copies[stage.Queue()] = min(max(left*stage.Concurrency/weights, minCopies), maxCopies)
	}
	s.Copies[pipeline.DeadLetters] = deadCopies
	if copies > 0 {
		s.Reserved = map[string]int{}
		for queue, n := range s.Copies {
			s.Copies[queue] = max(min(n, copies), minCopies)
		}
	}
	return s
}

// Reserving lists the functions that get a reservation where the quota allows any, in order.
func Reserving() []string {
	var out []string
	for name := range share(DefaultConcurrency, 0).Reserved {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// Advice says what an account's quota of concurrent executions in a region means for a deployment,
// and what to ask for. unreserved is how many of them nobody has reserved yet.
func Advice(region string, quota, unreserved int) []string {
	s := share(quota, 0)
	lines := []string{fmt.Sprintf("%s: %d concurrent executions of Lambda functions, %d of them not reserved by other functions", region, quota, unreserved)}
	reserved := 0
	for _, n := range s.Reserved {
		reserved += n
	}
	switch {
	case quota < leastReserving:
		return append(lines,
			fmt.Sprintf("That is too few to reserve any for the API: one long recording can keep submits and polls waiting. Ask for at least %d:", DefaultConcurrency),
			fmt.Sprintf("  aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384 --desired-value %d --region %s", DefaultConcurrency, region),
			fmt.Sprintf("Until then: make deploy CDK=\"-c concurrency=%d\"", quota))
	case unreserved-reserved < leastUnreserved:
		lines = append(lines, fmt.Sprintf("Parley would reserve %d, and Lambda insists that %d remain unreserved. Ask for more, or deploy with a smaller -c concurrency.", reserved, leastUnreserved))
	}
	return append(lines,
		fmt.Sprintf("Deploy with: make deploy CDK=\"-c concurrency=%d\"", quota),
		fmt.Sprintf("This reserves %d for submit, %d for poll and %d for credits, and lets the recogniser have up to %d copies.",
			s.Reserved["submit"], s.Reserved["poll"], s.Reserved["credits"], s.Copies["transcribe"]))
}
