// Plots as inline SVG, with the same figures as text: bars in the rows of a table, histograms.
import { make, number } from "./elements.js";

const HIGH = 150; // pixels of a histogram's bars

function drawn(name, attributes, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

const percent = (part, whole) => (whole ? (100 * part) / whole : 0);

// A bar of parts [["kept", 7], ["dropped", 3]] within `most`; the row around it says the numbers.
function bar(parts, most) {
  let x = 0;
  const rects = parts.map(([className, value]) => {
    const rect = drawn("rect", { class: className, x: `${x}%`, width: `${percent(value, most)}%`, height: 12, rx: 1 });
    x += percent(value, most);
    return rect;
  });
  return drawn("svg", { class: "bar", width: "100%", height: 12, "aria-hidden": true }, ...rects);
}

// Rows {label, parts, numbers} as a table with bars; those after `first` on request.
export function bars({ caption, heads, rows, first = 12, most = mostOf(rows) }) {
  const head = make("tr", {}, make("th", { scope: "col" }, heads[0]), make("td", { className: "wide" }),
    ...heads.slice(1).map((text) => make("th", { scope: "col", className: "number" }, text)));
  const lines = rows.map(({ label, parts, numbers }) => make("tr", {},
    make("th", { scope: "row" }, label), make("td", { className: "wide" }, bar(parts, most)),
    ...numbers.map((text) => make("td", { className: "number" }, text))));
  lines.slice(first).forEach((line) => (line.hidden = true));
  const table = make("table", { className: "bars" }, make("caption", { className: "hidden" }, caption),
    make("thead", {}, head), make("tbody", {}, ...lines));
  return make("div", {}, table, lines.length > first ? unfold(lines.slice(first), lines.length) : null);
}

const mostOf = (rows) => Math.max(...rows.map(({ parts }) => parts.reduce((sum, [, value]) => sum + value, 0)), 0);

function unfold(lines, count) {
  const button = make("button", { type: "button", className: "small" }, `Show all ${count}`);
  button.addEventListener("click", () => {
    lines.forEach((line) => (line.hidden = false));
    lines[0].tabIndex = -1;
    lines[0].focus();
    button.remove();
  });
  return button;
}

// Bins {low, high, pairs, kept} as a histogram, kept below dropped, with its table to unfold.
export function histogram(title, bins) {
  const [low, high] = [bins[0].low, bins.at(-1).high];
  const most = Math.max(...bins.map((bin) => bin.pairs));
  const across = (value) => percent(value - low, high - low);
  const svg = drawn("svg", { class: "histogram", width: "100%", height: HIGH + 24, role: "img", "aria-label": `${title}: ${told(bins)}` });
  for (const bin of bins) svg.append(...column(bin, across, most));
  svg.append(drawn("line", { x1: 0, x2: "100%", y1: HIGH, y2: HIGH }), ...ticks(low, high, across));
  return make("figure", {}, make("figcaption", {}, title), svg, listed(title, bins));
}

function column(bin, across, most) {
  const [kept, dropped] = [bin.kept, bin.pairs - bin.kept].map((count) => percent(count, most) * HIGH / 100);
  const place = { x: `${across(bin.low)}%`, width: `${Math.max(across(bin.high) - across(bin.low) - 0.25, 0.1)}%` };
  const text = `${range(bin)}: ${number(bin.kept)} of ${number(bin.pairs)} pairs kept`;
  const rect = (className, y, height) =>
    drawn("rect", { class: className, ...place, y, height }, drawn("title", {}, text));
  return [rect("dropped", HIGH - kept - dropped, dropped), rect("kept", HIGH - kept, kept)];
}

// A line every 0.1 or 0.2, so that some six fit.
function ticks(low, high, across) {
  const step = high - low > 0.65 ? 0.2 : 0.1;
  const nodes = [];
  for (let at = Math.ceil((low + 0.01) / step); at * step <= high - 0.01; at += 1) {
    const text = drawn("text", { x: `${across(at * step)}%`, y: HIGH + 18 });
    text.textContent = (at * step).toFixed(1);
    nodes.push(drawn("line", { x1: `${across(at * step)}%`, x2: `${across(at * step)}%`, y1: HIGH, y2: HIGH + 4 }), text);
  }
  return nodes;
}

const range = (bin) => `${bin.low.toFixed(2)} to ${bin.high.toFixed(2)}`;
const sum = (bins, name) => bins.reduce((total, bin) => total + bin[name], 0);
const told = (bins) => `${number(sum(bins, "kept"))} of ${number(sum(bins, "pairs"))} pairs kept, from ${bins[0].low.toFixed(2)} to ${bins.at(-1).high.toFixed(2)}`;

function listed(title, bins) {
  const cells = (kind, values, scope) => values.map((text) => make(kind, scope ? { scope } : {}, text));
  return make("details", {}, make("summary", {}, "As a table"),
    make("table", {}, make("caption", { className: "hidden" }, title),
      make("thead", {}, make("tr", {}, ...cells("th", ["Similarity", "Pairs", "Kept"], "col"))),
      make("tbody", {}, ...bins.map((bin) => make("tr", {}, ...cells("td", [range(bin), number(bin.pairs), number(bin.kept)]))))));
}
