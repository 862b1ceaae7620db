"use strict";
// Sorts and filters the tables. Without it every row is shown, in the order in which it was written.

const NOTHING = ["", "\u2013"];

function valueOf(row, column) {
  const text = row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
  if (NOTHING.includes(text)) return null;
  const number = Number(text.replaceAll(",", ""));
  return Number.isNaN(number) ? text : number;
}

// Numbers come before words, and nothing comes last whichever way.
function compared(a, b, sign) {
  if (a === null || b === null) return (a === null) - (b === null);
  if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
  return sign * (typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true }));
}

const rowsOf = (body) => [...body.rows].filter((row) => !row.classList.contains("task"));

function sort(table, head, column) {
  const up = head.getAttribute("aria-sort") !== "ascending";
  for (const other of table.tHead.querySelectorAll("[aria-sort]")) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", up ? "ascending" : "descending");
  for (const body of table.tBodies) {
    const keyed = rowsOf(body).map((row) => [valueOf(row, column), row]);
    keyed.sort((a, b) => compared(a[0], b[0], up ? 1 : -1));
    body.append(...keyed.map((pair) => pair[1])); // the heading of a task stays in front
  }
}

function makeSortable(table) {
  [...[...table.tHead.rows].at(-1).cells].forEach((head, column) => {
    if (head.textContent.trim() === "") return;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    button.addEventListener("click", () => sort(table, head, column));
    head.append(button);
  });
}

function filter(table, words) {
  let shown = 0;
  for (const body of table.tBodies) {
    const heading = body.querySelector("tr.task");
    const start = heading ? heading.textContent.toLowerCase() + " " : "";
    const rows = rowsOf(body);
    for (const row of rows) row.hidden = !words.every((word) => (start + row.textContent.toLowerCase()).includes(word));
    const left = rows.filter((row) => !row.hidden).length;
    if (heading) heading.hidden = left === 0;
    shown += left;
  }
  return shown;
}

function makeFilter(table, total) {
  const line = document.createElement("p");
  const box = document.createElement("input");
  const said = document.createElement("output");
  line.className = "filter note";
  box.type = "search";
  box.placeholder = "Filter rows";
  box.setAttribute("aria-label", "Show only rows with all of these words");
  box.addEventListener("input", () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    const shown = filter(table, words);
    said.textContent = words.length ? ` ${shown} of ${total} rows` : "";
  });
  line.append(box, said);
  table.parentElement.before(line);
}

for (const table of document.querySelectorAll("table")) {
  const total = [...table.tBodies].flatMap(rowsOf).length;
  if (total > 1) makeSortable(table);
  if (total > 15) makeFilter(table, total);
}
