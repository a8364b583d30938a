// Package speaker finds out who speaks when, from the sound alone: how many voices there are and which stretches of the
// recording are whose. It knows nothing of words.
package speaker

import "parley/shared/audio"

// Turn is a stretch of one speaker: speech, with no pause longer than a second in it.
type Turn struct {
	Speaker int `json:"speaker"` // from 0, in order of appearance
	audio.Span
}

// Diarization is who speaks when: the artefact of the diarize stage.
type Diarization struct {
	// Speakers is the number of voices, 0 where there is no speech.
	Speakers int `json:"speakers"`
	// Turns are in order and do not overlap.
	Turns []Turn `json:"turns"`
	// Separation is the distance between the two most alike voices, in standard deviations of one voice from one stretch
	// of 2.5 s to the next; 0 where there are fewer than two.
	Separation float64 `json:"separation"`
}
