"use strict";
(() => {
  const byId = (id) => document.getElementById(id);

  // A run in process: its progress, and the report once it has ended.
  const live = byId("live");
  if (live && live.dataset.every) {
    const look = async () => {
      try {
        const answer = await fetch(location.href, { headers: { Accept: "application/json" }, cache: "no-store" });
        if (answer.status === 404) return location.reload();
        if (!answer.ok) return;
        const run = await answer.json();
        if (run.completedAt) return location.reload();
        byId("progress").value = run.progress;
        byId("percent").textContent = run.progress + " %";
        const stage = live.dataset["stage" + run.stage] || run.stage;
        if (byId("stage").textContent !== stage) byId("stage").textContent = stage;
      } catch { /* The next look may succeed. */ }
    };
    setInterval(look, 1000 * Number(live.dataset.every));
  }

  // The recording.
  const player = byId("player");
  if (!player) return;
  const audio = byId("audio"), trouble = byId("trouble");
  let until = player.dataset.file ? Infinity : 0, words = [], marked = null;
  if (player.dataset.file) audio.src = player.dataset.file;
  player.hidden = false;

  // A link to the sound works for minutes only, so a new one is asked for when the last has ended.
  const ready = async () => {
    if (Date.now() < until) return;
    const answer = await fetch(player.dataset.ask, { headers: { Accept: "application/json" }, cache: "no-store" });
    if (!answer.ok) throw new Error(String(answer.status));
    const link = await answer.json(), at = audio.currentTime;
    until = Date.now() + 240e3;
    audio.src = link.url;
    audio.currentTime = at;
  };
  const play = async (seconds) => {
    try {
      await ready();
      trouble.hidden = true;
      if (seconds !== undefined) audio.currentTime = Math.max(0, seconds);
      await audio.play();
    } catch (e) {
      if (e.name !== "AbortError") trouble.hidden = false;
    }
  };
  ready().catch(() => { trouble.hidden = false; });
  audio.addEventListener("error", () => { if (until !== Infinity) until = 0; });

  // A segment's words become elements of their own when they are first needed.
  const cut = (said) => {
    if (said.words) return said.words;
    let t = Number(said.dataset.t) / 1000;
    const times = (said.dataset.w || "").split(" ").map((d) => (t += Number(d) / 100));
    said.words = [];
    const texts = [];
    const walker = document.createTreeWalker(said, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) texts.push(walker.currentNode);
    for (const text of texts) {
      const parts = document.createDocumentFragment();
      for (const piece of text.data.split(/( +)/)) {
        if (piece === "" || piece.trim() === "") { parts.append(piece); continue; }
        const w = document.createElement("span");
        w.className = "w";
        w.textContent = piece;
        w.at = times[said.words.length];
        said.words.push(w);
        parts.append(w);
      }
      text.replaceWith(parts);
    }
    return said.words;
  };
  const all = () => {
    if (!words.length) for (const said of document.querySelectorAll(".said")) words.push(...cut(said));
    return words;
  };

  for (const said of document.querySelectorAll(".said")) {
    said.tabIndex = 0;
    said.setAttribute("role", "group");
    said.setAttribute("aria-label", said.dataset.name);
    said.setAttribute("aria-description", player.dataset.keys);
    said.addEventListener("pointerover", () => cut(said), { once: true });
    said.addEventListener("click", (e) => {
      cut(said);
      const w = e.target.closest(".w") || document.elementFromPoint(e.clientX, e.clientY)?.closest(".w");
      if (w) play(w.at);
    });
    said.addEventListener("keydown", (e) => {
      const list = cut(said), here = list.indexOf(document.activeElement);
      const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
      if (step) {
        const next = list[Math.min(Math.max(here + step, 0), list.length - 1)];
        next.tabIndex = -1;
        next.setAttribute("role", "button");
        next.focus();
      } else if (e.key === "Enter" || e.key === " ") {
        play(here < 0 ? Number(said.dataset.t) / 1000 : list[here].at);
      } else return;
      e.preventDefault();
    });
  }
  for (const b of document.querySelectorAll("button[data-t]")) {
    b.hidden = false;
    b.addEventListener("click", () => play(Number(b.dataset.t) / 1000));
  }

  audio.addEventListener("play", () => { if (Date.now() >= until) play(); });
  audio.addEventListener("timeupdate", () => {
    const list = all(), t = audio.currentTime;
    let low = 0, high = list.length;
    while (low < high) {
      const mid = (low + high) >> 1;
      if (list[mid].at <= t + 0.05) low = mid + 1; else high = mid;
    }
    const now = list[low - 1] || null;
    if (now === marked) return;
    if (marked) marked.classList.remove("now");
    if (now) now.classList.add("now");
    marked = now;
  });
})();
