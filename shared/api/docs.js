// Search: what it finds is listed above the contents. Without it the page is the same.
(() => {
  const box = document.getElementById('search'), list = document.getElementById('found'), count = document.getElementById('count')
  const parts = [...document.querySelectorAll('main [id]')].filter((e) => /^(H2|H3|TR)$/.test(e.tagName)).map((e) => {
    let text = e.textContent
    if (e.tagName !== 'TR') for (let n = e.nextElementSibling; n && !/^H[23]$/.test(n.tagName); n = n.nextElementSibling) text += ' ' + n.textContent
    const title = e.tagName === 'TR' ? e.querySelector('th').textContent : e.textContent
    return { id: e.id, title: title.trim(), low: title.toLowerCase(), text: text.toLowerCase() }
  })
  box.parentElement.hidden = false
  box.addEventListener('input', () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean)
    const rank = (p) => words.filter((w) => p.low.includes(w)).length
    const found = words.length ? parts.filter((p) => words.every((w) => p.text.includes(w))).sort((a, b) => rank(b) - rank(a)) : []
    list.replaceChildren(...found.slice(0, 20).map((p) => {
      const item = document.createElement('li'), link = document.createElement('a')
      link.href = '#' + p.id
      link.textContent = p.title
      item.append(link)
      return item
    }))
    count.textContent = words.length ? found.length + (found.length === 1 ? ' place' : ' places') : ''
  })
})()
