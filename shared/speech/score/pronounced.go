package score

// MaxPronounced is how many words of a result tell how they were pronounced, the least clear ones.
const MaxPronounced = 60

// Pronounced is how clearly one word was pronounced. Times are ms of the recording.
type Pronounced struct {
	Text    string `json:"text"` // as the recogniser wrote it, without punctuation
	StartMs int64  `json:"startMs"`
	EndMs   int64  `json:"endMs"`
	// Clarity is 0 to 100: the share of good speakers' words that are less clear, by their sounds
	// and by how surely the recogniser hears them.
	Clarity float64 `json:"clarity"`
	Sounds  []Sound `json:"sounds"` // in order; those that other speakers' sounds are known of
}

// Sound is one sound of a word.
type Sound struct {
	IPA     string `json:"ipa"`
	StartMs int64  `json:"startMs"`
	EndMs   int64  `json:"endMs"`
	// Clarity is 0 to 100: the share of good speakers' same sounds that are less clear.
	Clarity float64 `json:"clarity"`
}
