// What is searched for: words, a picture that is uploaded, dropped or pasted, and terms to steer by.
import { go, hasParts, leads, listen, NO_PARTS, pictureOf, state } from "./address.js";
import { known, story } from "./api.js";
import { element, make, webAddress } from "./elements.js";

const MOST_BYTES = 10_000_000; // of a picture: the server takes no more
const OPPOSITE = { q: "not", not: "q", like: "unlike", unlike: "like" };
const WANTED = ["q", "like"];

export function start() {
  listen(render);
  element("form").addEventListener("submit", submit);
  element("steer").addEventListener("submit", (event) => addTerm(event, "q"));
  element("away").addEventListener("click", (event) => addTerm(event, "not"));
  element("upload").addEventListener("click", () => element("file").click());
  element("file").addEventListener("change", (event) => {
    searchBy(event.target.files[0]);
    event.target.value = "";
  });
  document.addEventListener("paste", (event) => {
    const picture = pictureIn(event.clipboardData.files);
    if (picture) searchBy(picture);
  });
  watchDrops();
}

function submit(event) {
  event.preventDefault();
  const words = element("q").value.trim();
  // Nobody searches for pictures like an address: it asks what became of the pairs that have it.
  if (webAddress(words)) return go({ pair: words });
  const q = [words, ...state.q.slice(1)].filter(Boolean);
  return go({ q, hybrid: state.hybrid && q.length > 0, tab: "search", pair: "" });
}

function addTerm(event, sign) {
  event.preventDefault();
  const term = element("term").value.trim();
  if (!term) return element("term").focus();
  element("term").value = "";
  return go({ [sign]: [...new Set([...state[sign], term])] });
}

function render(state, before) {
  // Words that are being typed stay while something else changes.
  if (state.q[0] !== before.q[0]) element("q").value = state.q[0] ?? "";
  element("steer").hidden = !hasParts(state);
  element("parts").replaceChildren(...chips());
}

// Each part of the query as a chip but the first text, which stands in the box.
function chips() {
  const parts = [];
  for (const sign of Object.keys(OPPOSITE)) {
    const values = sign === "q" ? state.q.slice(1) : state[sign];
    for (const value of values) parts.push(chip(labelOf(sign, value), WANTED.includes(sign), changesOf(sign, value)));
  }
  if (state.picture && pictureOf()) parts.push(uploadedChip());
  return parts;
}

function changesOf(sign, value) {
  const rest = state[sign].filter((each) => each !== value);
  const other = OPPOSITE[sign];
  return { turn: { [sign]: rest, [other]: [...state[other], value] }, remove: { [sign]: rest } };
}

function uploadedChip() {
  const wanted = state.picture === "like";
  const label = { node: make("img", { src: pictureOf(), alt: "" }), name: "your picture" };
  return chip(label, wanted, { turn: { picture: wanted ? "unlike" : "like" }, remove: { picture: "" } });
}

function labelOf(sign, value) {
  if (["q", "not"].includes(sign)) return { node: make("bdi", {}, value), name: value };
  const image = make("img", { alt: "" });
  const label = { node: image, name: "a picture" };
  const show = (hit) => {
    image.src = `thumbnails/${hit.image_id}.jpg`;
    image.title = hit.caption;
  };
  if (known.has(value)) show(known.get(value));
  // Without its story the chip stays a plain one; the search itself says what is wrong.
  else story(value).then((told) => show(told.pair), () => image.replaceWith("a picture"));
  return label;
}

function chip({ node, name }, wanted, { turn, remove }) {
  const sign = make("button", { type: "button", className: "sign" }, wanted ? "+" : "−");
  sign.setAttribute("aria-label", wanted ? `More of ${name}; turn to less` : `Less of ${name}; turn to more`);
  const away = make("button", { type: "button", "aria-label": `Remove ${name}` }, "×");
  for (const [button, change] of [[sign, turn], [away, remove]]) {
    button.addEventListener("click", () => {
      go(change);
      element("results").focus({ preventScroll: true });
    });
  }
  return make("li", { className: wanted ? "chip" : "chip less" }, sign, node, away);
}

const pictureIn = (files) => [...files].find((file) => file.type.startsWith("image/"));

// Search by a picture alone, within the filters; words that are typed then join it.
async function searchBy(file) {
  if (!file) return;
  if (file.size > MOST_BYTES) {
    complain(`This picture has more than ${MOST_BYTES.toLocaleString("en")} bytes; give a smaller one.`);
    return;
  }
  let picture;
  try {
    picture = await asItIs(file);
  } catch {
    complain("This file cannot be read; give another.");
    return;
  }
  element("q").focus();
  go({ ...NO_PARTS, picture: "like", tab: "search", pair: "" }, { picture });
}

// A file as a data URL, byte for byte: the server makes of it what is kept of a picture.
const asItIs = (file) =>
  new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(reader.result));
    reader.addEventListener("error", reject);
    reader.readAsDataURL(file);
  });

function complain(text) {
  element("status").textContent = text;
  element("status").className = "notice";
}

function watchDrops() {
  const over = (shown) => (element("drop").hidden = !shown);
  const takes = (event) => ["Files", "application/x-pair"].some((type) => event.dataTransfer.types.includes(type));
  document.addEventListener("dragover", (event) => {
    if (!takes(event)) return;
    event.preventDefault();
    over(true);
  });
  document.addEventListener("dragleave", (event) => event.relatedTarget ?? over(false));
  document.addEventListener("dragend", () => over(false));
  document.addEventListener("drop", (event) => {
    if (!takes(event)) return;
    event.preventDefault();
    over(false);
    const pair = event.dataTransfer.getData("application/x-pair");
    if (pair) go({ ...NO_PARTS, like: [pair] });
    else if (event.dataTransfer.files.length) searchBy(pictureIn(event.dataTransfer.files) ?? event.dataTransfer.files[0]);
  });
}

export function startExamples() {
  for (const anchor of document.querySelectorAll("#examples a")) leads(anchor, { ...NO_PARTS, q: [anchor.textContent] });
}
