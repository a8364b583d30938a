package simulation

import "slices"

// maxLives bounds how many worlds one shrinking may create.
const maxLives = 600

// Shrink shortens a failure's tape for as long as some promise is still broken. It cuts out pieces
// and replaces pieces with zeros, the tamest choices, in ever smaller pieces (as delta debugging
// and Hypothesis do: Zeller and Hildebrandt 2002; MacIver and Donaldson 2020). It returns the
// shortest failure with its trace.
func Shrink(f Failure) (Failure, error) {
	faults, err := ParseFaults(f.Faults)
	if err != nil {
		return f, err
	}
	lives := 0
	fails := func(tape []uint32) (int, bool) {
		lives++
		w := live(replayTape(f.Seed, tape), faults, false)
		return w.tape.at, w.broken != ""
	}
	best := slices.Clone(f.Tape)
	if used, ok := fails(best); ok {
		best = best[:used]
	}
	for piece := len(best) / 2; piece > 0 && lives < maxLives; {
		shrunk := false
		for at := 0; at < len(best) && lives < maxLives; at += piece {
			end := min(at+piece, len(best))
			without := slices.Concat(best[:at], best[end:])
			if used, ok := fails(without); ok {
				best, shrunk = without[:used], true
				at -= piece
				continue
			}
			if !slices.ContainsFunc(best[at:end], func(v uint32) bool { return v != 0 }) {
				continue
			}
			tamed := slices.Clone(best)
			clear(tamed[at:end])
			if used, ok := fails(tamed); ok {
				best, shrunk = tamed[:used], true
			}
		}
		if !shrunk || piece > 64 {
			piece /= 2
		}
	}
	f.Tape = best
	return Replay(f)
}
