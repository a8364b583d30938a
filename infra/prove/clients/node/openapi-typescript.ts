// Submits and reads with the types that openapi-typescript makes, by its client openapi-fetch.
import createClient from 'openapi-fetch'
import type { components, paths } from './openapi-typescript.gen'
import * as with_ from './say'

const client = createClient<paths>({ baseUrl: with_.url, headers: { 'X-API-Key': with_.key } })

// form makes the form of a submit: openapi-fetch leaves that to the caller. The type of a file in
// it is string.
const form = (fields: Omit<components['schemas']['Submission'], 'audio'>, audio: Blob) => {
  const out = new FormData()
  out.set('audio', audio, 'interview')
  for (const [name, value] of Object.entries(fields)) {
    if (Array.isArray(value)) value.forEach((v) => out.append(name, v))
    else out.set(name, typeof value === 'string' ? value : JSON.stringify(value))
  }
  return out
}
const submit = (fields: Omit<components['schemas']['Submission'], 'audio'>, audio: Blob, key?: string) =>
  client.POST('/speech/analyze', {
    params: { header: { 'Idempotency-Key': key } },
    body: fields,
    bodySerializer: () => form(fields, audio),
  })

const fields = { externalId: with_.externalId, tags: with_.tags, metadata: with_.metadata, allowPartial: 'true' as const }
async function main() {
  const refused = await submit({ ...fields, cutSettings: with_.cutSettings }, with_.short)
  const accepted = await submit(fields, with_.recording, with_.repeat)
  if (!accepted.data) throw new Error(JSON.stringify(accepted.error))
  for (;;) {
    const { data: run, error } = await client.GET('/speech/analyze/{id}', { params: { path: { id: accepted.data.id } } })
    if (run && 'transcript' in run) {
      with_.say({
        refusal: refused.error?.error.code, id: accepted.data.id, status: run.status, fluency: run.scores?.fluency, level: run.scores?.accentCefr,
        words: run.transcript?.segments.reduce((n, s) => n + s.words.length, 0), measures: run.analysis?.fluency.measures.length,
      })
      break
    }
    await with_.wait(run?.pollIntervalSeconds ?? error?.error.retryAfterSeconds ?? 1)
  }
}

void main()
