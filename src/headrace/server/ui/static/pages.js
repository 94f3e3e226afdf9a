// Pages work without this. With it, the part of a page that changes is fetched again while something runs.
"use strict";
(() => {
  const EVERY = 2000; // milliseconds
  let part = document.getElementById("live");
  if (!part) return;
  const address = new URL(location.href);
  address.searchParams.set("format", "live");
  let shown = "";
  let waiting = 0;

  function wait() {
    clearTimeout(waiting);
    if (part.dataset.live === "yes" && !document.hidden) waiting = setTimeout(refresh, EVERY);
  }

  async function refresh() {
    try {
      const answer = await fetch(address, { cache: "no-store" });
      if (answer.ok) put(await answer.text());
    } catch {
      // The server is away: the page stays as it is, and asks again.
    }
    wait();
  }

  function put(text) {
    if (text === shown) return;
    shown = text;
    const read = new DOMParser().parseFromString(text, "text/html").getElementById("live");
    if (!read) return;
    const before = part;
    keepOpen(before, read);
    const again = whereFocusIs(before);
    part = document.adoptNode(read);
    before.replaceWith(part);
    if (again) part.querySelector(again)?.focus({ preventScroll: true });
    document.querySelector("link[rel=icon]").href = part.dataset.icon;
  }

  // What somebody has unfolded, or folded, stays so.
  function keepOpen(before, after) {
    for (const one of before.querySelectorAll("details[id]")) {
      const same = after.querySelector(`#${CSS.escape(one.id)}`);
      if (same) same.open = one.open;
    }
  }

  function whereFocusIs(before) {
    const focused = document.activeElement;
    if (!focused || !before.contains(focused)) return null;
    const around = focused.closest("details[id]");
    if (focused.id) return `#${CSS.escape(focused.id)}`;
    if (focused.matches("summary") && around) return `#${CSS.escape(around.id)} > summary`;
    const href = focused.getAttribute("href");
    return href ? `a[href="${CSS.escape(href)}"]` : null;
  }

  document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(waiting) : refresh()));
  wait();
})();
