// The state of the page: read from the address bar, changed only by writing it there.
// What an address cannot hold, the uploaded picture, lies with the history entry.

const NOTHING = {
  tab: "search",
  q: [], not: [], like: [], unlike: [],
  picture: "", // like or unlike: the sign of an uploaded picture
  by: "image", hybrid: false, fold: "image", aesthetic: 0,
  where: [],
  captions: "short", numbers: true, safe: true,
  pair: "", // whose story is open
};
const ALLOWED = {
  tab: ["search", "dataset"],
  picture: ["like", "unlike"],
  by: ["image", "caption"],
  fold: ["image", "near", "none"],
  captions: ["short", "full", "none"],
};
const TEXTS = ["q", "not", "like", "unlike", "where"];
// What the search API knows under the same name.
const ASKED = ["q", "not", "like", "unlike", "by", "hybrid", "where", "fold", "aesthetic"];
export const NO_PARTS = { q: [], not: [], like: [], unlike: [], picture: "", hybrid: false };

const listeners = [];
const changes = new WeakMap();
export let state = NOTHING;

const cleaned = (text) => text.replace(/\p{Cc}+/gu, " ").trim();

export function read(search) {
  const given = new URLSearchParams(search);
  const found = { ...NOTHING };
  for (const name of TEXTS) found[name] = given.getAll(name).map(cleaned).filter(Boolean);
  for (const [name, allowed] of Object.entries(ALLOWED)) {
    if (allowed.includes(given.get(name))) found[name] = given.get(name);
  }
  found.hybrid = given.get("hybrid") === "1";
  found.aesthetic = Math.min(Math.max(Number(given.get("aesthetic")) || 0, 0), 1);
  found.numbers = given.get("numbers") !== "off";
  found.safe = given.get("safe") !== "off";
  found.pair = cleaned(given.get("pair") ?? "");
  return found;
}

// The parameters that differ from an empty page's, in a fixed order.
function parameters(of, names = Object.keys(NOTHING)) {
  const written = new URLSearchParams();
  for (const name of names) {
    const value = of[name];
    if (Array.isArray(value)) value.forEach((each) => written.append(name, each));
    else if (value !== NOTHING[name]) written.set(name, value === true ? 1 : value === false ? "off" : value);
  }
  return written;
}

export const addressOf = (of) => (`${parameters(of)}` ? `?${parameters(of)}` : "./");
export const askedOf = (of) => parameters(of, ASKED);
export const pictureOf = () => history.state?.picture ?? null;
export const hasParts = (of) => of.q.length + of.not.length + of.like.length + of.unlike.length > 0 || of.picture !== "";

// Show what `change` makes of the state: as a new entry of the history, or in place of this one.
export function go(change, { replace = false, picture = pictureOf() } = {}) {
  const next = { ...state, ...change };
  const same = addressOf(next) === addressOf(state) && picture === pictureOf();
  const opened = next.pair !== "" && (!replace || history.state?.opened === true);
  const entry = { picture: next.picture ? picture : null, opened };
  if (replace || same) {
    history.replaceState({ ...entry, y: history.state?.y }, "", addressOf(next));
  } else {
    history.replaceState({ ...history.state, y: scrollY }, "");
    history.pushState(entry, "", addressOf(next));
  }
  show();
  if (!replace && !change.pair) scrollTo(0, 0);
}

export const listen = (listener) => listeners.push(listener);

// A link to what `change` makes of the state, wherever the state has gone by the time of the click.
export function leads(anchor, change) {
  changes.set(anchor, change);
  anchor.dataset.leads = "";
  anchor.href = addressOf({ ...state, pair: "", ...change });
  return anchor;
}

function show() {
  const before = state;
  state = read(location.search);
  if (addressOf({ ...before, pair: "" }) !== addressOf({ ...state, pair: "" })) {
    for (const anchor of document.querySelectorAll("a[data-leads]")) leads(anchor, changes.get(anchor));
  }
  for (const listener of listeners) listener(state, before);
}

function follow(event) {
  const anchor = event.target.closest?.('a[href^="?"], a[href="./"]');
  if (!anchor || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  const change = changes.get(anchor) ?? read(anchor.search);
  go({ pair: "", ...change });
  if (!change.pair) anchor.dispatchEvent(new CustomEvent("followed", { bubbles: true }));
}

export function start() {
  history.scrollRestoration = "manual";
  document.addEventListener("click", follow);
  window.addEventListener("popstate", () => {
    show();
    scrollTo(0, history.state?.y ?? 0);
  });
  show();
}
