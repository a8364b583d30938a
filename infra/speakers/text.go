package main

// head, meaning, composedHead and tail are the parts of the page that no run changes. What they say of figures names the command
// that they come from.
const (
	head = `# Who speaks when, and who is the candidate

Written by ` + "`make speakers`" + ` (` + "`go run ./infra/speakers`" + `); every figure comes from that command unless it says otherwise. Four shared interviews,
17 minutes, of read sentences: native interviewers, candidates with Mandarin and Italian accents and a native one. Each is measured as it is and in copies
made worse; the copies are made by the same rules each time, so the figures can be had again.

## Interviews and their copies
`
	meaning = `DER is the diarization error rate: missed, invented and confused speech as a share of the speech (NIST), with 250 ms on each side of a
boundary of the truth left out, and with nothing left out. Attribution error: speech of others that is scored as the candidate's, and the candidate's that is
scored as another's, as a share of the candidate's speech.`
	composedHead = `
## Conversations composed of many speakers

Read sentences of the 48 speakers of speechocean762 (Zhang et al. 2021), two minutes each; every other pair is of one gender and age group, children
among them. There are no words and nothing is asked, so speaking time alone finds the candidate, and below half of it must go wrong: what is shown is whether the confidence
tells. The projection that tells voices apart was learnt on these speakers, which flatters the count; the table of speakers never seen is below.
`
	tail = ``
)
