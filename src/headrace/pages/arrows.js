"use strict";
// The arrows of a timeline, which were drawn for the rows as they are at first: they follow rows that move, and those of
// the run that is pointed at are made out.
class Arrows {
  /* `laid` holds the rows, whose ids begin with `prefix`, and the drawing of the arrows. */
  constructor(laid, prefix) {
    this.laid = laid;
    this.prefix = prefix;
    this.all = [...laid.querySelectorAll(".arrows g")];
    this.byRow = new Map();
    for (const arrow of this.all) {
      for (const end of [arrow.dataset.from, arrow.dataset.to]) this.byRow.set(end, [...(this.byRow.get(end) ?? []), arrow]);
    }
    laid.classList.add("js");
    laid.addEventListener("toggle", () => this.place(), true);
    laid.addEventListener("pointerover", (event) => this.pointAt(event.target));
    laid.addEventListener("focusin", (event) => this.pointAt(event.target));
    laid.addEventListener("pointerleave", () => this.pointAt(null));
  }

  /* Where a row is, or what it is folded into; null where neither is to be seen. */
  middleOf(row, chunks) {
    const chunk = row.parentElement;
    if (!chunks.has(chunk)) chunks.set(chunk, this.plainly(chunk));
    const plain = chunks.get(chunk);
    if (plain) return plain.top + (Number(row.id.slice(this.prefix.length)) - plain.first + 0.5) * plain.height;
    let seen = row;
    for (let at = chunk.closest("details"); at; at = at.parentElement.closest("details")) if (!at.open) seen = at;
    if (seen.hidden) return null;
    const box = seen.firstElementChild.getBoundingClientRect();
    return box.top - this.top + box.height / 2;
  }

  /* Where rows are that lie together. All are as high as each other while nothing is unfolded, folded or hidden among
     them: then none needs to be measured, which takes long where thousands are out of sight. */
  plainly(chunk) {
    if (!chunk.matches(".chunk") || chunk.querySelector(":scope > [open], :scope > [hidden], .run .run")) return null;
    const box = chunk.getBoundingClientRect();
    const first = Number(chunk.firstElementChild.id.slice(this.prefix.length));
    return { first, top: box.top - this.top, height: box.height / chunk.childElementCount };
  }

  place() {
    const chunks = new Map();
    this.top = this.laid.getBoundingClientRect().top;
    const middles = new Map([...this.byRow.keys()].map((row) => [row, this.middleOf(document.getElementById(`${this.prefix}${row}`), chunks)]));
    for (const arrow of this.all) {
      const [from, to] = [middles.get(arrow.dataset.from), middles.get(arrow.dataset.to)];
      if (from === null || to === null || Math.abs(from - to) < 1) {
        arrow.setAttribute("display", "none");
        continue;
      }
      arrow.removeAttribute("display");
      const [down, across] = arrow.querySelectorAll("line");
      down.setAttribute("y1", from + (to > from ? 7 : -7));
      down.setAttribute("y2", to);
      across?.setAttribute("y1", to);
      across?.setAttribute("y2", to);
      arrow.querySelector("use").setAttribute("y", to);
    }
    this.laid.querySelector(".arrows svg")?.setAttribute("height", this.laid.offsetHeight);
  }

  pointAt(target) {
    for (const arrow of this.laid.querySelectorAll(".arrows .on")) arrow.classList.remove("on");
    const row = target?.closest?.(".line")?.parentElement;
    for (const arrow of this.byRow.get(row?.id.slice(this.prefix.length)) ?? []) arrow.classList.add("on");
  }
}
