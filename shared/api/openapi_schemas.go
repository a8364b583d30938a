package api

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"parley/shared/engine/account"
	"parley/shared/engine/credit"
	"parley/shared/engine/run"
	"parley/shared/errcode"
	"parley/shared/presentation"
	"parley/shared/speech"
	"parley/shared/speech/audio"
	"parley/shared/speech/audio/channels"
	scored "parley/shared/speech/report"
	"parley/shared/speech/score"
	"parley/shared/speech/score/overall"
	"parley/shared/speech/transcript"
)

// prop is one member of an object's schema.
type prop struct {
	name     string
	schema   node
	optional bool
}

func must(name string, schema node) prop { return prop{name: name, schema: schema} }
func may(name string, schema node) prop  { return prop{name: name, schema: schema, optional: true} }

// closed is the schema of an object with these properties and no others.
func closed(text string, props ...prop) node {
	var members node
	required := []string{}
	for _, p := range props {
		members = append(members, member{p.name, p.schema})
		if !p.optional {
			required = append(required, p.name)
		}
	}
	n := node{{"type", "object"}, {"description", text}, {"properties", members}}
	if len(required) > 0 {
		n = append(n, member{"required", required})
	}
	return append(n, member{"additionalProperties", false})
}

func text(about string, more ...member) node {
	return node{{"type", "string"}, {"description", about}}.with(more...)
}

func oneOf(about string, values ...string) node { return text(about, member{"enum", values}) }

func matching(about, pattern string, more ...member) node {
	return text(about, append([]member{{"pattern", pattern}}, more...)...)
}

func letters(low, high int) []member {
	return []member{{"minLength", low}, {"maxLength", high}}
}

// whole is a count. Without an upper bound it takes 64 bits in a client's language too.
func whole(about string, low int64, more ...member) node {
	n := node{{"type", "integer"}, {"description", about}, {"minimum", low}}.with(more...)
	if n.get("maximum") == nil {
		n = append(n, member{"format", "int64"})
	}
	return n
}

func upTo(high any) member { return member{"maximum", high} }

func number(about string, low, high float64) node {
	return node{{"type", "number"}, {"format", "double"}, {"description", about}, {"minimum", low}, {"maximum", high}}
}

func anyNumber(about string) node {
	return node{{"type", "number"}, {"format", "double"}, {"description", about}}
}

func list(about string, item node, more ...member) node {
	return node{{"type", "array"}, {"description", about}, {"items", item}}.with(more...)
}

// instant is a time. Generators make it a type that takes no pattern.
func instant(about string) node {
	return text(about, member{"format", "date-time"}, strictly("pattern", stampPattern))
}

// unless is a member of a request that has a value if it is not sent. Where the schema itself says
// so, some generators demand the member, and others always send the value.
func unless(n node, value any) node {
	out := slices.Clone(n)
	for i, m := range out {
		if about, ok := m.value.(string); ok && m.key == "description" {
			out[i].value = about + fmt.Sprintf(" Default: %v.", value)
		}
	}
	return append(out, strictly("default", value))
}

// orNull returns n, with null allowed as well. A text that may be null has its pattern in the
// strict edition only, because openapi-generator's Go refuses such texts.
func orNull(n node) node {
	out := slices.Clone(n)
	for i, m := range out {
		switch m.key {
		case "type":
			out[i].value = []any{m.value, "null"}
		case "pattern":
			out[i].key = testsOnly + m.key
		case "enum":
			values, _ := m.value.([]string)
			all := make([]any, 0, len(values)+1)
			for _, v := range values {
				all = append(all, v)
			}
			out[i].value = append(all, nil)
		case "$ref":
			return node{{"anyOf", []node{n, {{"type", "null"}}}}}
		}
	}
	return out
}

const (
	stampPattern = `^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$`
	// gatewayStamp is the only time format that the gateway can write into an answer of its own.
	gatewayStamp    = `^[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}:[0-9]{2}:[0-9]{2}:[0-9]{2} \+0000$`
	runPattern      = `^req_[a-z2-7]{26}$`
	uploadPattern   = `^upl_[a-z2-7]{26}$`
	entryPattern    = `^txn_[0-9]{12,}$`
	cursorPattern   = `^[A-Za-z0-9_-]{14,200}$`
	languagePattern = `^[a-z]{2}$`
	speakerPattern  = `^speaker_[1-9][0-9]{0,2}$`
	linkEndPattern  = `^[A-Za-z0-9_-]{94}$`
)

// comparisonPattern matches the token of a comparison.
func comparisonPattern() string {
	return fmt.Sprintf("^[A-Za-z0-9_-]{%d,%d}$", comparisonLength(1), comparisonLength(maxCompared))
}

func runID() node { return matching("The run's id. Treat it as opaque.", runPattern) }

func speakerID(about string) node {
	return matching(about+" `speaker_1` is the first to speak.", speakerPattern)
}

func externalID() node {
	return text("Your own name for the run. It need not be unique.", letters(1, maxExternalID)...)
}

func metadataSchema(values node) node {
	return node{{"type", "object"}, {"description", "Your own data: up to " + strconv.Itoa(maxMetadataKeys) + " keys and 8 KB in total. Numbers and booleans are returned as strings."},
		{"maxProperties", maxMetadataKeys}, {"propertyNames", node(letters(1, maxMetadataKey))}, {"additionalProperties", values}}
}

func metadataAnswered() node {
	return metadataSchema(node{{"type", "string"}, {"maxLength", maxMetadataValue}})
}

func tagsSchema(unique member) node {
	return list("Your own labels, trimmed and without duplicates.", text("A tag.", append(letters(1, maxTag), member{"pattern", `\S`})...),
		member{"maxItems", maxTags}, unique)
}

func scoreSchema(about string) node { return orNull(number(about+", 0 to 5 with one decimal", 0, 5)) }

func levelSchema(about string) node { return orNull(oneOf(about, overall.Levels[:]...)) }

func percentSchema() node {
	return orNull(whole("The score as a percentage of the scale.", 0, upTo(100)))
}

func confidenceLevels() []string {
	return []string{string(overall.High), string(overall.Medium), string(overall.Low)}
}

// scoreProps returns the properties of the scores, three for each score.
func scoreProps() []prop {
	var out []prop
	for _, d := range score.Names() {
		about := "All together"
		if row, ok := score.Find(d); ok {
			about = row.Title
		}
		points, cefr, percent := scored.Members(d)
		out = append(out, must(points, scoreSchema(about)), must(cefr, levelSchema("Its CEFR level.")), must(percent, percentSchema()))
	}
	return out
}

// each returns a property for each dimension.
func each(schema func(score.Row) node) []prop {
	var out []prop
	for _, row := range score.Table {
		out = append(out, must(string(row.Name), schema(row)))
	}
	return out
}

// analysisProps are the members that the analysis of every dimension has.
func analysisProps() []prop {
	return []prop{
		must("measures", list("The measures.", ref("schemas", "Measure"), member{"maxItems", 100})),
		must("cautions", list("What makes the score less certain.", text("One sentence."), member{"maxItems", 100})),
		must("reason", orNull(text("Why there is no score; null if there is one."))),
	}
}

// clarityNode is the schema of a clarity.
func clarityNode(of string) node {
	return whole("0 to 100: the share of good speakers' "+of+" that are less clear.", 0, upTo(100))
}

// partialWithout lists the dimensions that a partial result may lack.
func partialWithout() string {
	return score.Listed("or", func(r score.Row) bool { return !r.Required })
}

// wholeWith lists the dimensions that a partial result must have.
func wholeWith() string { return score.Listed("and", func(r score.Row) bool { return r.Required }) }

// formats returns the container formats that a recording may have.
func formats() []string {
	var out []string
	for f := range contentTypes {
		out = append(out, f)
	}
	slices.Sort(out)
	return out
}

func fileProps() []prop {
	low, high := audio.Bounds.MinLength.Milliseconds(), audio.Bounds.MaxLength.Milliseconds()
	return []prop{
		must("durationMs", whole("The recording's length, measured from its packets.", low, upTo(high))),
		must("durationFormatted", matching("The length in a form for people, such as 3:20 or 1:02:03.", `^([0-9]+:)?[0-9]{1,2}:[0-9]{2}$`)),
		must("format", oneOf("The file's format, detected from its content.", formats()...)),
		must("sizeBytes", whole("Size of the file.", 1, upTo(maxAudio))),
	}
}

// joinedProps describe how the recording was put together.
func joinedProps() []prop {
	return []prop{
		must("joins", whole("How many more recordings follow the first one in the file.", 0)),
		must("breaks", ref("schemas", "Breaks")),
	}
}

func headProps(status node) []prop {
	return []prop{
		must("id", runID()),
		must("externalId", orNull(externalID())),
		must("status", status),
		must("serviceType", oneOf("The service that the run belongs to.", speech.Name)),
		must("timestamp", instant("When this answer was made.")),
		must("createdAt", instant("When the run was submitted.")),
		must("completedAt", orNull(instant("When the run ended; null until then."))),
		must("processingTimeMs", orNull(whole("Time from the start of processing to the end of the run; null until then, and for a run that never started.", 0))),
	}
}

func stageNames() []string {
	out := []string{presentation.StageQueued}
	for _, s := range speech.Service.Stages {
		out = append(out, string(s.Name))
	}
	return out
}

func pollIntervals() node {
	return whole("Poll again after this many seconds: 15 during the first 2 minutes after the submit, 30 until 5 minutes, then 60.", 15, upTo(60))
}

func queueSchema() node {
	return whole("Position in the queue, from 1. Present only while the run is queued.", 1)
}

func terminalCodes() []string {
	var out []string
	for _, e := range errcode.Table {
		if e.Terminal {
			out = append(out, string(e.Code))
		}
	}
	return out
}

func httpCodes() []string {
	var out []string
	for _, e := range errcode.Table {
		if e.Status > 0 {
			out = append(out, string(e.Code))
		}
	}
	return out
}

func summaryProps() []prop {
	props := headProps(oneOf("How the run ended. `partial`: "+partialWithout()+" could not be measured, and the submit set allowPartial.", statusNames(run.Status.Terminal)...))
	return append(props,
		must("scoringMethod", orNull(oneOf("How it was scored. The second method is for languages other than English.", scored.MethodEnglish, scored.MethodMultilingual))),
		must("scoringVersion", orNull(text("The version of the scoring. It changes whenever the same audio could score differently.", letters(1, 64)...))),
		must("audio", ref("schemas", "FinishedAudio")),
		must("candidateDetection", orNull(ref("schemas", "CandidateDetection"))),
		must("scores", orNull(ref("schemas", "Scores"))),
		must("confidence", orNull(ref("schemas", "Confidences"))),
		must("explainability", orNull(ref("schemas", "Explainability"))),
		must("hrRecommendation", orNull(text("A paragraph for the recruiter."))),
		must("candidateFeedback", orNull(text("A paragraph for the candidate."))),
		must("credits", ref("schemas", "ChargedCredits")),
		must("error", orNull(ref("schemas", "Failure"))),
		may("erasedAt", instant("When the client erased the run. Present only if it did.")),
		must("metadata", metadataAnswered()),
		must("tags", tagsSchema(member{"uniqueItems", true})))
}

// doneFileProps returns the properties of a recording that was heard.
func doneFileProps() []prop {
	return append(append(fileProps(), joinedProps()...),
		must("languageCode", orNull(matching("The language that was heard, ISO 639-1.", languagePattern))),
		must("requestedLanguage", matching("The language that the submit named, ISO 639-1.", languagePattern)),
		must("speakerCount", orNull(whole("How many speakers were heard.", 0, upTo(100)))),
		must("channels", orNull(ref("schemas", "Channels"))),
		must("quality", orNull(ref("schemas", "Quality"))))
}

// schemaNodes returns the schemas of bodies, by name. Every object has a name: generators make one
// up for an object inside another, or fail.
func schemaNodes() node {
	liveFile := append(append(fileProps(), joinedProps()...), must("requestedLanguage", matching("The language that the submit named, ISO 639-1.", languagePattern)))
	live := func(s run.Status) bool { return !s.Terminal() }
	whenNull := " A score that was not measured is null."
	return node{
		{"AcceptedRun", closed("A submit that was accepted.",
			must("id", runID()),
			must("status", oneOf("`queued` if the client already has its maximum number of runs in process. Queued runs start by themselves, in the order of their submits.", statusNames(live)...)),
			must("externalId", orNull(externalID())),
			must("serviceType", oneOf("The service that the run belongs to.", speech.Name)),
			must("timestamp", instant("When it was accepted.")),
			must("pollIntervalSeconds", pollIntervals()),
			may("queuePosition", queueSchema()),
			must("activeRequests", whole("How many of the client's runs are in process.", 0)),
			must("audio", ref("schemas", "AcceptedAudio")),
			must("credits", ref("schemas", "HeldCredits")),
			must("metadata", metadataAnswered()),
			must("tags", tagsSchema(member{"uniqueItems", true})))},
		{"LiveRun", closed("A run that has not ended.", append(headProps(oneOf("The run's current status.", statusNames(live)...)),
			must("stage", oneOf("The earliest stage that has not finished.", stageNames()...)),
			must("progress", whole("Progress in percent.", 0, upTo(100))),
			must("pollIntervalSeconds", pollIntervals()),
			may("queuePosition", queueSchema()),
			must("audio", ref("schemas", "LiveAudio")),
			must("credits", ref("schemas", "HeldCredits")),
			must("metadata", metadataAnswered()),
			must("tags", tagsSchema(member{"uniqueItems", true})))...)},
		{"RunSummary", closed("A run that has ended, without transcript and analysis. Its results are null after an erasure. In a list they are also null if our record of them is damaged.", summaryProps()...)},
		{"FinishedRun", closed("A run that has ended, in full. A null value was not measured, or was erased.", append(summaryProps(),
			must("analysis", orNull(ref("schemas", "Analyses"))),
			must("transcript", orNull(ref("schemas", "Transcript"))))...)},
		{"Run", eitherRun("A run.", "FinishedRun")},
		{"ListedRun", eitherRun("A run in a list.", "RunSummary")},
		{"AcceptedAudio", closed("The recording.", fileProps()...)},
		{"LiveAudio", closed("The recording.", liveFile...)},
		{"FinishedAudio", closed("The recording.", doneFileProps()...)},
		{"Breaks", closed("The gaps of more than a minute in the recording. One second of each is kept.",
			must("count", whole("How many there are.", 0)),
			must("leftOutMs", whole("The time left out of all of them, neither billed nor measured.", 0)))},
		{"Quality", closed("How good the recording is.",
			must("snrDb", orNull(anyNumber("Signal-to-noise ratio, dB."))),
			must("clippedPercent", orNull(number("Percentage of samples that are clipped.", 0, 100))),
			must("speechPercent", orNull(number("Percentage of the time in which somebody speaks.", 0, 100))),
			must("bandwidthHz", orNull(number("The highest frequency that carries speech, Hz: about 3400 on a telephone.", 0, audio.SampleRate/2))),
			must("cautions", list("What in the sound makes the scores less certain.", text("One sentence."), member{"maxItems", 20})))},
		{"Channels", closed("How the channels of the file were used.",
			must("count", whole("How many channels the file has.", 1, upTo(64))),
			must("used", oneOf("What was heard: the only channel, one sound made of all, one channel alone, or each channel separately.", string(channels.Mono), string(channels.Mixed), string(channels.Separate), string(channels.Left), string(channels.Right))),
			must("note", orNull(text("What was decided, and why; null if there was nothing to decide."))))},
		{"CandidateDetection", closed("Which speaker we identified as the candidate, and why.",
			must("speaker", speakerID("The speaker.")),
			must("speakerLabel", text("The speaker's name in this run.", letters(1, 40)...)),
			must("confidence", oneOf("How certain the identification is.", confidenceLevels()...)),
			must("reason", text("One sentence that gives the reason.")),
			must("wordCount", whole("How many words the candidate says.", 0)),
			must("channel", orNull(oneOf("The candidate's channel; null unless the channels are used separately.", string(transcript.Left), string(transcript.Right)))),
			must("hint", orNull(oneOf("What the submit said in `candidateSpeaks`; null if nothing.", hints()...))))},
		{"Scores", closed("The scores."+whenNull, scoreProps()...)},
		{"Confidence", closed("How certain a score is.",
			must("level", oneOf("The certainty in one word.", confidenceLevels()...)),
			must("interval", list("The 90 % interval, [low, high], on the scale of the scores.", number("One end of the interval.", 0, 5), member{"minItems", 2}, member{"maxItems", 2})))},
		{"Confidences", closed("How certain each score is."+whenNull,
			append(each(func(score.Row) node { return orNull(ref("schemas", "Confidence")) }), must(string(score.Overall), orNull(ref("schemas", "Confidence"))))...)},
		{"Explainability", closed("Two or three plain sentences about each score. They are safe to show to anyone.",
			each(func(d score.Row) node { return text("On " + string(d.Name) + ".") })...)},
		{"Analyses", closed("Everything that was measured, by dimension.",
			each(func(row score.Row) node {
				switch row.Name {
				case score.Vocabulary:
					return ref("schemas", "VocabularyAnalysis")
				case score.Accent:
					return ref("schemas", "AccentAnalysis")
				}
				return ref("schemas", "Analysis")
			})...)},
		{"Analysis", closed("Everything that was measured for one dimension.", analysisProps()...)},
		{"VocabularyAnalysis", closed("Everything that was measured for vocabulary, and the words and patterns that the score rests on. The lists are null if there is no score.", append(analysisProps(),
			must("bands", orNull(list("The candidate's words by CEFR level, A1 first. A level without a word is missing. Names, numbers, words of talk and words off the lists have no level.",
				ref("schemas", "WordBand"), member{"maxItems", len(overall.Levels)}))),
			must("patterns", orNull(list("The patterns of grammar and phrase that were found, those learnt latest first.", ref("schemas", "WordPattern"), member{"maxItems", score.MaxPatterns}))),
			must("practice", orNull(list("What the candidate can practise, with an example from their own words. `candidateFeedback` says the same.",
				ref("schemas", "PracticePoint"), member{"maxItems", score.MaxPoints}))))...)},
		{"AccentAnalysis", closed("Everything that was measured for accent, and the candidate's least clear words.", append(analysisProps(),
			must("words", orNull(list("The candidate's least clear words, the least clear first; null if none could be compared.", ref("schemas", "ClearWord"), member{"maxItems", score.MaxPronounced}))),
			must("wordsReason", orNull(text("Why there are no words; null if there are some."))))...)},
		{"ClearWord", closed("How clearly one word was pronounced.",
			must("text", text("The word.")),
			must("startMs", whole("Start, measured from the beginning of the recording.", 0)),
			must("endMs", whole("End, measured from the beginning of the recording.", 0)),
			must("clarity", clarityNode("words")),
			must("sounds", list("Its sounds, in order.", ref("schemas", "ClearSound"), member{"maxItems", 100})))},
		{"ClearSound", closed("One sound.",
			must("ipa", text("The sound in the International Phonetic Alphabet.")),
			must("startMs", whole("Start, measured from the beginning of the recording.", 0)),
			must("endMs", whole("End, measured from the beginning of the recording.", 0)),
			must("clarity", clarityNode("same sounds")))},
		{"WordBand", closed("The candidate's words of one level.",
			must("level", oneOf("The level, after CEFR-J 1.5 and Octanove 1.0.", overall.Levels[:]...)),
			must("different", whole("How many different words.", 1)),
			must("said", whole("How often they were said, all together.", 1)),
			must("words", list("The words most said.", ref("schemas", "BandWord"), member{"maxItems", score.MaxBandWords})))},
		{"BandWord", closed("One word.",
			must("word", text("The base form; of a structure word the form itself.")),
			must("part", oneOf("The part of speech.", score.Parts...)),
			must("count", whole("How often it was said.", 1)),
			must("at", ref("schemas", "Spot")))},
		{"WordPattern", closed("One pattern of grammar or phrase.",
			must("name", text("The name for programs. It does not change.")),
			must("form", orNull(text("Its word, such as who or instead of; null if it has none."))),
			must("kind", oneOf("What kind of pattern it is.", score.PatternKinds...)),
			must("level", orNull(oneOf("The level at which it is learnt, after the CEFR-J Grammar Profile; null if no list has it.", overall.Levels[:]...))),
			must("count", whole("How often it was found.", 1)),
			must("at", list("Where it was recognised most certainly.", ref("schemas", "Spot"), member{"minItems", 1}, member{"maxItems", score.MaxPlaces})))},
		{"PracticePoint", closed("One thing to practise.",
			must("measure", text("The name of the measure that it would raise.")),
			must("text", text("One sentence for the candidate, with their own words as an example.")),
			must("better", list("Words or patterns that may be used instead; empty if none is known.", text("One of them."), member{"maxItems", 10})),
			must("at", ref("schemas", "Spot")))},
		{"Spot", closed("A place in the transcript.",
			must("segment", whole("Index in `transcript.segments`.", 0)),
			must("word", whole("Index of the first word in the segment.", 0)),
			must("words", whole("How many words it takes.", 1)),
			must("startMs", whole("Start, measured from the beginning of the recording.", 0)),
			must("endMs", whole("End, measured from the beginning of the recording.", 0)),
			must("text", text("The words, without punctuation and hesitation.")),
			must("confidence", orNull(number("The lowest confidence of the words; null if the recogniser gives none.", 0, 1))))},
		{"Measure", closed("One measured quantity.",
			must("name", matching("The name for programs. It does not change.", `^[a-z][A-Za-z0-9]*$`)),
			must("label", text("The name for people.")),
			must("value", orNull(anyNumber("The value. Null if it was not measured; `reason` then says why."))),
			must("unit", text("The unit of the value and of the norm.")),
			must("norm", orNull(ref("schemas", "Norm"))),
			must("weight", number("The measure's share of the score. 0: reported but not scored.", 0, 1)),
			must("contribution", number("How many points of the scale the measure moved the score, compared with a value in the middle of the norm.", -5, 5)),
			may("reason", text("Why there is no value.")))},
		{"Norm", closed("The range from about A2 to about C1. If a measure falls as proficiency rises, low is greater than high.",
			must("low", anyNumber("The value at about A2.")), must("high", anyNumber("The value at about C1.")), must("source", text("Where the range comes from.")))},
		{"Transcript", closed("Who said what.",
			must("segments", list("Stretches of one speaker, in order of time.", ref("schemas", "Segment"))),
			must("speakers", list("The speakers.", ref("schemas", "Speaker"), member{"maxItems", 100})),
			must("candidateText", text("Everything the candidate said.")),
			must("candidateSpeaker", orNull(speakerID("The candidate; null if nobody spoke."))))},
		{"Segment", closed("A stretch of one speaker.",
			must("speaker", speakerID("The speaker.")),
			must("startMs", whole("Start, measured from the beginning of the recording.", 0)),
			must("endMs", whole("End, measured from the beginning of the recording.", 0)),
			must("text", text("The words, as one text.")),
			must("confidence", orNull(number("The mean confidence of its words; null if no word has one.", 0, 1))),
			must("overlap", node{{"type", "boolean"}, {"description", "Whether another speaker speaks at the same time, in the segment or at its ends. Where the channels are used separately that is known from each; in one sound it is heard, for 0.4 s or more. What two say at once where one speaker follows the other is in the transcript, and is not scored."}}),
			must("words", list("The words.", ref("schemas", "Word"))))},
		{"Word", closed("One word, as it was recognised.",
			must("text", text("The word.")),
			must("startMs", whole("Start, measured from the beginning of the recording.", 0)),
			must("endMs", whole("End, measured from the beginning of the recording.", 0)),
			must("confidence", orNull(number("How probable it is that the word is right. Of the words with about 0.8, about 80 % are right. Null if the recogniser gives no such probability.", 0, 1))))},
		{"Speaker", closed("One speaker's share.",
			must("speaker", speakerID("The speaker.")),
			must("speakerLabel", text("The speaker's name in this run.", letters(1, 40)...)),
			must("speakingMs", whole("How long they speak.", 0)),
			must("wordCount", whole("How many words they say.", 0)))},
		{"HeldCredits", closed("The credits that the run holds until it ends.",
			must("held", whole("Credits held: 1 per started minute.", 1, upTo(speech.Price(audio.Bounds.MaxLength)))))},
		{"ChargedCredits", closed("What the run cost.",
			must("deducted", whole("Credits charged; 0 for a failed run.", 0, upTo(speech.Price(audio.Bounds.MaxLength)))),
			must("remainingBalance", orNull(whole("The client's balance at the time of this answer. Null in an answer to the link of a report page.", 0))),
			must("audioDurationMinutes", number("The recording's length in minutes, to two decimals.", audio.Bounds.MinLength.Minutes(), audio.Bounds.MaxLength.Minutes())))},
		{"Failure", closed("Why the run failed. No credits are charged.",
			must("code", oneOf("Which step failed, for programs.", terminalCodes()...)),
			must("message", text("What happened and what to do, for people.")))},
		{"RunPage", closed("One page of runs, newest first.",
			must("data", list("The runs.", ref("schemas", "ListedRun"), member{"maxItems", maxLimit})),
			must("nextCursor", orNull(matching("The cursor of the next page; null on the last page.", cursorPattern))))},
		{"Credits", closed("The account.",
			must("balance", whole("Credits owned, including those held.", 0)),
			must("held", whole("Credits held by runs that have not ended.", 0)),
			must("available", whole("Always balance minus held.", 0)),
			must("usage", ref("schemas", "Usage")),
			must("recentTransactions", list("The latest entries of the ledger, newest first.", ref("schemas", "Transaction"), member{"maxItems", recentEntries})))},
		{"Usage", closed("Credits charged. Null if the ledger is too long to add up in one call.",
			must("today", orNull(whole("Since midnight UTC.", 0))),
			must("last30Days", orNull(whole("In the last "+strconv.Itoa(usageDays)+" days.", 0))))},
		{"Transaction", closed("One entry of the ledger. Entries are never changed or removed.",
			must("id", matching("The entry's id.", entryPattern)),
			must("type", oneOf("grant and adjust change the balance; hold reserves credits for a run; charge takes the credits held; release returns them.",
				string(credit.Grant), string(credit.Hold), string(credit.Charge), string(credit.Release), string(credit.Adjust))),
			must("amount", node{{"type", "integer"}, {"format", "int64"}, {"description", "Credits. Negative only for an adjustment that reduces the balance."}}),
			must("runId", orNull(runID())),
			must("balanceAfter", whole("The balance after this entry.", 0)),
			must("heldAfter", whole("The credits held after this entry.", 0)),
			must("createdAt", instant("When the entry was written.")),
			must("note", text("The operator's note; may be empty.")))},
		{"TransactionPage", closed("One page of the ledger, newest first.",
			must("data", list("The entries.", ref("schemas", "Transaction"), member{"maxItems", maxLimit})),
			must("nextCursor", orNull(matching("The cursor of the next page; null on the last page.", cursorPattern))))},
		{"UploadRequest", closed("The file that you want to upload.",
			must("sizeBytes", whole("Size of the file.", 1, upTo(maxAudio))),
			may("contentType", matching("The file's media type. It is only a hint: the submit detects the format from the content.", mediaTypePattern, letters(3, maxMediaType)...)))},
		{"Upload", closed("A presigned S3 POST.",
			must("uploadId", matching("Identifies the upload in a submit.", uploadPattern)),
			must("url", text("POST a multipart form to this address: first `fields`, then the file as `file`.", member{"format", "uri"})),
			must("fields", node{{"type", "object"}, {"description", "The form fields. Send all of them, and no others, since S3 refuses a field that their policy does not name. Only `Content-Type`, which is the `contentType` that you asked for, may have another value. The policy fixes the key and allows a size of 1 to " + strconv.FormatInt(maxAudio, 10) + " bytes."},
				{"maxProperties", 20}, {"additionalProperties", node{{"type", "string"}, {"maxLength", 8192}}}}),
			must("expiresAt", instant("Post the file before this time.")))},
		{"ReportLinkRequest", closed("How long a link is to work.",
			may("expiresInHours", unless(whole("Hours until the link ends.", minLinkHours, upTo(maxLinkHours)), defaultLinkHours)))},
		{"ReportLink", linkSchema("A link to a report page.", "The page. Whoever has this address can read it.", "The link ends at this time.")},
		{"ComparisonRequest", closed("Which runs to compare, and how long the link is to work.",
			must("by", oneOf("What the runs have in common.", "externalId", "tag")),
			must("value", text("The externalId or the tag.", append(letters(1, maxExternalID), member{"pattern", `\S`})...)),
			may("expiresInHours", unless(whole("Hours until the link ends.", minLinkHours, upTo(maxLinkHours)), defaultLinkHours)))},
		{"ComparisonLink", closed("A link to a comparison.",
			must("url", text("The page. Whoever has this address can read it.", member{"format", "uri"})),
			must("expiresAt", instant("The link ends at this time.")),
			must("runs", whole("How many runs are compared.", 1, upTo(maxCompared))))},
		{"Comparison", closed("The runs that are compared, newest first.",
			must("data", list("The runs.", ref("schemas", "ListedRun"), member{"minItems", 1}, member{"maxItems", maxCompared})))},
		{"ReportSound", linkSchema("A link to a recording.", "The recording.", "The link ends at this time, and the page asks for another.")},
		{"Health", closed("The service is ready.",
			must("status", oneOf("The state of the whole service. While it is not ready, this call and every submit answer 503 SERVICE_WARMING_UP.", stateReady)),
			must("timestamp", instant("When this answer was made.")),
			must("checkedAt", instant("When the parts were last probed.")),
			must("parts", partsSchema("The parts that need engines, by stage.", stateReady)))},
		{"Submission", submitSchema()},
		{"CutSettings", cutSchema()},
		{"RunCompleted", closed("The body of a webhook.",
			must("type", oneOf("The kind of event.", "run.completed")),
			must("timestamp", instant("When the run ended.")),
			must("data", ref("schemas", "RunSummary")))},
		{"Error", closed("The envelope of every error.", must("error", ref("schemas", "ErrorBody")))},
		{"ErrorBody", errorSchema()},
		{"ErrorDetails", detailsSchema()},
		{"FieldFault", closed("One invalid field.",
			must("name", text("The field, setting or header. Long names are shortened.")),
			may("message", text("What is wrong with it, for people.")),
			may("reason", text("What is wrong with it, for programs: "+strings.Join(cutReasons, ", ")+".")),
			may("min", anyNumber("The lowest value accepted.")),
			may("max", anyNumber("The highest value accepted.")),
			may("value", node{{"description", "The value that was sent."}}))},
	}
}

// eitherRun is a run in process, or one that has ended in the shape of this name. The status tells
// which.
func eitherRun(about, ended string) node {
	var mapping node
	for _, s := range run.Statuses {
		name := "LiveRun"
		if s.Terminal() {
			name = ended
		}
		mapping = append(mapping, member{string(s), "#/components/schemas/" + name})
	}
	return node{{"description", about}, {"oneOf", []node{ref("schemas", "LiveRun"), ref("schemas", ended)}},
		{"discriminator", node{{"propertyName", "status"}, {"mapping", mapping}}}}
}

func linkSchema(about, url, end string) node {
	return closed(about, must("url", text(url, member{"format", "uri"})), must("expiresAt", instant(end)))
}

func errorSchema() node {
	return closed("The error.",
		must("code", codeSchema()),
		must("message", text("What is wrong and how to fix it, for people.", member{"minLength", 1})),
		must("timestamp", text("When the error occurred: ISO 8601 in UTC with milliseconds. In an error that the gateway itself answers, the time may be in the gateway's own format.",
			strictly("anyOf", []node{{{"pattern", stampPattern}}, {{"pattern", gatewayStamp}}}))),
		may("requestId", matching("The X-Request-Id, if the call's own handler ran. Quote it when you contact support.", runPattern)),
		may("retryAfterSeconds", whole("Wait at least this many seconds. The same as Retry-After.", 1, upTo(86400))),
		may("details", ref("schemas", "ErrorDetails")))
}

// codeSchema lists the codes with their messages, in a form that generators turn into comments.
func codeSchema() node {
	n := oneOf("What is wrong, for programs.", httpCodes()...)
	var about []string
	for _, e := range errcode.Table {
		if e.Status > 0 {
			about = append(about, strconv.Itoa(e.Status)+": "+e.Message)
		}
	}
	return n.with(member{"x-enum-descriptions", about})
}

func detailsSchema() node {
	return closed("Details; which ones depends on the code.",
		may("fields", list("INVALID_PARAMETERS: each invalid field.", ref("schemas", "FieldFault"), member{"maxItems", 1000})),
		may("durationMs", whole("AUDIO_TOO_SHORT, AUDIO_TOO_LONG, AUDIO_DURATION_UNAVAILABLE: the recording's length, as far as its packets show it.", 0)),
		may("minDurationMs", whole("AUDIO_TOO_SHORT: the minimum length.", audio.Bounds.MinLength.Milliseconds(), upTo(audio.Bounds.MinLength.Milliseconds()))),
		may("maxDurationMs", whole("AUDIO_TOO_LONG: the maximum length.", audio.Bounds.MaxLength.Milliseconds(), upTo(audio.Bounds.MaxLength.Milliseconds()))),
		may("cost", whole("INSUFFICIENT_CREDITS: what the recording costs.", 1)),
		may("available", whole("INSUFFICIENT_CREDITS: the credits available.", 0)),
		may("parts", partsSchema("SERVICE_WARMING_UP: the parts that need engines, by stage.", stateReady, stateWarmingUp)),
		may("checkedAt", orNull(instant("SERVICE_WARMING_UP: when the parts were last probed; null if never."))),
		may("uploadsUrl", matching("REQUEST_TOO_LARGE: where to request an upload.", Base+"/speech/uploads$")))
}

func partsSchema(about string, states ...string) node {
	return node{{"type", "object"}, {"description", about}, {"maxProperties", len(speech.Service.Stages)},
		{"propertyNames", node{{"enum", stageNames()[1:]}}}, {"additionalProperties", oneOf("The part's state.", states...)}}
}

// cutReasons are the values of CutFault.Reason.
var cutReasons = []string{"unknown", "notANumber", "notWhole", "outOfBounds", "tooLittleLeft", "notAnObject"}

func cutSchema() node {
	var props []prop
	for _, b := range audio.CutBounds {
		kind := "number"
		if b.Whole {
			kind = "integer"
		}
		n := node{{"type", kind}, {"description", cutTexts[b.Name] + " Unit: " + b.Unit + "."}, {"minimum", b.Min}, {"maximum", b.Max}}
		if !b.Whole {
			n = append(n, member{"format", "double"})
		}
		if b.Default >= b.Min && b.Default <= b.Max {
			n = unless(n, b.Default)
		}
		props = append(props, may(b.Name, n))
	}
	return closed("How the recording is divided into speech and silence before it is scored.", props...)
}

// cutTexts says what each setting does.
var cutTexts = map[string]string{
	"startSeconds":       "Skip everything before this point.",
	"endSeconds":         "Skip everything after this point. The rest must be at least " + strconv.Itoa(int(audio.Bounds.MinLength.Seconds())) + " s long. Default: the end of the recording.",
	"silenceThresholdDb": "Sound this far below the recording's speech level counts as silence.",
	"minSilenceMs":       "Silence shorter than this does not count as a pause.",
	"minSpeechMs":        "Sound shorter than this counts as noise.",
	"paddingMs":          "How much to keep before and after each speech segment.",
}

func headerNodes() node {
	header := func(required bool, schema node) node {
		about, _ := schema.get("description").(string)
		return node{{"description", about}, {"required", required}, {"schema", schema}}
	}
	return node{
		{"XRequestId", header(true, text("The request's id. Quote it when you contact support.", letters(1, 128)...))},
		{"RateLimitLimit", header(true, whole("How many submits and links the key may ask for per minute: "+strconv.Itoa(account.DefaultRate)+" unless set otherwise.", 1))},
		{"RateLimitRemaining", header(true, whole("How many of them are left in this minute.", 0))},
		{"RateLimitReset", header(true, whole("Seconds until the minute ends.", 0, upTo(60)))},
		{"RetryAfter", header(false, whole("Seconds to wait.", 1, upTo(86400)))},
		{"Location", header(true, matching("Where to poll the run.", Base+"/speech/analyze/req_[a-z2-7]{26}$"))},
		{"IdempotencyReplayed", header(false, oneOf("Set if the Idempotency-Key was used before. The answer repeats the first one; nothing was held or started twice.", "true"))},
		{"ETag", header(true, matching("Identifies this version of the document.", `^"[0-9a-f]{16}"$`))},
		{"CacheControl", header(true, text("How long the answer may be cached, and by whom.", letters(1, 100)...))},
		{"ReferrerPolicy", header(true, oneOf("The page's address is told to nobody.", "no-referrer"))},
		{"XRobotsTag", header(true, oneOf("Search engines must not list the answer.", "noindex"))},
	}
}
