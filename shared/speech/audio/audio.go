// Package audio is what can be said of a recording without understanding it: what it is, how long
// it is, how good it is, where there is speech and where silence, and how it is cut into pieces.
package audio

// SampleRate is the rate of all PCM inside Parley, in Hz; samples are mono int16.
const SampleRate = 16000

// Info is what the submit learns of a file.
type Info struct {
	DurationMs int64  `json:"durationMs"` // what its packets hold, ms
	Format     string `json:"format"`     // mp3, wav, m4a, webm, ogg, flac
	SizeBytes  int64  `json:"sizeBytes"`
	Channels   int    `json:"channels"` // of the track with sound; of joined recordings the most
	// Joins is how many further recordings follow the first in the file.
	Joins  int    `json:"joins"`
	Breaks Breaks `json:"breaks"`
}

// Breaks are the gaps of more than a minute in a recording, of each of which a second is kept.
type Breaks struct {
	Count     int   `json:"count"`
	LeftOutMs int64 `json:"leftOutMs"` // in all
}

// CutSettings is how the recording is cut into speech and silence. Defaults and bounds stand in
// settings.go.
type CutSettings struct {
	StartSeconds       float64 `json:"startSeconds"`
	EndSeconds         float64 `json:"endSeconds"` // 0: the end
	SilenceThresholdDb float64 `json:"silenceThresholdDb"`
	MinSilenceMs       int     `json:"minSilenceMs"`
	MinSpeechMs        int     `json:"minSpeechMs"`
	PaddingMs          int     `json:"paddingMs"`
}

// Span is a stretch of the recording in ms from its beginning, Start included, End not.
type Span struct {
	StartMs int64 `json:"startMs"`
	EndMs   int64 `json:"endMs"`
}

// Len is the span's length in ms.
func (s Span) Len() int64 { return s.EndMs - s.StartMs }

// Quality is what the signal itself says of the recording.
type Quality struct {
	SNRDb float64 `json:"snrDb"` // speech level over noise floor, dB
	// share of samples at full scale or another common ceiling, 0 to 100
	ClippedPercent float64 `json:"clippedPercent"`
	// share of the recording that is speech, 0 to 100
	SpeechPercent float64 `json:"speechPercent"`
	LevelDb       float64 `json:"levelDb"` // speech level, dB below full scale
	NoiseDb       float64 `json:"noiseDb"` // noise floor, dB below full scale
	// highest frequency that carries speech: about 3400 for a telephone
	BandwidthHz float64 `json:"bandwidthHz"`
	// Speed is how many times too fast the voices sound to be played (package speed), below 1 for
	// too slowly; 0 where nothing speaks for that.
	Speed float64 `json:"speed,omitempty"`
}

// telephoneHz is the band below which it is a telephone's.
const telephoneHz = 4200

// Telephone tells whether the recording has the band of a telephone; false where the band is not
// known.
func (q Quality) Telephone() bool { return q.BandwidthHz > 0 && q.BandwidthHz < telephoneHz }

// Intake is what ingest found: the artefact that the rest of the chain reads.
type Intake struct {
	DurationMs int64       `json:"durationMs"` // of the PCM, after decoding
	Cut        CutSettings `json:"cut"`        // as applied, defaults filled in
	Window     Span        `json:"window"`     // what startSeconds and endSeconds leave
	Quality    Quality     `json:"quality"`
	// Speech are the stretches of speech within Window by the cut settings, in order, not
	// overlapping.
	Speech []Span `json:"speech"`
	// Chunks are the pieces for transcription: they cover all speech, are cut at silences, in
	// order, not overlapping. Of separate channels those of the left come first, then those of the
	// right.
	Chunks []Span `json:"chunks"`
	// Channels is how the channels of the file are used.
	Channels Channels `json:"channels"`
	// Tracks are the left and the right channel where they are used separately; else there are
	// none.
	Tracks []Track `json:"tracks,omitempty"`
}

// Track is what ingest found of one of two channels that are used separately, as Intake has it of a
// whole recording. Its samples lie behind those of the track before it.
type Track struct {
	Quality Quality `json:"quality"`
	Speech  []Span  `json:"speech"`
	Chunks  []Span  `json:"chunks"`
}

// TrackOf tells to which track a piece for transcription belongs; 0 where there is one sound.
func (in Intake) TrackOf(chunk int) int {
	for k, t := range in.Tracks {
		if chunk < len(t.Chunks) {
			return k
		}
		chunk -= len(t.Chunks)
	}
	return 0
}

// Of is the intake as one track has it; the intake itself where there is one sound.
func (in Intake) Of(track int) Intake {
	if track < 0 || track >= len(in.Tracks) {
		return in
	}
	t := in.Tracks[track]
	in.Quality, in.Speech, in.Chunks = t.Quality, t.Speech, t.Chunks
	return in
}
