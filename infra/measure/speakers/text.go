package main

// head, meaning, composedHead and tail are the parts of the page that no run changes. What they say of figures names the command
// that they come from.
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
	composedHead = `
## Conversations composed of many speakers

Read sentences of the 48 speakers of speechocean762 (Zhang et al. 2021), two minutes each; every other pair is of one gender and age group, children
among them. There are no words, so speaking time and the opening alone find the candidate, and the interviewer opens each of them, which is what finds the candidate who has three tenths
of the speech. Without words the confidence is never above low where there are two voices. The projection that tells voices apart was learnt on these speakers, which flatters the count; the table of speakers never seen is below.
`
	tail = `
## Voices that the projection has not seen

` + "`go test ./shared/speech/diarization -run TestCounting -calibrate`" + `: the projection is learnt on one half of the speakers of speechocean762, and the other half is composed into
100 conversations of three minutes; then the other way round. Pairs are mostly of one gender and age group, which is harder than most interviews, in the same room and at the same microphone.
The constants were fitted to other compositions of the same speakers.

| voices | conversations | counted right | as fewer | as more | right, with more than 5 % of the speech wrong |
|---|---|---|---|---|---|
| one | 96 | 84 | - | 12 | - |
| two | 74 | 60 | 13 | 1 | 4 |
| three | 30 | 8 | 22 | 0 | 5 |

The constant leans to two voices. One half stricter: 7 of 96 single voices are two, and 19 of 74 pairs one. A voice that is cut in two loses a part of its own speech and
confidence; two that are taken for one have the interviewer's words scored as the candidate's.

Shorter and worse material, 104 conversations of two minutes composed in the same way, all among those that the constants were fitted to, so these flatter:

| | one voice taken for two | two taken for one | three counted right |
|---|---|---|---|
| windows counted, distance and agreement alone | 1 of 44 | 22 of 46 | 1 of 14 |
| seconds counted, and the gain of two models over one | 2 of 44 | 8 of 46 | 2 of 14 |

## What was tried and did not help

Counting by logistic scores, each fold fitted on the other's speakers (81 single voices and 81 pairs; taken for two, taken for one):

| measures of a pair | single voices as two | pairs as one |
|---|---|---|
| distance, seconds, agreement | 11 | 18 |
| and the gain of two models over one (in use) | 9 | 16 |
| and the difference of the median fundamentals beside it | 11 | 17 |
| distance less what few windows make of noise | 11 | 16 |

- How many of the changes of speaker fall into pauses: no gain. How long the runs of a speaker are: area under the curve 0.02 more on these compositions, but
  that is a habit of how conversations were composed, so it was left out.
- A bar for the third voice that is one logit lower: 5 of these 14 counted right, but of eleven clean conversations of one or two voices three got one voice too many.
- How surely the words are heard, as a sign of the candidate: of the four shared interviews the candidate is heard less surely in three (0.77 against 0.92, 0.79 against 0.90, 0.86 against 0.89) and
  far more surely in one (0.89 against 0.75, both native). Left out: it would tell learners, not candidates.
- One or two question marks as evidence: read sentences hold them by chance, and where nobody else asks they weighed as much as who opens. Questions count from a speaker's third one on.
- Speaking time and the opening alone, the opening at 0.5 nat: the right person in 30 of the 36 recordings and copies; with the words of oneself at 20 nats 34, and the opening at 1 nat 36.

## Limits

- Three voices in the interviews are told apart when they come from different recordings; three like voices in one room are mostly taken for two.
- Speech at the same time goes to one speaker. None of the recordings has any to measure by.
- The truth's boundaries are those of the sentences that were joined, so a pause inside a sentence is speech in the truth and silence in the
  recording: most of the DER without a collar is that.
`
)
