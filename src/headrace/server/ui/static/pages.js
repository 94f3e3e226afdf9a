// Pages work without this. With it, the part of a page that changes is fetched again when the server tells that a run has
// entered a state, and every two seconds while something runs: times go on, and logs grow.
"use strict";
(() => {
  const [EVERY, SOON] = [2000, 250]; // milliseconds

  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const from = document.querySelector(button.dataset.copy);
      getSelection().selectAllChildren(from);
      // Where a page is not served by this machine and not encrypted, browsers have no clipboard: then it is selected.
      await navigator.clipboard?.writeText(from.textContent).then(() => { button.textContent = "Copied"; }, () => {});
    });
  }

  let part = document.getElementById("live");
  if (!part) return;
  const address = new URL(location.href);
  address.searchParams.set("format", "live");
  const tail = part.querySelector("[data-tail]");
  if (tail) address.searchParams.set("order", "tail"); // also when the run has ended meanwhile
  let shown = "";
  let [waiting, due] = [0, 0];
  let [feed, heard] = [null, ""];
  let took = 0; // what is large is asked for less often

  function ask(after) {
    const at = performance.now() + Math.max(after, 3 * took);
    if (document.hidden || (waiting && due <= at)) return;
    clearTimeout(waiting);
    due = at;
    waiting = setTimeout(refresh, at - performance.now());
  }

  async function refresh() {
    clearTimeout(waiting);
    waiting = 0;
    const began = performance.now();
    let again = part.dataset.live === "yes";
    try {
      const answer = await fetch(address, { cache: "no-store" });
      const inUse = isInUse();
      if (answer.ok && !inUse) put(await answer.text());
      again = inUse || part.dataset.live === "yes";
    } catch {
      // The server is away: the page stays as it is, and asks again.
    }
    took = performance.now() - began;
    if (again) ask(EVERY);
  }

  // A page that nobody sees asks for nothing: a browser has few connections to one server, for all its pages together.
  function listen() {
    const wanted = document.hidden ? "" : part.dataset.feed;
    if (wanted === heard) return;
    feed?.close();
    heard = wanted;
    feed = wanted ? new EventSource(wanted) : null;
    // When it begins, something may have happened since the page was written.
    for (const told of ["begin", "state", "deleted"]) feed?.addEventListener(told, () => ask(SOON));
  }

  // Whoever selects text, or fills in a form, is not to lose it.
  function isInUse() {
    const selection = getSelection();
    const selects = selection && !selection.isCollapsed && part.contains(selection.anchorNode);
    return selects || part.contains(document.activeElement?.closest("input:not([type=checkbox]), select"));
  }

  function put(text) {
    if (text === shown) return;
    shown = text;
    const read = new DOMParser().parseFromString(text, "text/html").getElementById("live");
    if (!read) return;
    const before = part;
    part = document.adoptNode(read);
    keepOpen(before);
    keepTicked(before);
    const focused = sameAsFocused(before);
    const place = placeIn(before.querySelector("#log"));
    before.replaceWith(part);
    scrollTo(part.querySelector("#log"), place);
    document.dispatchEvent(new Event("live"));
    focused?.focus({ preventScroll: true });
    document.querySelector("link[rel=icon]").href = part.dataset.icon;
    document.querySelector("footer time").textContent = part.dataset.now;
    listen();
  }

  // Where somebody is in the log; at its end, those who are there stay at the end.
  function placeIn(log) {
    return log ? { top: log.scrollTop, atEnd: log.scrollTop + log.clientHeight >= log.scrollHeight - 4 } : { top: 0, atEnd: true };
  }

  function scrollTo(log, { top, atEnd }) {
    if (log) log.scrollTop = atEnd && log.matches("[data-tail]") ? log.scrollHeight : top;
  }

  // What can be unfolded is the same if it is about the same run, wherever it stands now.
  function keyOf(details) {
    return details.querySelector(":scope > summary a")?.getAttribute("href") ?? details.id;
  }

  // What somebody has unfolded, or folded, stays so.
  function keepOpen(before) {
    const open = new Map([...before.querySelectorAll("details")].map((one) => [keyOf(one), one.open]));
    for (const one of part.querySelectorAll("details")) one.open = open.get(keyOf(one)) ?? one.open;
  }

  // What somebody has ticked stays so.
  function keepTicked(before) {
    const ticked = new Set([...before.querySelectorAll("[type=checkbox]:checked")].map((one) => one.value));
    for (const one of part.querySelectorAll("[type=checkbox]")) one.checked = ticked.has(one.value);
    offerAll();
  }

  function offerAll() {
    for (const label of part.querySelectorAll("label.js-only")) label.hidden = false;
  }

  function sameAsFocused(before) {
    const focused = document.activeElement;
    if (!before.contains(focused)) return null;
    if (focused.matches("summary")) {
      const key = keyOf(focused.parentElement);
      return [...part.querySelectorAll("details")].find((one) => keyOf(one) === key)?.querySelector("summary");
    }
    if (focused.matches("[type=checkbox]")) {
      return [...part.querySelectorAll("[type=checkbox]")].find((one) => one.value === focused.value);
    }
    const href = focused.getAttribute("href");
    return [...part.querySelectorAll("a[href]")].find((one) => one.getAttribute("href") === href);
  }

  document.addEventListener("change", (event) => {
    if (!event.target.matches("[data-all]")) return;
    for (const one of part.querySelectorAll("input[name=id]")) one.checked = event.target.checked;
  });
  offerAll();

  document.addEventListener("visibilitychange", () => {
    listen();
    clearTimeout(waiting);
    waiting = 0;
    if (!document.hidden) refresh();
  });
  scrollTo(part.querySelector("#log[data-tail]"), { top: 0, atEnd: true });
  listen();
  if (part.dataset.live === "yes") ask(EVERY);
})();
