package main

// head, meaning, composedHead and tail are the parts of the page that no run changes. What they say
// of figures names the command that they come from.
const (
	head = `# Who speaks when, and who is the candidate

Written by ` + "`make speakers`" + ` (` + "`go run ./infra/measure/speakers`" + `); every figure comes from that command unless it says otherwise. Four shared interviews,
17 minutes, of read sentences: native interviewers, candidates with Mandarin and Italian accents and a native one. Each is measured as it is and in copies
made worse; the copies are made by the same rules each time, so the figures can be had again.

## Interviews and their copies
`
	meaning = `DER is the diarization error rate: missed, invented and confused speech as a share of the speech (NIST), with 250 ms on each side of a
boundary of the truth left out, and with nothing left out. Attribution error: speech of others that is scored as the candidate's, and the candidate's that is
scored as another's, as a share of the candidate's speech; where another person is taken for the candidate all of it is wrong, so those recordings stand in
the column before. Nobody asks anything in these recordings, which is what tells an interviewer from a candidate in a real one: there
are who speaks most, who opens, and who speaks of "I" and "my" and not of "you". The weights of these were set by hand with these very copies in view, so that the
right person is found in them flatters; the confidence, low or medium where they contradict each other, is what to go by.`
	writtenHead = `
## What decides for the candidate

The candidate is the speaker with the largest sum. The confidence is high from a lead of 1.2 nats over the second on, medium from 0.6, and less where signs contradict each other, where the words contradict the
voices, or where nobody asks and the first one opened. What each sign is worth is counted on conversations on which no weight was chosen: those of infra/measure/speakers/scripts and the four shared scripted ones,
taken as they are written, with every voice known and the words at a steady rate. How surely voices are told apart is another matter: see the tables of recordings.
`
	scriptedHead = `
## Conversations that were written

Interviews written as real ones are (greetings, questions, answers, "mhm" across the other's turn, the candidate's own questions), spoken by the synthetic voices of Kokoro: four shared ones, and those of
infra/measure/speakers/scripts, which ` + "`make scripted`" + ` speaks. The words and where there is speech are those of the truth. No weight and no bound was set on those of the scripts: panels of two and three interviewers,
one-way interviews, voices that are alike, telephone, voicemail, monologues.
`
	kindsHead    = `By kind of conversation, all conditions together:`
	composedHead = `
## Conversations composed of many speakers

Read sentences of the 48 speakers of speechocean762 (Zhang et al. 2021), two minutes each; every other pair is of one gender and age group, children
among them. There are no words, so speaking time and the opening alone find the candidate, and the interviewer opens each of them, which is what finds the candidate who has three tenths
of the speech. Without words the confidence is never above low where there are two voices. The network that tells voices apart has
never heard these speakers; a few numbers of the counting were set on other conversations of theirs.
`
	tail = `
## The speaker embedding

CAM++ (Wang et al. 2023), 192 dimensions, weights of 3D-Speaker for Mandarin and English, in half floats (infra/parts), computed by parley-voice. Equal error rate: as many pairs of clips of one
speaker are taken for two as pairs of two for one. ` + "`go test ./shared/speech/embedder/campplus -run EqualErrorRate -eer -v`" + `, six clips of each of the 48 speakers of speechocean762, whom it has never heard:

| of a clip | equal error rate |
|---|---|
| all of it | 1.8 % |
| its loudest 1.5 s | 3.2 % |
| the same in the telephone band | 5.0 % |

An embedding identifies a person: it is biometric data. It is computed in memory for one diarization and gone when that returns; no artefact, no log and no answer of the API holds one, and none is compared
across recordings.

## How voices are counted

Windows of 1.5 s are grouped by their embeddings, and two, three and four voices are tried. A pair of voices is clear by the cosine between its means and by how far its windows lie apart on the way from one
mean to the other, in their own deviations; less so where one has little speech. ` + "`go test ./shared/speech/diarization -run TestCounting -counting -v`" + `: conversations of two minutes, mostly of one gender and age
group, which is harder than most interviews, clean, with noise at 15 dB, in the telephone band, at equal loudness, and in the telephone band with noise at 20 dB. The numbers were set on 150 other conversations
of the same speakers, and on two of the copies above.

| voices | conversations | counted right | as fewer | as more | confused speech where counted right, mean | worst |
|---|---|---|---|---|---|---|
| one | 30 | 28 | - | 2 | 0.0 % | 0.0 % |
| two | 30 | 27 | 2 | 1 | 0.7 % | 3.9 % |
| three | 30 | 24 | 5 | 1 | 0.6 % | 5.5 % |

Three voices are counted right in 11 of 12 conversations clean and at equal loudness, in 13 of 18 in noise or in the telephone band. The product before counted, on compositions made in the same way, one voice right in 84 of 96, two in 60 of 74, three in 8 of 30.

Where one voice is counted, the clearest way of telling two apart is kept as a doubt. If what is said then reads as a dialogue, and the doubted voice changes after most of the questions, the two are taken and
the confidence is medium at most; if it reads as a dialogue and no cut fits, one voice stays, with low confidence and a reason.

Where another's voice lies among the candidate's, the candidate's turns read so. The confidence is low where three questions or more, and a twenty-fifth of the sentences, have two sentences behind them in the
same turn, where three are answered as one answers for oneself, or where two sentences invite the other to speak ("tell us about"); medium at most from two such questions and three in a hundred sentences on, and
where one greeting follows the same one in a turn.

## Who is not in the interview

Ringing, tones and hold music are loud enough to be taken for a voice. A voice in whose turns the recogniser's voice activity detection hears speech for less than a fifth of the time is none, and a turn of 1.5 s or
more without any speech is nobody's. Voices that say nothing any more once others have begun (an announcement, a voicemail, two who chat in the hall) are neither candidate nor interviewer: at least two others must
follow, with seven tenths of the speech, and none of the voices before may speak for more than a minute. An announcement whose voice is taken for a later one is told by two of its phrases ("please hold", "after
the tone") and a pause of 3 s behind it. Their words stay in the transcript, under the label "Before the interview", and are not scored.

A recording may begin in another language than the requested one. Its first pieces are looked at while they are heard as another language with 0.8 or more and as the requested one with 0.05 or less, if half of all
speech is surely in the requested one. Turns from the beginning of such a piece on are not scored until one reads as the requested language: six words or more, a quarter of them common words, at a mean probability of
0.65. ` + "`" + `audio.languageCode` + "`" + ` is the language of the pieces that hold the candidate's answers, weighed by the candidate's speech.

## When the client knows

A submit may say who the candidate is: ` + "`" + `candidateSpeaks` + "`" + ` is ` + "`" + `first` + "`" + ` or ` + "`" + `second` + "`" + ` (the first or the second to speak), ` + "`" + `most` + "`" + ` (who speaks most), ` + "`" + `left` + "`" + ` or ` + "`" + `right` + "`" + ` (the speaker of that channel). It overrides the
choice; ` + "`" + `candidateDetection.hint` + "`" + ` repeats it and ` + "`" + `reason` + "`" + ` says so. ` + "`" + `left` + "`" + ` and ` + "`" + `right` + "`" + ` are refused (INVALID_PARAMETERS) for a recording without two channels and together with ` + "`" + `channels=mixed` + "`" + `. Whether there is
a second voice, or a speaker in each channel, shows only later: a hint that fits nobody then does not fail the run. The choice is made as without it, with low confidence, and ` + "`" + `reason` + "`" + ` says why. Of several
voices in the named channel the likeliest is taken. Confidence is high with a hint, medium where what was heard surely speaks for another, low where the words contradict the voices.

## What was tried and did not help

- Statistics of cepstra and pitch, projected to where voices differ (in use before): of 96 single voices 12 were two, of 74 pairs 13 were one, of 30 triples 22 were two, on compositions like these.
- Windows of 1 s and more alone, the short ones assigned afterwards: more triples were miscounted. Short windows take part, but the speech of a voice is counted without them.
- One way of grouping: from six, from ten and from sixteen groups different voices are swallowed, so the clearest of all is taken.
- How surely the words are heard, as a sign of the candidate: of the four shared interviews the candidate is heard less surely in three (0.77 against 0.92, 0.79 against 0.90, 0.86 against 0.89) and
  far more surely in one (0.89 against 0.75, both native). Left out: it would tell learners, not candidates.
- One or two question marks as evidence: read sentences hold them by chance, and where nobody else asks they weighed as much as who opens. Questions count from a speaker's third one on.
- Speaking time and the opening alone, the opening at 0.5 nat: the right person in 30 of the 36 recordings and copies; with the words of oneself at 20 nats 34, and the opening at 1 nat 36.

## Limits

- Three like voices in the telephone band or in noise are taken for two in more than every fourth conversation.
- Of one sound, speech at the same time goes to one speaker, and no segment is marked as overlapping. With a channel per speaker it is known, and marked.
- The truth's boundaries are those of the sentences that were joined, so a pause inside a sentence is speech in the truth and silence in the
  recording: most of the DER without a collar is that.
`
)
