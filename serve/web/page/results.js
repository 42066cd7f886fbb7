// The results: cards, more of them as one scrolls, and keys that move between them.
import { askedOf, go, hasParts, leads, listen, NO_PARTS, pictureOf, state } from "./address.js";
import { find, MOST_OFFSET, PAGE_ROWS, scores } from "./api.js";
import { announce, counted, element, languageName, make, number, outward } from "./elements.js";
import { isVeiled, unveils, veil } from "./safety.js";

const MOST_REMEMBERED = 20;
const LOST = "This search used an uploaded picture, which an address does not carry; upload it again.";
// Searches that were left, so that Back shows them at once.
const remembered = new Map();
let search = { key: null, hits: [], offset: 0, more: false };
let running = null;

export function start() {
  listen(render);
  element("more").addEventListener("click", () => loadMore());
  element("retry").addEventListener("click", () => begin(keyOf(state)));
  element("grid").addEventListener("keydown", move);
  new IntersectionObserver(([seen]) => seen.isIntersecting && seeMore(), { rootMargin: "0px 0px 800px" })
    .observe(element("more"));
}

// The result before and after a pair, if it is among those shown.
export function beside(pairId) {
  const at = search.hits.findIndex((hit) => hit.pair_id === pairId);
  return at < 0 ? {} : { before: search.hits[at - 1], after: search.hits[at + 1], at };
}

export const focusOn = (pairId) => cardOf(pairId)?.querySelector(".open").focus();

function render(state, before) {
  if (state.tab !== "search") return;
  const key = keyOf(state);
  if (key !== search.key) begin(key);
  else if (before.safe !== state.safe) revealAgain();
  const grid = element("grid").dataset;
  [grid.captions, grid.numbers] = [state.captions, state.numbers ? "shown" : "hidden"];
}

const keyOf = (of) => `${askedOf(of)} ${of.picture} ${pictureOf()}`;

function begin(key) {
  running?.abort();
  settle();
  if (search.hits.length) remembered.set(search.key, search);
  if (remembered.size > MOST_REMEMBERED) remembered.delete(remembered.keys().next().value);
  search = remembered.get(key) ?? { key, hits: [], offset: 0, more: false };
  element("more").hidden = true;
  element("welcome").hidden = hasParts(state);
  element("take").hidden = !hasParts(state) && !state.where.length;
  if (search.hits.length) drawAnew();
  else if (state.picture && !pictureOf()) drawNothing(LOST, "notice");
  else if (hasParts(state)) load();
  else drawNothing(state.where.length ? "Filters are set: say what to search for among these pairs." : "");
}

function drawAnew() {
  element("grid").replaceChildren(...search.hits.map(card));
  sayFound();
}

function drawNothing(text, look, again) {
  element("grid").replaceChildren();
  say(text, look, again);
}

async function load() {
  const mine = (running = new AbortController());
  element("grid").setAttribute("aria-busy", "true");
  element("more").disabled = true;
  if (!search.hits.length) say("Searching…");
  try {
    const answer = await find(state, pictureOf(), search.offset, mine.signal);
    if (mine === running) add(answer);
  } catch (error) {
    if (mine === running && error.name !== "AbortError") fail(error);
  } finally {
    if (mine === running) settle();
  }
}

function settle() {
  running = null;
  element("grid").removeAttribute("aria-busy");
  element("more").disabled = false;
}

function add({ results, more }) {
  const have = new Set(search.hits.map((hit) => hit.pair_id));
  const fresh = results.filter((hit) => !have.has(hit.pair_id));
  if (!search.offset) element("grid").replaceChildren();
  search.hits.push(...fresh);
  search.offset += PAGE_ROWS;
  search.more = more && search.offset <= MOST_OFFSET;
  search.cut = more && !search.more;
  element("grid").append(...fresh.map(card));
  sayFound();
}

function fail(error) {
  if (!search.hits.length) {
    drawNothing(error.message, "notice", error.again);
    search.key = null; // Search is another try
    return;
  }
  element("more").textContent = `${error.message} Try again`;
  element("more").dataset.failed = "";
}

function sayFound() {
  const { hits, more, cut } = search;
  if (!hits.length) {
    say(state.where.length ? "Nothing was found; fewer filters may help." : "Nothing was found.", "notice");
    return;
  }
  const what = counted(hits.length, state.fold === "none" ? "pair" : "picture");
  const said = [`${more || cut ? `The first ${what}` : what}${state.by === "caption" ? " by their captions" : ""}, best first`];
  if (cut) said.push("no more are shown here");
  else if (!more) said.push("there are no more");
  const veiled = state.safe ? hits.filter(isVeiled).length : 0;
  if (veiled) said.push(`${number(veiled)} blurred by safe mode`);
  say(said.join("; "));
  element("more").hidden = !more;
  element("more").textContent = "More results";
  delete element("more").dataset.failed;
  // Still in sight, it is not seen to come in sight again.
  requestAnimationFrame(() => inSight(element("more")) && seeMore());
}

const inSight = (node) => !node.hidden && node.getBoundingClientRect().top < innerHeight + 800;

function seeMore() {
  if (search.more && !("failed" in element("more").dataset)) loadMore();
}

function loadMore() {
  if (!running && search.more && state.tab === "search") load();
}

function say(text, look = "", again = false) {
  const status = element("status");
  [status.textContent, status.className] = [text, look];
  element("retry").hidden = !again;
  // The status behind an open drawer is not heard.
  if (element("drawer").open) announce(text);
}

function revealAgain() {
  search.hits.forEach((hit) => veil(cardOf(hit.pair_id), hit, state.safe));
  if (search.hits.length) sayFound();
}

const cardOf = (pairId) => document.querySelector(`#grid > [data-pair="${CSS.escape(pairId)}"]`);

function card(hit) {
  const item = element("card").content.firstElementChild.cloneNode(true);
  const part = (name) => item.querySelector(name);
  item.dataset.pair = hit.pair_id;
  leads(part(".open"), { pair: hit.pair_id });
  showPicture(part(".frame"), hit);
  part(".caption").textContent = hit.caption;
  if (hit.language) part(".caption").lang = hit.language;
  part(".similarity").textContent = hit.similarity.toFixed(3);
  part(".language").textContent = languageName(hit.language);
  part(".size").textContent = `${hit.width}×${hit.height}`;
  part(".use").textContent = hit.is_found_only ? "found only" : "";
  part(".folded").textContent = hit.captions > 1 ? `+${counted(hit.captions - 1, "pair")}` : "";
  part(".scores").append(...scoresOf(hit));
  leads(part(".like"), { ...NO_PARTS, like: [hit.pair_id] });
  leads(part(".words"), { ...NO_PARTS, q: [hit.caption.slice(0, 500)] });
  part(".pages").append(...outwardLinks(hit));
  part(".plus").addEventListener("click", () => steer("like", hit));
  part(".minus").addEventListener("click", () => steer("unlike", hit));
  item.addEventListener("click", (event) => {
    if (!event.target.closest("a, button") && !String(getSelection())) go({ pair: hit.pair_id });
  });
  item.addEventListener("dragstart", (event) => event.dataTransfer.setData("application/x-pair", hit.pair_id));
  unveils(item, hit, revealAgain);
  veil(item, hit, state.safe);
  return item;
}

export function showPicture(frame, hit) {
  const image = frame.querySelector("img");
  image.addEventListener("error", () => frame.classList.add("empty"));
  image.src = `thumbnails/${hit.image_id}.jpg`;
}

// A hundredth of what a score can be is told.
const digitsOf = ({ lowest, highest }) => Math.max(0, 2 - Math.round(Math.log10(highest - lowest)));
const scoresOf = (hit) =>
  [["pair_similarity", "pair", 3], ...scores.map((each) => [each.name, each.label, digitsOf(each)])]
    .filter(([name]) => (hit[name] ?? null) !== null)
    .map(([name, label, digits]) => make("span", {}, `${label} ${hit[name].toFixed(digits)}`));

export const outwardLinks = (hit) =>
  [[hit.page_url, "Page"], [hit.image_url, "Image"]].map(([address, text]) => outward(address, text))
    .filter((link) => link.localName === "a");

export function steer(sign, hit) {
  const other = sign === "like" ? "unlike" : "like";
  const without = (ids) => ids.filter((id) => id !== hit.pair_id);
  go({ [sign]: [...without(state[sign]), hit.pair_id], [other]: without(state[other]), pair: "" });
}

// Arrow keys, Home and End go from card to card.
function move(event) {
  const cards = [...element("grid").children];
  const at = cards.indexOf(event.target.closest("#grid > li"));
  if (at < 0 || event.altKey || event.ctrlKey || event.metaKey) return;
  const across = cards.findIndex((each) => each.offsetTop > cards[0].offsetTop);
  const row = across < 0 ? cards.length : across;
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -row, ArrowDown: row, Home: -at, End: cards.length - 1 - at };
  const next = cards[at + steps[event.key]];
  if (!next) return;
  event.preventDefault();
  next.querySelector(".open").focus();
}
