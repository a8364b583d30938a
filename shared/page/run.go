package page

import (
	"bytes"
	"encoding/json"
	"time"
)

// run is what the page reads of a poll body. Everything may be missing.
type run struct {
	ID            string            `json:"id"`
	ExternalID    string            `json:"externalId"`
	Status        string            `json:"status"`
	CreatedAt     time.Time         `json:"createdAt"`
	CompletedAt   *time.Time        `json:"completedAt"`
	ErasedAt      *time.Time        `json:"erasedAt"`
	Stage         string            `json:"stage"`
	Progress      int               `json:"progress"`
	QueuePosition int               `json:"queuePosition"`
	Method        string            `json:"scoringMethod"`
	Version       string            `json:"scoringVersion"`
	Metadata      map[string]string `json:"metadata"`
	Tags          []string          `json:"tags"`
	Audio         struct {
		DurationMs        int64  `json:"durationMs"`
		DurationFormatted string `json:"durationFormatted"`
		Format            string `json:"format"`
		LanguageCode      string `json:"languageCode"`
		RequestedLanguage string `json:"requestedLanguage"`
		SpeakerCount      int    `json:"speakerCount"`
		Channels          struct {
			Note string `json:"note"`
		} `json:"channels"`
		Quality struct {
			SNRDb         *float64 `json:"snrDb"`
			SpeechPercent *float64 `json:"speechPercent"`
			BandwidthHz   *float64 `json:"bandwidthHz"`
			Cautions      []string `json:"cautions"`
		} `json:"quality"`
	} `json:"audio"`
	Detection struct {
		Label      string `json:"speakerLabel"`
		Confidence string `json:"confidence"`
		Reason     string `json:"reason"`
		WordCount  int    `json:"wordCount"`
	} `json:"candidateDetection"`
	Scores     map[string]json.RawMessage `json:"scores"`
	Confidence map[string]*struct {
		Level    string     `json:"level"`
		Interval [2]float64 `json:"interval"`
	} `json:"confidence"`
	Explainability map[string]string   `json:"explainability"`
	Analysis       map[string]analysis `json:"analysis"`
	HR             string              `json:"hrRecommendation"`
	Feedback       string              `json:"candidateFeedback"`
	Transcript     transcript          `json:"transcript"`
	Error          *struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

type analysis struct {
	Measures []measure `json:"measures"`
	Cautions []string  `json:"cautions"`
	Reason   string    `json:"reason"`

	// Bands, Patterns and Practice are vocabulary's.
	Bands []struct {
		Level     string `json:"level"`
		Different int    `json:"different"`
		Said      int    `json:"said"`
		Words     []struct {
			Word  string `json:"word"`
			Count int    `json:"count"`
			At    spot   `json:"at"`
		} `json:"words"`
	} `json:"bands"`
	Patterns []struct {
		Name  string `json:"name"`
		Form  string `json:"form"`
		Level string `json:"level"`
		Count int    `json:"count"`
		At    []spot `json:"at"`
	} `json:"patterns"`
	Practice []struct {
		Text   string   `json:"text"`
		Better []string `json:"better"`
		At     spot     `json:"at"`
	} `json:"practice"`

	// Words are accent's: the least clear first. Another dimension may have members of this name
	// and another shape.
	Words json.RawMessage `json:"words"`
}

type spot struct {
	StartMs int64  `json:"startMs"`
	Text    string `json:"text"`
}

type measure struct {
	Name  string   `json:"name"`
	Label string   `json:"label"`
	Value *float64 `json:"value"`
	Unit  string   `json:"unit"`
	Norm  *struct {
		Low    float64 `json:"low"`
		High   float64 `json:"high"`
		Source string  `json:"source"`
	} `json:"norm"`
	Weight float64 `json:"weight"`
	Reason string  `json:"reason"`
}

type unclear struct {
	Text    string   `json:"text"`
	StartMs int64    `json:"startMs"`
	EndMs   int64    `json:"endMs"`
	Clarity *float64 `json:"clarity"`
	Sounds  []struct {
		IPA     string   `json:"ipa"`
		Clarity *float64 `json:"clarity"`
	} `json:"sounds"`
}

type transcript struct {
	Segments []segment `json:"segments"`
	Speakers []struct {
		Speaker    speaker `json:"speaker"`
		Label      string  `json:"speakerLabel"`
		SpeakingMs int64   `json:"speakingMs"`
		WordCount  int     `json:"wordCount"`
	} `json:"speakers"`
	Candidate speaker `json:"candidateSpeaker"`
}

type segment struct {
	Speaker speaker `json:"speaker"`
	StartMs int64   `json:"startMs"`
	EndMs   int64   `json:"endMs"`
	Text    string  `json:"text"`
	Overlap bool    `json:"overlap"`
	Words   []struct {
		Text       string   `json:"text"`
		StartMs    int64    `json:"startMs"`
		EndMs      int64    `json:"endMs"`
		Confidence *float64 `json:"confidence"`
	} `json:"words"`
}

// speaker identifies a speaker, whether the body has a text or a number.
type speaker string

// UnmarshalJSON implements json.Unmarshaler.
func (s *speaker) UnmarshalJSON(b []byte) error {
	b = bytes.TrimSpace(b)
	if bytes.Equal(b, []byte("null")) {
		*s = ""
		return nil
	}
	if len(b) > 0 && b[0] == '"' {
		var text string
		err := json.Unmarshal(b, &text)
		*s = speaker(text)
		return err
	}
	*s = speaker(b)
	return nil
}
