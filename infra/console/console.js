(() => {
  const at = (id) => document.getElementById(id)
  const el = (tag, text, kind) => { const e = document.createElement(tag); if (text !== undefined && text !== null) e.textContent = text; if (kind) e.className = kind; return e }
  const row = (...cells) => { const tr = el('tr'); cells.forEach((c, i) => { const td = el(i ? 'td' : 'th'); if (!i) td.scope = 'row'; td.append(c instanceof Node ? c : el('span', c)); tr.append(td) }); return tr }
  const said = (text, bad) => { at('said').textContent = text; at('said').className = bad ? 'bad' : '' }

  // The rows stay while what they show stays, so that a button under the pointer or the focus is
  // not replaced.
  const put = (id, rows) => { const key = JSON.stringify(rows.map((r) => r.textContent)); if (at(id).dataset.key !== key) { at(id).dataset.key = key; at(id).replaceChildren(...rows) } }

  const stage = (r) => {
    if (r.completedAt) return r.error ? r.error.code : ''
    const box = el('span'), bar = el('progress')
    bar.max = 100
    bar.value = r.progress
    bar.setAttribute('aria-label', 'Progress')
    box.append(bar, el('span', ' ' + r.stage + (r.queuePosition ? ', place ' + r.queuePosition : '') + ', ' + r.progress + ' %'))
    return box
  }
  const report = (r) => {
    if (r.erasedAt) return 'erased'
    const form = el('form'), id = el('input'), open = el('button', 'Open')
    form.method = 'post'; form.action = 'report'; form.target = '_blank'; form.rel = 'opener'
    id.type = 'hidden'; id.name = 'id'; id.value = r.id
    open.setAttribute('aria-label', 'Open the report of ' + (r.externalId || r.id))
    form.append(id, open)
    return form
  }

  let offered = ''
  const show = (s) => {
    const states = {}
    s.runs.forEach((r) => { states[r.status] = (states[r.status] || 0) + 1 })
    at('states').textContent = Object.entries(states).map(([k, n]) => n + ' ' + k).join(', ') || 'None yet.'
    put('run-rows', s.runs.map((r) => row(r.externalId || r.id, el('span', r.status, r.status === 'failed' ? 'bad' : ''), stage(r),
      r.scores && r.scores.overall !== null ? r.scores.overall.toFixed(1) + ' ' + r.scores.cefrLevel : '', r.credits.deducted ?? r.credits.held + ' held', report(r))))
    put('queue-rows', s.queues.map((q) => row(q.name, q.waiting, q.inFlight, q.delayed, el('span', q.dead, q.dead ? 'bad' : ''))))
    put('ledger-rows', s.ledger.data.map((t) => row(t.createdAt, t.type, t.amount, t.balanceAfter, t.heldAfter, t.runId || t.note)))
    at('balance').textContent = s.credits.available + ' credits available, ' + s.credits.held + ' held.'
    at('in-effect').textContent = s.faults && s.faults.length ? 'In effect: ' + s.faults.join(', ') : 'None in effect.'
    if (offered !== s.offered.join()) { offered = s.offered.join(); at('spec').replaceChildren(...s.offered.map((f) => el('option', f))) }
  }

  let lost = false
  const look = async () => {
    if (document.hidden) return
    try {
      const answer = await fetch('state')
      const s = await answer.json()
      if (!answer.ok) throw new Error(s.error)
      show(s)
      if (lost) said('The system answers again.')
      lost = false
    } catch (e) {
      lost = true
      said('The system does not answer: ' + e.message, true)
    }
  }
  const post = async (path, body, headers) => {
    const answer = await fetch(path, { method: 'POST', body, headers })
    const text = await answer.text()
    const got = text ? JSON.parse(text) : {}
    if (!answer.ok) throw new Error(got.error)
    return got
  }
  const act = (what) => what().then(look, (e) => said(e.message, true))

  const submit = (file) => file && act(async () => {
    said('Submitting ' + file.name + ' …')
    const run = await post('submit?name=' + encodeURIComponent(file.name), file, { 'Idempotency-Key': crypto.randomUUID() })
    said(file.name + ' is ' + run.status + '. Its stages are shown below.')
  })
  at('file').addEventListener('change', (e) => { submit(e.target.files[0]); e.target.value = '' })
  const drop = at('drop')
  document.addEventListener('dragover', (e) => { e.preventDefault(); drop.classList.add('over') })
  document.addEventListener('dragleave', () => drop.classList.remove('over'))
  document.addEventListener('drop', (e) => { e.preventDefault(); drop.classList.remove('over'); submit(e.dataTransfer.files[0]) })
  at('fault').addEventListener('submit', (e) => { e.preventDefault(); act(() => post('fault', at('spec').value)) })
  at('clear').addEventListener('click', () => act(() => post('clear')))

  look()
  setInterval(look, 2000)
})()
