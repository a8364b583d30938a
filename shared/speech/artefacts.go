package speech

import (
	"encoding/json"

	"parley/shared/engine/pipeline"
	"parley/shared/speech/audio"
	"parley/shared/speech/diarization"
	"parley/shared/speech/report"
	"parley/shared/speech/transcript"
)

// What the stages pass on, beside the scores (ResultOf).
var (
	// PCM is the recording as 16 kHz mono little-endian int16; of channels that are used separately
	// the left one and behind it the right one.
	PCM = pipeline.Raw("pcm")
	// Intake is what ingest found out about the sound.
	Intake = pipeline.One[audio.Intake]("intake")
	// Words are the words of one piece of the recording.
	Words = pipeline.Pieces[transcript.Chunk]("words")
	// Sent is the sound of one piece as a recogniser that works elsewhere gets it, and Answer what
	// it answers.
	Sent   = pipeline.RawPieces("sent")
	Answer = pipeline.Pieces[json.RawMessage]("answer")
	// Speakers is who speaks when.
	Speakers = pipeline.One[diarization.Diarization]("speakers")
	// Conversation is who said what, and who the candidate is.
	Conversation = pipeline.One[transcript.Conversation]("conversation")
	// Report is what the run's end is told by.
	Report = pipeline.OfReport[report.Report]()
)
