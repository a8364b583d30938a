// What every TypeScript client sends, and how it says what it did.
import { readFileSync } from 'node:fs'

const need = (name: string): string => process.env[name] ?? (() => { throw new Error(`${name} is not set`) })()

export const url = need('PARLEY_URL') + '/api/v1'
export const key = need('PARLEY_API_KEY')
// Every client's submit is the same input under one Idempotency-Key, so all read one run.
export const repeat = need('PARLEY_IDEMPOTENCY')
export const recording = new Blob([readFileSync(need('PARLEY_RECORDING'))])
export const short = new Blob([readFileSync(need('PARLEY_SHORT'))])
export const externalId = 'clients-1'
export const tags = ['june', 'support team']
export const metadata = { position: 'support', hours: 2.5, remote: true }
export const cutSettings = { minSilenceMs: 300 }

export const wait = (seconds: number) => new Promise((done) => setTimeout(done, seconds * 1000))

export interface Said {
  refusal: string | undefined
  id: string
  status: string
  fluency: number | null | undefined
  level: string | null | undefined
  words: number | undefined
  measures: number | undefined
}

export const say = (said: Said) => console.log(JSON.stringify(said))
