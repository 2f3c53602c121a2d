// Brings a page up to date while somebody looks at it; draws the charts; asks before it does something.
// Without it the pages say the same. Text of the site only ever becomes text: pages are parsed, never run.
"use strict";
(() => {
  const FIRST_MS = 250, SLOWEST_MS = 8000, ANSWER_MS = 8000;
  const LINES_MAX = 3000;          // of the log that the page holds
  const CHART_SECONDS = 300, CHART_SECONDS_MIN = 60, CHART_WIDTH = 120, CHART_HEIGHT = 22;
  const SVG = "http://www.w3.org/2000/svg";

  const main = document.getElementById("main");
  const EVERY_MS = Number(main.dataset.every || 1000);
  const pulse = document.getElementById("pulse");
  const dialog = document.getElementById("dialog");

  // ------------------------------------------------------------------------------------------------------- the page
  const partUrl = (address, more = {}) => {
    const url = new URL(address, location.href);
    url.searchParams.delete("asked");
    for (const [name, value] of Object.entries({ part: "live", ...more })) url.searchParams.set(name, value);
    return url;
  };

  async function ask(url) {
    const answer = await fetch(url, { cache: "no-store", redirect: "manual", signal: AbortSignal.timeout(ANSWER_MS) });
    if (answer.type === "opaqueredirect" || [401, 403, 404].includes(answer.status)) {
      location.reload();           // logged out, or no longer allowed: the site says so itself
      return null;
    }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!page.getElementById("main")) throw new Error(`answered with ${answer.status}`);
    return page;
  }

  // Make `old` like `fresh`, touching what differs alone: focus, selection and scrolling stay.
  function morph(old, fresh) {
    if (old.nodeType === Node.TEXT_NODE) {
      if (old.data !== fresh.data) old.data = fresh.data;
      return;
    }
    if (old.dataset.append !== undefined) return append(old, fresh);
    if (old.dataset.keep !== undefined) return;
    for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name) && name !== "tabindex") old.removeAttribute(name);
    for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    morphChildren(old, fresh);
  }

  function morphChildren(old, fresh) {
    const known = new Map([...old.children].filter((child) => child.id).map((child) => [child.id, child]));
    let place = old.firstChild;
    for (const next of [...fresh.childNodes]) {
      const same = next.id ? known.get(next.id) : place;
      if (same && !(place !== same && !next.id) && alike(same, next)) {
        if (same !== place) old.insertBefore(same, place);
        else place = place.nextSibling;
        morph(same, next);
      } else {
        old.insertBefore(document.importNode(next, true), place);
      }
    }
    while (place) {
      const gone = place;
      place = place.nextSibling;
      gone.remove();
    }
  }

  const alike = (one, other) => one.nodeName === other.nodeName && (one.id || "") === (other.id || "");

  // -------------------------------------------------------------------------------------------------------- the log
  const lines = () => document.getElementById("lines");
  const isAtEnd = (box) => box.scrollHeight - box.scrollTop - box.clientHeight < 24;

  function append(list, fresh) {
    const box = list.parentElement, follow = isAtEnd(box), before = list.dataset.cursor;
    list.dataset.cursor = fresh.dataset.cursor;
    if (!before) list.replaceChildren();
    const news = [...fresh.children].map((line) => document.importNode(line, true));
    list.append(...news);
    while (list.childElementCount > LINES_MAX) list.firstElementChild.remove();
    const spoken = list.childElementCount > 0;
    box.querySelector(".empty")?.toggleAttribute("hidden", spoken);
    if (follow) box.scrollTop = box.scrollHeight;
    else if (news.length) document.getElementById("behind").hidden = false;
  }

  function prepareLog() {
    const box = lines()?.parentElement, behind = document.getElementById("behind");
    if (!box) return;
    behind.dataset.keep = "behind";
    box.scrollTop = box.scrollHeight;
    box.addEventListener("scroll", () => { if (isAtEnd(box)) behind.hidden = true; }, { passive: true });
    behind.firstElementChild.addEventListener("click", () => { box.scrollTop = box.scrollHeight; box.focus(); });
  }

  // ------------------------------------------------------------------------------------------------------ the charts
  const kept = restore();          // "web.1 7" -> [[server's second, processor %, bytes], ...]
  let reading = {};                // "web.1 7" -> [server's second, processor seconds]

  function restore() {
    try { return JSON.parse(sessionStorage.getItem("procession") || "{}"); } catch { return {}; }
  }

  function measure() {
    const at = Number(main.dataset.at), now = {};
    for (const row of main.querySelectorAll("[data-chart]")) {
      const key = row.dataset.chart, cpu = Number(row.dataset.cpu), bytes = Number(row.dataset.memory);
      const before = reading[key];
      const percent = before && at > before[0] ? Math.max(0, 100 * (cpu - before[1]) / (at - before[0])) : null;
      const history = (kept[key] ||= []).filter(([then]) => then > at - CHART_SECONDS && then < at);
      if (percent !== null) history.push([at, Math.round(percent * 10) / 10, bytes]);
      kept[key] = history;
      now[key] = [at, cpu];
      show(row, history);
    }
    reading = now;
    for (const key of Object.keys(kept)) if (!kept[key].length && !now[key]) delete kept[key];
  }

  function show(row, history) {
    const last = history.at(-1);
    if (!last) return;
    const value = row.querySelector("[data-value=cpu]");
    value.textContent = `${last[1].toFixed(last[1] < 10 ? 1 : 0)} %`;
    value.removeAttribute("title");
    draw(row.querySelector("[data-keep=cpu]"), history.map(([at, cpu]) => [at, cpu]), 20);
    draw(row.querySelector("[data-keep=memory]"), history.map(([at, , bytes]) => [at, bytes]), 1);
  }

  // A line of the last minute, growing to five, now at the right; its top is the most that there was, or `least`.
  function draw(place, points, least) {
    if (points.length < 2) return;
    const most = Math.max(least, ...points.map(([, value]) => value)) * 1.05, end = points.at(-1)[0];
    const seconds = Math.max(CHART_SECONDS_MIN, end - points[0][0]);
    const right = (at) => (CHART_WIDTH * (1 - (end - at) / seconds)).toFixed(1);
    const down = (value) => (CHART_HEIGHT - 1 - (CHART_HEIGHT - 2) * value / most).toFixed(1);
    place.replaceChildren(picture(points.map(([at, value]) => `${right(at)},${down(value)}`)));
  }

  function picture(shape) {
    const svg = document.createElementNS(SVG, "svg"), line = document.createElementNS(SVG, "polyline");
    svg.setAttribute("viewBox", `0 0 ${CHART_WIDTH} ${CHART_HEIGHT}`);
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("aria-hidden", "true");
    line.setAttribute("points", shape.join(" "));
    svg.append(line);
    return svg;
  }

  // --------------------------------------------------------------------------------------------------------- the pulse
  let answeredAt = Date.now(), failures = 0, timer = 0;

  async function beat() {
    if (document.hidden) return;
    try {
      const cursor = lines()?.dataset.cursor;
      const page = await ask(partUrl(location.href, cursor ? { after: cursor } : {}));
      if (!page) return;
      document.title = page.title;
      main.dataset.at = page.getElementById("main").dataset.at;
      const said = main.querySelector(":scope > .said");
      said?.remove();
      morphChildren(main, page.getElementById("main"));
      if (said) main.prepend(said);
      measure();
      answeredAt = Date.now();
      failures = 0;
    } catch {
      failures += 1;
    }
    tell();
    again(Math.min(SLOWEST_MS, EVERY_MS * 2 ** Math.max(0, failures - 1)));
  }

  function tell() {
    const text = failures > 1 ? `No answer for ${Math.round((Date.now() - answeredAt) / 1000)} s: what you see is old` : "";
    if (pulse.textContent !== text) pulse.textContent = text;
    pulse.hidden = !text;
    document.body.classList.toggle("stale", Boolean(text));
  }

  function again(milliseconds) {
    clearTimeout(timer);
    timer = setTimeout(beat, milliseconds);
  }

  // --------------------------------------------------------------------------------------------------------- questions
  async function question(link) {
    try {
      const page = await ask(partUrl(link.href));
      if (!page) return;
      const asked = page.getElementById("main");
      dialog.replaceChildren(...[...asked.childNodes].map((node) => document.importNode(node, true)));
      dialog.showModal();
    } catch {
      location.href = link.href;
    }
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-confirm], a[data-cancel]");
    if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    if (link.dataset.confirm !== undefined) {
      event.preventDefault();
      question(link);
    } else if (dialog.open) {
      event.preventDefault();
      dialog.close();
    }
  });

  if (main.dataset.live !== undefined) {
    prepareLog();
    measure();
    again(FIRST_MS);               // what was just asked for is seen to begin
    document.addEventListener("visibilitychange", () => { if (!document.hidden) again(0); });
    addEventListener("pagehide", () => {
      try { sessionStorage.setItem("procession", JSON.stringify(kept)); } catch { /* full, or forbidden */ }
    });
  }
})();
