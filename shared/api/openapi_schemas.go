package api

import (
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
	scored "parley/shared/speech/report"
	"parley/shared/speech/score"
	"parley/shared/speech/score/overall"
)

// prop is one member of an object's schema.
type prop struct {
	name     string
	schema   node
	optional bool
}

func must(name string, schema node) prop { return prop{name: name, schema: schema} }
func may(name string, schema node) prop  { return prop{name: name, schema: schema, optional: true} }

// closed is an object of these members and no others.
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

func whole(about string, low int64, more ...member) node {
	return node{{"type", "integer"}, {"description", about}, {"minimum", low}}.with(more...)
}

func upTo(high any) member { return member{"maximum", high} }

func number(about string, low, high float64) node {
	return node{{"type", "number"}, {"description", about}, {"minimum", low}, {"maximum", high}}
}

func anyNumber(about string) node { return node{{"type", "number"}, {"description", about}} }

func list(about string, item node, more ...member) node {
	return node{{"type", "array"}, {"description", about}, {"items", item}}.with(more...)
}

func instant(about string) node {
	return text(about, member{"format", "date-time"}, member{"pattern", stampPattern})
}

// orNull is the schema that takes null as well.
func orNull(n node) node {
	out := slices.Clone(n)
	for i, m := range out {
		switch m.key {
		case "type":
			out[i].value = []any{m.value, "null"}
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
	// gatewayStamp is the only form of the time that the gateway can put into an answer of its own.
	gatewayStamp    = `^[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}:[0-9]{2}:[0-9]{2}:[0-9]{2} \+0000$`
	runPattern      = `^req_[a-z2-7]{26}$`
	uploadPattern   = `^upl_[a-z2-7]{26}$`
	entryPattern    = `^txn_[0-9]{12,}$`
	cursorPattern   = `^[A-Za-z0-9_-]{14,200}$`
	languagePattern = `^[a-z]{2}$`
)

func runID() node { return matching("The run's id: opaque.", runPattern) }

func externalID() node {
	return text("Your own name for the run; need not be unique.", letters(1, maxExternalID)...)
}

func metadataSchema(values node) node {
	return node{{"type", "object"}, {"description", "Your own data: up to " + strconv.Itoa(maxMetadataKeys) + " keys and 8 KB in all. Numbers and booleans come back as strings."},
		{"maxProperties", maxMetadataKeys}, {"propertyNames", node(letters(1, maxMetadataKey))}, {"additionalProperties", values}}
}

func metadataAnswered() node {
	return metadataSchema(node{{"type", "string"}, {"maxLength", maxMetadataValue}})
}

func tagsSchema() node {
	return list("Your own labels: distinct, trimmed.", text("A tag.", append(letters(1, maxTag), member{"pattern", `\S`})...),
		member{"maxItems", maxTags}, member{"uniqueItems", true})
}

func scoreSchema(about string) node { return orNull(number(about+", 0 to 5 with one decimal", 0, 5)) }

func levelSchema(about string) node { return orNull(oneOf(about, overall.Levels[:]...)) }

func percentSchema() node { return orNull(whole("The score in percent of the scale.", 0, upTo(100))) }

func confidenceLevels() []string {
	return []string{string(overall.High), string(overall.Medium), string(overall.Low)}
}

// scoreProps are the members of the scores, three for each.
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

// each is a member for each dimension.
func each(schema func(score.Row) node) []prop {
	var out []prop
	for _, row := range score.Table {
		out = append(out, must(string(row.Name), schema(row)))
	}
	return out
}

// partialWithout lists what a client may do without, and wholeWith what it may not.
func partialWithout() string {
	return score.Listed("or", func(r score.Row) bool { return !r.Required })
}
func wholeWith() string { return score.Listed("and", func(r score.Row) bool { return r.Required }) }

// formats are the containers that a recording may have.
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
		must("durationMs", whole("How long the recording is: what its packets hold.", low, upTo(high))),
		must("durationFormatted", matching("The same for people.", `^([0-9]+:)?[0-9]{1,2}:[0-9]{2}$`)),
		must("format", oneOf("What the file is, by its content.", formats()...)),
		must("sizeBytes", whole("Size of the file.", 1, upTo(maxAudio))),
	}
}

func headProps(status node) []prop {
	return []prop{
		must("id", runID()),
		must("externalId", orNull(externalID())),
		must("status", status),
		must("serviceType", oneOf("The service that the run belongs to.", speech.Name)),
		must("timestamp", instant("When this was answered.")),
		must("createdAt", instant("When the run was submitted.")),
		must("completedAt", orNull(instant("When it ended; null before."))),
		must("processingTimeMs", orNull(whole("From its slot to its end; null before, and for a run that never had one.", 0))),
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
	return whole("Poll again after this many seconds: 15 in the first 2 minutes after the submit, 30 to 5 minutes, then 60.", 15, upTo(60))
}

func queueSchema() node {
	return whole("Place in the queue, from 1; only while queued.", 1)
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
	props := headProps(oneOf("How it ended. `partial`: asked for with allowPartial, and "+partialWithout()+" could not be measured.", statusNames(run.Status.Terminal)...))
	doneFile := append(fileProps(),
		must("languageCode", orNull(matching("The language heard, ISO 639-1.", languagePattern))),
		must("requestedLanguage", matching("The language asked for, ISO 639-1.", languagePattern)),
		must("speakerCount", orNull(whole("How many speakers were heard.", 0, upTo(100)))),
		must("quality", orNull(ref("schemas", "Quality"))))
	return append(props,
		must("scoringMethod", orNull(oneOf("How it was scored: the latter for languages other than English.", scored.MethodEnglish, scored.MethodMultilingual))),
		must("scoringVersion", orNull(text("Changes whenever the same audio could score differently.", letters(1, 64)...))),
		must("audio", closed("The recording.", doneFile...)),
		must("candidateDetection", orNull(ref("schemas", "CandidateDetection"))),
		must("scores", orNull(ref("schemas", "Scores"))),
		must("confidence", orNull(ref("schemas", "Confidences"))),
		must("explainability", orNull(ref("schemas", "Explainability"))),
		must("hrRecommendation", orNull(text("A paragraph for the recruiter."))),
		must("candidateFeedback", orNull(text("A paragraph for the candidate."))),
		must("credits", ref("schemas", "ChargedCredits")),
		must("error", orNull(ref("schemas", "Failure"))),
		may("erasedAt", instant("When the client erased it; only where it did.")),
		must("metadata", metadataAnswered()),
		must("tags", tagsSchema()))
}

// schemaNodes are the shapes of bodies, by name.
func schemaNodes() node {
	liveFile := append(fileProps(), must("requestedLanguage", matching("The language asked for, ISO 639-1.", languagePattern)))
	live := func(s run.Status) bool { return !s.Terminal() }
	whenNull := " Null where it was not measured."
	return node{
		{"AcceptedRun", closed("A submit that was accepted.",
			must("id", runID()),
			must("status", oneOf("`queued` where the client's runs in process are as many as it may have; a queued run starts by itself, first in, first out.", statusNames(live)...)),
			must("externalId", orNull(externalID())),
			must("serviceType", oneOf("The service that the run belongs to.", speech.Name)),
			must("timestamp", instant("When it was accepted.")),
			must("pollIntervalSeconds", pollIntervals()),
			may("queuePosition", queueSchema()),
			must("activeRequests", whole("The client's runs in process.", 0)),
			must("audio", closed("The recording.", fileProps()...)),
			must("credits", ref("schemas", "HeldCredits")),
			must("metadata", metadataAnswered()),
			must("tags", tagsSchema()))},
		{"LiveRun", closed("A run that has not ended.", append(headProps(oneOf("Where the run stands.", statusNames(live)...)),
			must("stage", oneOf("The earliest unfinished stage.", stageNames()...)),
			must("progress", whole("Percent.", 0, upTo(100))),
			must("pollIntervalSeconds", pollIntervals()),
			may("queuePosition", queueSchema()),
			must("audio", closed("The recording.", liveFile...)),
			must("credits", ref("schemas", "HeldCredits")),
			must("metadata", metadataAnswered()),
			must("tags", tagsSchema()))...)},
		{"RunSummary", closed("A run that has ended, without transcript and analysis. What was scored is null after an erasure, and in the list alone where our record of it is damaged.", summaryProps()...)},
		{"FinishedRun", closed("A run that has ended, whole. What is null was not measured, or was erased.", append(summaryProps(),
			must("analysis", orNull(ref("schemas", "Analyses"))),
			must("transcript", orNull(ref("schemas", "Transcript"))))...)},
		{"Quality", closed("How good the recording is.",
			must("snrDb", orNull(anyNumber("Signal to noise, dB."))),
			must("clippedPercent", orNull(number("Share of samples that are clipped.", 0, 100))),
			must("speechPercent", orNull(number("Share of the time in which somebody speaks.", 0, 100))))},
		{"CandidateDetection", closed("Which speaker is taken to be the candidate, and why.",
			must("speaker", whole("The speaker's number, from 0.", 0)),
			must("speakerLabel", text("The speaker's name in this run.", letters(1, 40)...)),
			must("confidence", oneOf("How sure that is.", confidenceLevels()...)),
			must("reason", text("A sentence.")),
			must("wordCount", whole("Words of the candidate.", 0)))},
		{"Scores", closed("The scores."+whenNull, scoreProps()...)},
		{"Confidence", closed("How sure a score is.",
			must("level", oneOf("In a word.", confidenceLevels()...)),
			must("interval", list("The 90 % interval, [low, high], on the scale of the scores.", number("An end.", 0, 5), member{"minItems", 2}, member{"maxItems", 2})))},
		{"Confidences", closed("How sure each score is."+whenNull,
			append(each(func(score.Row) node { return orNull(ref("schemas", "Confidence")) }), must(string(score.Overall), orNull(ref("schemas", "Confidence"))))...)},
		{"Explainability", closed("Two or three plain sentences on each score, safe to show to anyone.",
			each(func(d score.Row) node { return text("On " + string(d.Name) + ".") })...)},
		{"Analyses", closed("All that was measured, by dimension.",
			each(func(score.Row) node { return ref("schemas", "Analysis") })...)},
		{"Analysis", closed("All that was measured for one dimension.",
			must("measures", list("The measures.", ref("schemas", "Measure"), member{"maxItems", 100})),
			must("cautions", list("Sentences on what makes the score less sure.", text("A sentence."), member{"maxItems", 100})),
			must("reason", orNull(text("Why there is no score; null where there is one."))))},
		{"Measure", closed("One measured quantity.",
			must("name", matching("Stable name.", `^[a-z][A-Za-z0-9]*$`)),
			must("label", text("The name for people.")),
			must("value", orNull(anyNumber("Null: not measured, and `reason` says why."))),
			must("unit", text("Unit of the value and the norm.")),
			must("norm", orNull(ref("schemas", "Norm"))),
			must("weight", number("Its share in the score; 0: reported, not scored.", 0, 1)),
			must("contribution", number("How far it moved the score from the middle of the norm, in points of the scale.", -5, 5)),
			may("reason", text("Why there is no value.")))},
		{"Norm", closed("The range between the low end (about A2) and the high end (about C1) of speakers; low is above high for a measure that falls with proficiency.",
			must("low", anyNumber("Low end.")), must("high", anyNumber("High end.")), must("source", text("Where the range comes from.")))},
		{"Transcript", closed("Who said what.",
			must("segments", list("Stretches of one speaker, in the order of time.", ref("schemas", "Segment"))),
			must("speakers", list("The speakers.", ref("schemas", "Speaker"), member{"maxItems", 100})),
			must("candidateText", text("All that the candidate said.")),
			must("candidateSpeaker", orNull(whole("The candidate's number; null where nobody spoke.", 0))))},
		{"Segment", closed("A stretch of one speaker.",
			must("speaker", whole("The speaker's number, from 0.", 0)),
			must("startMs", whole("From the beginning of the recording.", 0)),
			must("endMs", whole("From the beginning of the recording.", 0)),
			must("text", text("The words as one text.")),
			must("confidence", orNull(number("Mean of its words'; null where there is none.", 0, 1))),
			must("words", list("The words.", ref("schemas", "Word"))))},
		{"Word", closed("One word as it was heard.",
			must("text", text("The word.")),
			must("startMs", whole("From the beginning of the recording.", 0)),
			must("endMs", whole("From the beginning of the recording.", 0)),
			must("confidence", number("The recogniser's probability.", 0, 1)))},
		{"Speaker", closed("One speaker's share.",
			must("speaker", whole("The speaker's number, from 0.", 0)),
			must("speakerLabel", text("The speaker's name in this run.", letters(1, 40)...)),
			must("speakingMs", whole("How long they speak.", 0)),
			must("wordCount", whole("How many words they say.", 0)))},
		{"HeldCredits", closed("What the run holds until it ends.",
			must("held", whole("Credits: 1 per started minute.", 1, upTo(speech.Price(audio.Bounds.MaxLength)))))},
		{"ChargedCredits", closed("What the run cost.",
			must("deducted", whole("Credits charged; 0 for a failed run.", 0, upTo(speech.Price(audio.Bounds.MaxLength)))),
			must("remainingBalance", whole("The client's balance as of this answer.", 0)),
			must("audioDurationMinutes", number("The recording's length, two decimals.", audio.Bounds.MinLength.Minutes(), audio.Bounds.MaxLength.Minutes())))},
		{"Failure", closed("Why the run failed. No credits are charged.",
			must("code", oneOf("Which step failed.", terminalCodes()...)),
			must("message", text("What happened and what to do.")))},
		{"RunPage", closed("One page of runs, newest first.",
			must("data", list("The runs.", node{{"oneOf", []node{ref("schemas", "LiveRun"), ref("schemas", "RunSummary")}}}, member{"maxItems", maxLimit})),
			must("nextCursor", orNull(matching("Where the next page begins; null at the end.", cursorPattern))))},
		{"Credits", closed("The account.",
			must("balance", whole("Credits owned, held ones included.", 0)),
			must("held", whole("Credits held by runs that have not ended.", 0)),
			must("available", whole("balance - held, always.", 0)),
			must("usage", closed("Credits charged; null where the ledger is too long to be counted in one call.",
				must("today", orNull(whole("Since midnight UTC.", 0))),
				must("last30Days", orNull(whole("Within "+strconv.Itoa(usageDays)+" days.", 0))))),
			must("recentTransactions", list("The latest entries of the ledger, newest first.", ref("schemas", "Transaction"), member{"maxItems", recentEntries})))},
		{"Transaction", closed("One entry of the ledger: never changed, never removed.",
			must("id", matching("The entry's id.", entryPattern)),
			must("type", oneOf("grant and adjust change the balance; hold reserves for a run; charge takes what was held; release gives it back.",
				string(credit.Grant), string(credit.Hold), string(credit.Charge), string(credit.Release), string(credit.Adjust))),
			must("amount", node{{"type", "integer"}, {"description", "Credits; negative only for an adjustment that takes."}}),
			must("runId", orNull(runID())),
			must("balanceAfter", whole("The balance after it.", 0)),
			must("heldAfter", whole("What is held after it.", 0)),
			must("createdAt", instant("When it was written.")),
			must("note", text("A note of the operator's; may be empty.")))},
		{"TransactionPage", closed("One page of the ledger, newest first.",
			must("data", list("The entries.", ref("schemas", "Transaction"), member{"maxItems", maxLimit})),
			must("nextCursor", orNull(matching("Where the next page begins; null at the end.", cursorPattern))))},
		{"UploadRequest", closed("A file that is to be uploaded.",
			must("sizeBytes", whole("Size of the file.", 1, upTo(maxAudio))),
			may("contentType", matching("Its media type. What the file is, the submit judges by its content.", mediaTypePattern, letters(3, maxMediaType)...)))},
		{"Upload", closed("A presigned S3 POST.",
			must("uploadId", matching("Names the upload in a submit.", uploadPattern)),
			must("url", text("Post a multipart form here: first `fields`, then the file as `file`.", member{"format", "uri"})),
			must("fields", node{{"type", "object"}, {"description", "Fields of the form, as they are. The policy fixes the key, and a size of 1 to " + strconv.FormatInt(maxAudio, 10) + " bytes."},
				{"maxProperties", 20}, {"additionalProperties", node{{"type", "string"}, {"maxLength", 8192}}}}),
			must("expiresAt", instant("Until when it may be posted.")))},
		{"Health", closed("The service is ready.",
			must("status", oneOf("Of the whole. While it is not ready the answer is 503 SERVICE_WARMING_UP, and so is a submit's.", stateReady)),
			must("timestamp", instant("When this was answered.")),
			must("checkedAt", instant("When the parts were last probed.")),
			must("parts", partsSchema("The parts that need engines, by stage.", stateReady)))},
		{"CutSettings", cutSchema()},
		{"RunCompleted", closed("What a webhook is told.",
			must("type", oneOf("The kind of event.", "run.completed")),
			must("timestamp", instant("When the run ended.")),
			must("data", ref("schemas", "RunSummary")))},
		{"Error", closed("The one envelope of every error.", must("error", errorSchema()))},
	}
}

func errorSchema() node {
	return closed("The error.",
		must("code", oneOf("What is wrong, for programs.", httpCodes()...)),
		must("message", text("What is wrong and how to mend it, for people.", member{"minLength", 1})),
		must("timestamp", text("When: ISO 8601 in UTC with milliseconds. An answer that the gateway gives by itself may have the gateway's own form.",
			member{"anyOf", []node{{{"pattern", stampPattern}}, {{"pattern", gatewayStamp}}}})),
		may("requestId", matching("The X-Request-Id, where the call's own handler ran. Name it to support.", runPattern)),
		may("retryAfterSeconds", whole("Wait at least this long; the same as Retry-After.", 1, upTo(86400))),
		may("details", closed("By code.",
			may("fields", list("INVALID_PARAMETERS: each offender.", closed("One offender.",
				must("name", text("The field, setting or header; long names are shortened.")),
				may("message", text("What is wrong with it.")),
				may("reason", text("What is wrong with it, in a word: "+strings.Join(cutReasons, ", ")+".")),
				may("min", anyNumber("The least that is taken.")),
				may("max", anyNumber("The most that is taken.")),
				may("value", node{{"description", "What was sent."}})), member{"maxItems", 1000})),
			may("durationMs", whole("AUDIO_TOO_SHORT, AUDIO_TOO_LONG, AUDIO_DURATION_UNAVAILABLE: how long the recording is, as far as its packets tell.", 0)),
			may("minDurationMs", whole("AUDIO_TOO_SHORT: how long it must be.", audio.Bounds.MinLength.Milliseconds(), upTo(audio.Bounds.MinLength.Milliseconds()))),
			may("maxDurationMs", whole("AUDIO_TOO_LONG: how long it may be.", audio.Bounds.MaxLength.Milliseconds(), upTo(audio.Bounds.MaxLength.Milliseconds()))),
			may("cost", whole("INSUFFICIENT_CREDITS: what the recording costs.", 1)),
			may("available", whole("INSUFFICIENT_CREDITS: what there is.", 0)),
			may("parts", partsSchema("SERVICE_WARMING_UP: the parts that need engines, by stage.", stateReady, stateWarmingUp)),
			may("checkedAt", orNull(instant("SERVICE_WARMING_UP: when the parts were last probed; null: never yet."))),
			may("uploadsUrl", text("REQUEST_TOO_LARGE: where to ask for an upload.", member{"enum", []string{Base + "/speech/uploads"}})))))
}

func partsSchema(about string, states ...string) node {
	return node{{"type", "object"}, {"description", about}, {"maxProperties", len(speech.Service.Stages)},
		{"propertyNames", node{{"enum", stageNames()[1:]}}}, {"additionalProperties", oneOf("Of the part.", states...)}}
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
		if b.Default >= b.Min && b.Default <= b.Max {
			n = append(n, member{"default", b.Default})
		}
		props = append(props, may(b.Name, n))
	}
	return closed("How the recording is cut into speech and silence before it is scored.", props...)
}

// cutTexts say what each setting does.
var cutTexts = map[string]string{
	"startSeconds":       "Leave out what comes before.",
	"endSeconds":         "Leave out what comes after; what is left after the cut must still be " + strconv.Itoa(int(audio.Bounds.MinLength.Seconds())) + " s or more. Default: the end.",
	"silenceThresholdDb": "What is this far below the recording's speech level is silence.",
	"minSilenceMs":       "A silent pause is at least this long.",
	"minSpeechMs":        "Shorter bursts are noise.",
	"paddingMs":          "Kept around each speech segment.",
}

func headerNodes() node {
	header := func(required bool, schema node) node {
		about, _ := schema.get("description").(string)
		return node{{"description", about}, {"required", required}, {"schema", schema}}
	}
	return node{
		{"XRequestId", header(true, text("The request's id. Name it to support.", letters(1, 128)...))},
		{"RateLimitLimit", header(true, whole("Submits that the key may send per minute; "+strconv.Itoa(account.DefaultRate)+" unless set otherwise.", 1))},
		{"RateLimitRemaining", header(true, whole("How many are left in this minute.", 0))},
		{"RateLimitReset", header(true, whole("Seconds until the minute ends.", 0, upTo(60)))},
		{"RetryAfter", header(false, whole("Seconds to wait.", 1, upTo(86400)))},
		{"Location", header(true, matching("Where to poll the run.", "^"+Base+"/speech/analyze/req_[a-z2-7]{26}$"))},
		{"IdempotencyReplayed", header(false, oneOf("Set where an Idempotency-Key was seen before: the first answer again, nothing held or started twice.", "true"))},
		{"ETag", header(true, matching("Names this version of the document.", `^"[0-9a-f]{16}"$`))},
		{"CacheControl", header(true, text("How long the document may be kept.", letters(1, 100)...))},
	}
}
