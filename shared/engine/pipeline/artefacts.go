package pipeline

import (
	"fmt"
	"time"

	"parley/shared/engine/run"
)

// Artefact names what a stage reads or writes. The types behind them: Intake is audio.Intake, Words is
// transcript.Chunk (one per piece), Speakers is diarization.Diarization, Conversation is transcript.Conversation, VocabularyScore is
// score.Result, FluencyScore fluency.Draft, which finalize completes by AccentScore, accent.Result, Report is report.Report; all JSON. PCM is raw 16 kHz mono little-endian int16.
type Artefact string

// The artefacts.
const (
	Original        Artefact = "original"
	PCM             Artefact = "pcm"
	Intake          Artefact = "intake"
	Words           Artefact = "words"
	Speakers        Artefact = "speakers"
	Conversation    Artefact = "conversation"
	VocabularyScore Artefact = "vocabulary"
	FluencyScore    Artefact = "fluency"
	AccentScore     Artefact = "accent"
	Report          Artefact = "report"
)

// Object key prefixes. Everything below work/ can be made again and expires by the bucket's lifecycle.
const (
	AudioPrefix  = "audio/"
	WorkPrefix   = "work/"
	ReportPrefix = "report/"
	UploadPrefix = "upload/"
)

// UploadLasting is how long an upload may be posted after it was asked for.
const UploadLasting = time.Hour

// Key is the object key of an artefact of a run's attempt; index counts the pieces of Words, 0 for any other.
func Key(id run.ID, attempt int, a Artefact, index int) string {
	switch a {
	case Original:
		return AudioPrefix + string(id)
	case Report:
		return fmt.Sprintf("%s%s/%d.json", ReportPrefix, id, attempt)
	case PCM:
		return fmt.Sprintf("%s%s/%d/pcm", WorkPrefix, id, attempt)
	case Words:
		return fmt.Sprintf("%s%s/%d/words-%03d.json", WorkPrefix, id, attempt, index)
	}
	return fmt.Sprintf("%s%s/%d/%s.json", WorkPrefix, id, attempt, a)
}
