package simulation

import "math/rand/v2"

// tape is the source of every decision of a world: drawn from a seed and recorded, or read from an
// earlier world's tape. The number 0 is always the tamest choice (no fault, the first of a list),
// and an exhausted tape yields only zeros, so a shorter tape is a simpler world.
type tape struct {
	random *rand.Rand // nil: a replay
	seed   uint64
	drawn  []uint32
	at     int
}

func newTape(seed uint64) *tape {
	return &tape{random: rand.New(rand.NewPCG(seed, 0x9a71e4)), seed: seed, drawn: make([]uint32, 0, 1<<14)}
}

func replayTape(seed uint64, drawn []uint32) *tape { return &tape{seed: seed, drawn: drawn} }

// pick returns a number from 0 to below n.
func (t *tape) pick(n int) int {
	if t.random == nil {
		if t.at >= len(t.drawn) {
			return 0
		}
		t.at++
		return int(t.drawn[t.at-1]) % n
	}
	v := t.random.IntN(n)
	t.drawn = append(t.drawn, uint32(v))
	return v
}

// chance returns true in permille of 1000 cases.
func (t *tape) chance(permille int) bool { return t.pick(1000) >= 1000-permille }

func (t *tape) taken() []uint32 { return t.drawn }
