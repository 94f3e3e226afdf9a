"use strict";
// A trace: scrubbing through positions, and the insides of runs, which become part of the page when they are opened.
document.documentElement.classList.add("js");

/* A duration for people, as `headrace.core.timeline.seconds_text` writes it. */
function secondsText(seconds) {
  const short = (number) => String(Number(number.toPrecision(3)));
  const whole = (number) => {
    const rounded = Math.round(number);
    return rounded - number === 0.5 && rounded % 2 ? rounded - 1 : rounded;
  };
  const two = (number) => String(number).padStart(2, "0");
  if (seconds < 1e-5) return "0 s";
  if (seconds >= 0.9995 && seconds < 59.95) return `${short(seconds)} s`;
  if (seconds < 0.9995) return `${short(seconds * 1000)} ms`;
  const all = whole(seconds);
  const minutes = Math.floor(all / 60);
  if (minutes < 60) return `${minutes}m ${two(all % 60)}s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours}h ${two(minutes % 60)}m`;
  return `${Math.floor(hours / 24)}d ${two(hours % 24)}h`;
}

/* The number of items that are not after `value` in a sorted list. */
function countUpTo(list, value) {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

const ENDS = new Set(["COMPLETED", "FAILED", "CRASHED", "CANCELLED"]);

/* One world of the test: a chart, and the position at which it is shown. */
class Act {
  constructor(section) {
    this.section = section;
    this.data = JSON.parse(section.querySelector('script[type="application/json"]').textContent);
    this.chart = section.querySelector(".chart");
    this.slider = section.querySelector(".axis");
    this.event = section.querySelector(".event a");
    this.moment = section.querySelector(".moment b");
    this.clock = section.querySelector(".moment span");
    this.last = Math.max(this.data.at.length - 1, 0);
    this.inSight = new Set();
    this.arrows = new Arrows(section.querySelector(".laid"), section.dataset.prefix);
    this.begun = new Map(this.arrows.all.map((arrow) => [arrow, this.beginningOf(Number(arrow.dataset.to))]));
    this.watch();
    this.listen();
    this.show(this.last);
  }

  watch() {
    const observer = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) this.inSight.delete(entry.target);
        else {
          this.inSight.add(entry.target);
          this.showChunk(entry.target);
        }
      }
    }, { rootMargin: "300px" });
    for (const chunk of this.section.querySelectorAll(".chunk")) observer.observe(chunk);
  }

  listen() {
    this.section.addEventListener("toggle", (event) => this.opened(event.target), true);
    for (const button of this.section.querySelectorAll("[data-go]")) {
      button.addEventListener("click", () => this.go(button.dataset.go));
    }
    const drag = (event) => {
      const box = this.slider.getBoundingClientRect();
      const share = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
      this.showShare(share);
    };
    this.slider.addEventListener("pointerdown", (event) => {
      this.slider.setPointerCapture(event.pointerId);
      drag(event);
    });
    this.slider.addEventListener("pointermove", (event) => {
      if (this.slider.hasPointerCapture(event.pointerId)) drag(event);
    });
    this.slider.addEventListener("keydown", (event) => {
      const where = { Home: "first", End: "last", PageUp: "10", PageDown: "-10", ArrowUp: "1", ArrowDown: "-1" }[event.key];
      if (!where) return;
      event.preventDefault();
      this.go(where);
    });
    this.section.querySelector(".filter input").addEventListener("input", (event) => this.filter(event.target.value));
    addEventListener("resize", () => this.arrows.place());
  }

  go(where) {
    if (where === "first") this.show(0);
    else if (where === "last") this.show(this.last);
    else this.show(this.position + Number(where));
  }

  /* Show how things stood at a share of the axis: at the last position that is not later. */
  showShare(share) {
    if (this.data.unit === "steps") {
      this.show(Math.round(share * this.last));
      return;
    }
    const at = share * this.data.span;
    this.show(countUpTo(this.data.at, at + 2e-6) - 1, at);
  }

  show(position, at) {
    this.position = Math.min(Math.max(position, 0), this.last);
    this.at = Math.max(at ?? 0, this.data.at[this.position] ?? 0);
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.paint();
    });
  }

  paint() {
    const { data, position } = this;
    const whole = data.unit === "steps" ? data.span : data.span || 1;
    const share = data.unit === "steps" ? position / (whole || 1) : this.at / whole;
    const atEnd = position === this.last && (data.unit === "steps" || this.at >= data.at[this.last]);
    this.now = `${Math.min(atEnd ? 1 : share, 1) * 100}%`;
    this.slider.style.setProperty("--now", this.now);
    this.chart.classList.toggle("at-end", atEnd);
    this.moment.textContent = secondsText(this.at);
    const moment = data.began === null ? "" : new Date(data.began + this.at * 1000).toISOString();
    this.clock.textContent = `${moment.replace("T", " ").replace("Z", " UTC")} · event ${position + 1} of ${this.last + 1}`;
    const said = data.said[position] ?? "";
    this.event.textContent = said;
    const row = data.row[position];
    if (row === null || row === undefined) this.event.removeAttribute("href");
    else this.event.setAttribute("href", `#${this.section.dataset.prefix}${row}`);
    this.slider.setAttribute("aria-valuenow", position);
    this.slider.setAttribute("aria-valuetext", `${secondsText(this.at)}: ${said}`);
    for (const chunk of this.inSight) this.showChunk(chunk);
    const insides = this.section.querySelectorAll("details[open] > .inside");
    for (const inside of insides) this.reveal(inside);
    if (insides.length) this.arrows.place();
    this.showArrows();
  }

  /* The position at which a run began: at which it was Running, or else was there. */
  beginningOf(run) {
    const course = this.data.runs[run];
    const [begun] = course.find(([, entered]) => this.data.states[entered][1] === "RUNNING") ?? course[0] ?? [0];
    return begun;
  }

  /* Hide the arrows to runs that had not begun yet. */
  showArrows() {
    for (const [arrow, begun] of this.begun) arrow.classList.toggle("later", begun > this.position);
  }

  showChunk(chunk) {
    chunk.style.setProperty("--now", this.now); // on the whole chart it would cost a look at everything out of sight
    for (const row of chunk.children) this.showRow(row);
  }

  /* The states that a run has entered so far: position, and number of the state. */
  past(row) {
    const course = this.data.runs[Number(row.id.slice(this.section.dataset.prefix.length))];
    return course.filter(([entered]) => entered <= this.position);
  }

  stateIn(past) {
    return past.length ? this.data.states[past[past.length - 1][1]] : ["not there yet", "PENDING", "·"];
  }

  /* Show a run as it stood: its state, how often it had been tried, since when. */
  showRow(row) {
    const { data } = this;
    const past = this.past(row);
    const count = past.length;
    const key = this.at >= data.at[this.last] ? `${count}` : `${count}@${this.at}`;
    if (row.shown === key) return;
    row.shown = key;
    const cells = row.firstElementChild.children;
    const [, state, attempts, start, took] = cells;
    row.classList.toggle("future", count === 0);
    const [name, type, sign] = this.stateIn(past);
    state.className = `state s-${type}`;
    state.firstElementChild.textContent = sign;
    state.lastElementChild.textContent = name;
    const running = past.filter(([, entered]) => data.states[entered][1] === "RUNNING");
    const end = past.find(([, entered]) => ENDS.has(data.states[entered][1]));
    attempts.lastChild.textContent = String(running.length);
    const began = running.length ? data.at[running[0][0]] : null;
    start.lastChild.textContent = began === null ? "–" : secondsText(began);
    this.showAttempts(row);
    const until = end ? data.at[end[0]] : this.at;
    took.lastChild.textContent = began === null ? "–" : secondsText(Math.max(until - began, 0));
  }

  /* Draw attempts that go on as such: how they will end is not known yet. */
  showAttempts(row) {
    const now = Number.parseFloat(this.now);
    for (const attempt of row.querySelectorAll(":scope > summary .failing")) {
      const end = Number.parseFloat(attempt.getAttribute("x")) + Number.parseFloat(attempt.getAttribute("width"));
      attempt.classList.toggle("going", end > now + 0.01);
    }
  }

  /* Make the inside of what was opened part of the page. */
  opened(details) {
    const hidden = details.querySelector(":scope > noscript");
    if (hidden) {
      const inside = document.createElement("div");
      inside.className = "inside";
      inside.innerHTML = hidden.textContent; // what we wrote, escaped: parsed once, as without JavaScript
      hidden.replaceWith(inside);
    }
    const inside = details.querySelector(":scope > .inside");
    if (inside) this.reveal(inside);
  }

  /* Hide what had not happened yet. */
  reveal(inside) {
    for (const one of inside.querySelectorAll("[data-from]")) one.hidden = Number(one.dataset.from) > this.position;
    for (const one of inside.querySelectorAll("[data-until]")) one.hidden = Number(one.dataset.until) <= this.position;
  }

  filter(text) {
    const wanted = text.trim().toLowerCase();
    for (const row of this.section.querySelectorAll(".run")) {
      const name = row.firstElementChild.firstElementChild.textContent;
      const [state] = this.stateIn(this.past(row));
      row.hidden = !`${name} ${state}`.toLowerCase().includes(wanted);
    }
    this.arrows.place();
  }
}

const acts = [...document.querySelectorAll(".act")].map((section) => (section.dataset.prefix ? new Act(section) : { section }));
let current = acts[0];

function choose(number) {
  current = acts[number];
  acts.forEach((act) => { act.section.hidden = act !== current; });
  for (const button of document.querySelectorAll("[data-act]")) {
    button.setAttribute("aria-pressed", String(Number(button.dataset.act) === number));
  }
}

for (const button of document.querySelectorAll("[data-act]")) {
  button.addEventListener("click", () => choose(Number(button.dataset.act)));
}
if (acts.length) choose(0);

/* Left and right go from event to event, wherever the focus is, but where they mean something else. */
document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey || !current?.go) return;
  if (event.target.closest("input, textarea, pre")) return;
  const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!way) return;
  event.preventDefault();
  current.go(String(event.shiftKey ? way * 10 : way));
});

/* A link to a run opens it. */
document.addEventListener("click", (event) => {
  const link = event.target.closest('a[href^="#run-"]');
  const run = link && document.getElementById(link.getAttribute("href").slice(1));
  if (!run) return;
  event.preventDefault();
  run.hidden = false;
  run.open = true;
  run.scrollIntoView({ block: "center" });
  run.firstElementChild.focus({ preventScroll: true });
});

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

for (const button of document.querySelectorAll(".copy")) {
  button.addEventListener("click", async () => {
    const done = await copied(button.parentElement.querySelector("code").textContent);
    button.textContent = done ? "Copied" : "Not copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
}
