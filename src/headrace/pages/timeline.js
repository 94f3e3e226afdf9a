// The timeline of a run without this: all of it, as wide as the page. With it: zooming and moving along the axis.
"use strict";
(() => {
  const MOST = 2000; // how often the whole fits into what is seen
  const STEP = 2;
  const FAILSAFE = 1e-9;
  // What is seen: kept when the page changes by itself and there is a new chart.
  const view = { zoom: 1, from: 0, top: 0 };
  let chart, rows, axis, whole, span;

  function begin() {
    chart = document.querySelector(".chart[data-span]");
    if (!chart) return;
    [rows, axis] = [".rows", ".axis"].map((name) => chart.querySelector(name));
    whole = axis.innerHTML;
    span = Number(chart.dataset.span);
    chart.classList.add("js");
    for (const tools of document.querySelectorAll(".tools")) tools.hidden = span === 0;
    const arrows = new Arrows(chart.querySelector(".laid"), "row-");
    rows.scrollTop = view.top;
    rows.addEventListener("scroll", () => { view.top = rows.scrollTop; });
    rows.addEventListener("wheel", turned, { passive: false });
    rows.addEventListener("keydown", pressed);
    rows.addEventListener("pointerdown", grabbed);
    axis.addEventListener("dblclick", () => look(1, 0));
    const pan = chart.querySelector(".pan > div");
    pan.addEventListener("scroll", () => {
      const from = pan.scrollLeft / pan.firstElementChild.offsetWidth;
      if (Math.abs(from - view.from) * pan.firstElementChild.offsetWidth > 1.5) look(view.zoom, from);
    });
    if (chart.querySelector("details.opened:not([open]), details:not(.opened)[open]")) arrows.place();
    look(view.zoom, view.from);
  }

  // ----- what is seen of the axis

  function look(zoom, from) {
    view.zoom = Math.min(Math.max(zoom, 1), MOST);
    view.from = Math.min(Math.max(from, 0), 1 - 1 / view.zoom);
    chart.style.setProperty("--zoom", view.zoom);
    chart.style.setProperty("--from", view.from);
    chart.classList.toggle("zoomed", view.zoom > 1);
    const pan = chart.querySelector(".pan");
    pan.hidden = view.zoom === 1;
    pan.firstElementChild.scrollLeft = view.from * pan.querySelector("i").offsetWidth;
    if (view.zoom === 1) axis.innerHTML = whole;
    else drawTicks();
    for (const button of document.querySelectorAll(".tools [data-zoom]")) {
      button.disabled = button.dataset.zoom === "1" ? view.zoom >= MOST : view.zoom === 1;
    }
  }

  /* Zoom, and keep the place that is at this share of what is seen where it is. */
  function zoomAt(share, times) {
    const zoom = Math.min(Math.max(view.zoom * times, 1), MOST);
    look(zoom, view.from + share / view.zoom - share / zoom);
  }

  function shareAt(event) {
    const box = axis.getBoundingClientRect();
    return Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
  }

  function turned(event) {
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      zoomAt(shareAt(event), 2 ** (-event.deltaY / 200));
    } else if (view.zoom > 1 && (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY))) {
      event.preventDefault();
      look(view.zoom, view.from + (event.deltaX || event.deltaY) / axis.offsetWidth / view.zoom);
    }
  }

  function pressed(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const move = { ArrowLeft: -0.1, ArrowRight: 0.1 }[event.key];
    const act = { "+": () => zoomAt(0.5, STEP), "=": () => zoomAt(0.5, STEP), "-": () => zoomAt(0.5, 1 / STEP), 0: () => look(1, 0) }[event.key];
    if (move && view.zoom > 1) look(view.zoom, view.from + move / view.zoom);
    else if (act) act();
    else return;
    event.preventDefault();
  }

  document.addEventListener("click", (event) => {
    const way = event.target.closest?.(".tools [data-zoom]")?.dataset.zoom;
    if (way === "0") look(1, 0);
    else if (way) zoomAt(0.5, STEP ** Number(way));
  });

  /* Along the axis a part is chosen; along the bars it is moved. */
  function grabbed(event) {
    const onAxis = axis.contains(event.target);
    if (event.button || (!onAxis && !(view.zoom > 1 && event.target.closest(".bar")))) return;
    event.preventDefault();
    const [first, from] = [shareAt(event), view.from];
    const chosen = document.createElement("div");
    chosen.className = "chosen";
    if (onAxis) axis.append(chosen);
    else chart.classList.add("moving");
    const moved = (now) => {
      const share = shareAt(now);
      chosen.style.left = `${Math.min(first, share) * 100}%`;
      chosen.style.width = `${Math.abs(share - first) * 100}%`;
      if (!onAxis) look(view.zoom, from + (first - share) / view.zoom);
    };
    const ended = (now) => {
      for (const [name, listener] of [["pointermove", moved], ["pointerup", ended], ["pointercancel", ended]]) document.removeEventListener(name, listener);
      chart.classList.remove("moving");
      chosen.remove();
      const [low, high] = [first, shareAt(now)].sort((a, b) => a - b);
      if (onAxis && now.type === "pointerup" && high - low > 0.01) look(view.zoom / (high - low), view.from + low / view.zoom);
    };
    document.addEventListener("pointermove", moved);
    document.addEventListener("pointerup", ended);
    document.addEventListener("pointercancel", ended);
  }

  // ----- the axis

  function steps() {
    const found = [];
    for (let power = -6; power <= 0; power += 1) for (const n of [1, 2, 5]) found.push(n * 10 ** power);
    found.push(10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200);
    for (let days = 1; days < 1e5; days *= 2) found.push(days * 86400);
    return found;
  }

  /* A moment on the axis, as exactly as it takes to tell it from its neighbours. */
  function tickText(at, step) {
    const digits = Math.max(0, Math.ceil(-Math.log10(step) - FAILSAFE));
    const two = (number) => String(number).padStart(2, "0");
    if (at < 1) return step < 1 && at > 0 ? `${Number((at * 1000).toFixed(Math.max(0, digits - 3)))} ms` : `${at.toFixed(0)} s`;
    if (at < 60) return `${at.toFixed(digits)} s`;
    const minutes = Math.floor(at / 60 + FAILSAFE);
    const rest = Math.max(at - minutes * 60, 0);
    const seconds = step < 60 ? ` ${rest < 9.9999995 ? "0" : ""}${rest.toFixed(digits)}s` : "";
    if (minutes < 60) return `${minutes}m${seconds}`;
    const hours = Math.floor(minutes / 60);
    const inDay = step < 3600 ? ` ${two(minutes % 60)}m${seconds}` : "";
    if (hours < 24) return `${hours}h${inDay}`;
    return `${Math.floor(hours / 24)}d${step < 86400 ? ` ${two(hours % 24)}h${inDay}` : ""}`;
  }

  function drawTicks() {
    const [first, seen] = [view.from * span, span / view.zoom];
    const step = steps().find((one) => seen / one <= 6);
    const svg = axis.querySelector("svg.ticks");
    const parts = [];
    for (let n = Math.ceil(first / step - FAILSAFE); n * step <= first + seen + FAILSAFE * step; n += 1) {
      const share = (n * step - first) / seen;
      const place = share < 0.04 ? "first" : share > 0.93 ? "last" : "";
      parts.push(`<svg x="${share * 100}%" overflow="visible"><line y1="14" y2="22"/><text y="10" class="${place}">${tickText(n * step, step)}</text></svg>`);
    }
    svg.innerHTML = parts.join("");
  }

  document.addEventListener("live", begin);
  begin();
})();
