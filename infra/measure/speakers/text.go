package main

// head, meaning, composedHead and tail are the parts of the page that no run changes. Figures in
// them name the command that they come from.
const (
	head = `# Who speaks when, and who is the candidate

Written by ` + "`make speakers`" + ` (` + "`go run ./infra/measure/speakers`" + `); every figure comes from that command unless the text says otherwise. The material is four shared interviews of read sentences,
17 minutes in all: native interviewers, candidates with Mandarin and Italian accents, and one native candidate. Each is measured as it is and in degraded
copies. The same rules make the copies each time, so the figures can be reproduced.

## Interviews and their copies
`
	meaning = `DER is the diarization error rate (NIST): missed, false and confused speech as a share of the speech. It is given without the 250 ms on each side of a
boundary of the truth, and with nothing left out. The attribution error is others' speech that is scored as the candidate's, plus the candidate's speech that is
scored as another's, as a share of the candidate's speech. Where another person is taken for the candidate all of it is wrong: those recordings are
left out here and show in the column "right person". In a real interview, questions tell the interviewer from the candidate. Nobody asks anything in these recordings, so the evidence is
who speaks most, who opens, and who says "I" and "my" rather than "you". These weights were set by hand while looking at these very copies, so the share of right
persons is flattering. Go by the confidence, which is low or medium where the evidence conflicts.`
	writtenHead = `
## What decides for the candidate

The candidate is the speaker with the largest sum. The confidence is high if the lead over the second speaker is 1.2 nats or more, and medium from 0.6. It is lower where signs contradict each other, where the words contradict the
voices, or where nobody asks and the likeliest speaker opened. The table counts what each sign is worth on conversations that played no part in choosing the weights: those of infra/measure/speakers/scripts and the four shared scripted ones,
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

Each conversation is two minutes of sentences read by two of the 48 speakers of speechocean762 (Zhang et al. 2021). Every other pair is of one gender and age
group; some speakers are children. There are no words, so only speaking time and the opening identify the candidate. The interviewer opens each conversation, and only this identifies
a candidate who has three tenths of the speech. Without words, the confidence is never above low where there are two voices. The network that tells voices apart has
never heard these speakers; a few parameters of the counting were set on other conversations of theirs.
`
	tail = `
## The speaker embedding

CAM++ (Wang et al. 2023), 192 dimensions, weights of 3D-Speaker for Mandarin and English, stored as 16-bit floats (infra/parts), computed by parley-voice in 8-bit integers. At the equal error rate, the share of same-speaker pairs of clips that
are taken for two speakers equals the share of different-speaker pairs that are taken for one. ` + "`go test ./shared/speech/embedder/campplus -run EqualErrorRate -eer -v`" + ` measures it on six clips of each of the 48 speakers of speechocean762, whom the network has never heard:

| what is used of a clip | equal error rate |
|---|---|
| all of it | 2.0 % (in floats 1.8 %) |
| its loudest 1.5 s | 3.2 % |
| the same in the telephone band | 5.0 % |

An embedding identifies a person: it is biometric data. It exists only in memory, while one recording is diarized. No artefact, log or API answer contains an embedding, and none is compared
across recordings.

## How voices are counted

Speech is what is louder than the noise and has a voice in it. A stretch of 0.7 s without a pitch is nobody's, however loud it is: a microphone's automatic gain brings the noise of a room up in every pause,
and the windows of such noise would make a voice of their own.

Windows of 1.5 s are grouped by their embeddings, into two, three and four voices in turn. Two voices count as distinct by the cosine between their means and by the distance between their windows along the line from one
mean to the other, in the windows' own standard deviations. They count as less distinct if one has little speech, in windows of 0.7 s or more. A further voice is also looked for inside each of those that were found. ` + "`go test ./shared/speech/diarization -run TestCounting -counting -v`" + ` tests this on conversations of two minutes, mostly of one gender and age
group, which is harder than most interviews: clean, with noise at 15 dB, in the telephone band, at equal loudness, and in the telephone band with noise at 20 dB. The parameters were set on 150 other conversations
of the same speakers, and on two of the copies above.

| voices | conversations | counted right | too few | too many | confused speech where counted right, mean | worst |
|---|---|---|---|---|---|---|
| one | 30 | 28 | - | 2 | 0.0 % | 0.0 % |
| two | 30 | 28 | 2 | 0 | 0.5 % | 1.6 % |
| three | 30 | 27 | 3 | 0 | 1.0 % | 6.6 % |

Three voices are counted right in all 12 conversations that are clean or at equal loudness, and in 15 of 18 with noise or in the telephone band (13 before windows of 0.7 to 1 s counted, and before a voice was looked for inside each other one). On conversations composed in the same way, the previous version counted one voice right in 84 of 96, two in 60 of 74, and three in 8 of 30.

Where one voice is counted, the best split into two voices is kept as an alternative. If the transcript reads as a dialogue and the alternative's voice changes after most questions, the two voices are used and
the confidence is at most medium. If it reads as a dialogue and no split fits, one voice stays, with low confidence and a reason.

If another voice is mixed into the candidate's turns, their words show it. The confidence is low in three cases: at least three questions, and a twenty-fifth of the sentences, are followed by two other sentences in the
same turn; three questions are answered as people answer for themselves; or two sentences invite the other to speak ("tell us about"). It is medium at most if there are two such questions, and three in a hundred sentences, or
if a greeting is followed by the same one in a turn.

## Where two speak at once

Where the speakers share one channel, pyannote's segmentation 3.0 (Bredin and Laurent 2021, Plaquet and Bredin 2023; MIT; stored as 16-bit floats, computed by parley-voice) hears how many speak at a time: in windows of 10 s, a new one every 7.5 s, 59 times a second.
Two speak at once where it takes that for more likely than not, for 0.4 s or more. Recordings in which only one voice is counted are not looked at.

A segment is marked (` + "`" + `overlap` + "`" + `) if such a stretch lies in it or within 0.2 s of one of its ends. What another says into the middle of an answer stays with the answer's speaker, who goes on. Where one speaker follows
the other, the stretch is in doubt: its words are in the transcript, with the speaker whose sentence they fit best, but neither they nor its sound are scored. With a channel per speaker, overlaps show in the turns.

` + "`" + `go test ./shared/speech/diarization -run TestOverlap -overlap -v` + "`" + ` measures it, every 10 ms, on conversations of a minute: 10 in each condition, of 24 speakers of speechocean762, children among them. Every fourth turn begins 0.5 to 3 s before the
other's end, and into every fourth turn the listener says 0.5 to 1.5 s, at up to 6 dB less. The two bounds were set on conversations of the 60 native readers; the 7.5 s were chosen on the conversations shown here, over 5 s (recall 90, 81, 74 and 82 %) and 10 s (89, 77, 72 and 80 %). For one voice alone there are another 10 minutes in each condition.

| condition | two at once, share of the speech | precision | recall | marked where one voice speaks alone |
|---|---|---|---|---|
| clean | 8.7 % | 82 % | 91 % | 0.00 % |
| noise 15 dB | 8.8 % | 82 % | 82 % | 0.00 % |
| telephone band | 8.2 % | 81 % | 74 % | 0.00 % |
| telephone band, noise 20 dB | 10.0 % | 85 % | 83 % | 0.00 % |

In the four interviews of joined sentences, where nobody ever speaks at the same time, nothing is marked. In the shared telephone call, whose two channels hardly overlap and were added for this, nothing is either:
0.3 s of overlap is missed. It costs 0.005 s of a processor for each second of the recording (` + "`" + `go test ./shared/speech/embedder/campplus -run '^$' -bench Listen` + "`" + `).

## Who is not in the interview

Ringing, tones and hold music are loud enough to be taken for a voice. A voice in whose turns the recogniser's voice activity detection hears speech for less than a fifth of the time does not count, and a turn of 1.5 s or
more without any speech belongs to nobody. Voices that fall silent for good before others begin (an announcement, a voicemail, two people chatting in the hall) are neither candidate nor interviewer: at least two others must
follow, with seven tenths of the speech, and none of the voices before may speak for more than a minute. An announcement whose voice is mistaken for a later one is recognised by two of its phrases ("please hold", "after
the tone") and a pause of 3 s after it, or by three phrases if another voice follows without a pause. Their words stay in the transcript, under the label "Before the interview", and are not scored.

A recording may begin in another language than the requested one. Its first pieces are looked at while they are heard as another language with 0.8 or more and as the requested one with 0.05 or less, if half of all
speech is surely in the requested one. Turns from the beginning of such a piece on are not scored until one reads as the requested language: six words or more, a quarter of them common words, at a mean probability of
0.65. ` + "`" + `audio.languageCode` + "`" + ` is the language of the pieces that hold the candidate's answers, weighed by the candidate's speech.

## When the client knows

A submit may say who the candidate is: ` + "`" + `candidateSpeaks` + "`" + ` is ` + "`" + `first` + "`" + ` or ` + "`" + `second` + "`" + ` (the first or the second to speak), ` + "`" + `most` + "`" + ` (who speaks most), ` + "`" + `left` + "`" + ` or ` + "`" + `right` + "`" + ` (the speaker of that channel). It overrides the
choice; ` + "`" + `candidateDetection.hint` + "`" + ` repeats it and ` + "`" + `reason` + "`" + ` says so. ` + "`" + `left` + "`" + ` and ` + "`" + `right` + "`" + ` are refused (INVALID_PARAMETERS) for a recording without two channels and together with ` + "`" + `channels=mixed` + "`" + `. Whether there is
a second voice, or a speaker in each channel, shows only later: a hint that fits nobody then does not fail the run. The choice is made as without it, with low confidence, and ` + "`" + `reason` + "`" + ` says why. Of several
voices in the named channel the likeliest is taken. Confidence is high with a hint, medium where what was heard surely speaks for another, low where the words contradict the voices.

## What was tried and did not help

- Statistics of cepstra and pitch, projected to where voices differ (used before): on similar conversations, 12 of 96 single voices were counted as two, 13 of 74 pairs as one, and 22 of 30 triples as two.
- Grouping only windows of 1 s or more, and assigning the short ones afterwards: more triples were miscounted. Short windows now take part, but do not count towards a voice's speech.
- The speakers that pyannote's segmentation tells apart within 10 s, for counting. On 18 other conversations of three voices with noise or in the telephone band, of which 13 were counted right: 8 to 13 without the windows in which it
  hears a change, 12 to 14 with what it says of two voices added to their score, and 1 to 5 instead of 7 of ten with embeddings averaged over the windows that it gives to one speaker. In the telephone band it often takes voices of one gender for one.
- One way of grouping: starting from six, ten or sixteen groups, each swallows different voices, so all three are tried and the clearest result is used.
- How surely the words are recognised, as a sign of the candidate: in three of the four shared interviews the candidate is recognised less surely (0.77 against 0.92, 0.79 against 0.90, 0.86 against 0.89), and
  in one far more surely (0.89 against 0.75, both native). Not used: it would identify learners, not candidates.
- One or two question marks as evidence: read sentences contain some by chance, and where nobody else asks, they weighed as much as who opens. A speaker's questions now count from the third one on.
- Only speaking time and the opening, with the opening at 0.5 nat: the right person in 30 of the 36 recordings and copies; 34 with words about oneself at 20 nats added, and 36 with the opening at 1 nat.

## Limits

- In the telephone band or in noise, three similar voices are counted as two in a sixth of the conversations.
- In a single sound, a fifth of what is marked as overlapping is beside an overlap, and up to a quarter of the overlap is not marked,
  most in the telephone band. Who the second voice is, is not told.
- The truth's boundaries are those of the joined sentences, so a pause inside a sentence is speech in the truth but silence in the
  recording. This accounts for most of the DER without a collar.
`
)
