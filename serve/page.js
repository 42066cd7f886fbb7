// The search page: reads its state from the URL, asks the API, and shows what comes as text.
// Captions and URLs come from the web: they are never parsed as HTML.
"use strict";

const element = (id) => document.getElementById(id);
const LANGUAGE_NAMES = new Intl.DisplayNames(["en"], { type: "language", fallback: "code" });
const HINT = "Each result is a picture with the best of its captions. Its number is the cosine of your words with the picture, or with the caption if captions are searched.";
let latest = 0;

function webAddress(text) {
  try {
    const address = new URL(text);
    return ["http:", "https:"].includes(address.protocol) ? address.href : null;
  } catch {
    return null;
  }
}

function link(anchor, text) {
  const address = webAddress(text);
  if (address) anchor.href = address;
  else anchor.removeAttribute("href");
  return address !== null;
}

function languageName(code) {
  if (!code) return "no language";
  try {
    return LANGUAGE_NAMES.of(code);
  } catch {
    return code;
  }
}

const SCORES = [
  ["punsafe", "unsafe", 2],
  ["pwatermark", "watermark", 2],
  ["aesthetic_score", "aesthetic", 1],
  ["pinappropriate", "inappropriate", 2],
  ["toxicity", "toxic", 2],
];

function scores(result) {
  return SCORES.filter(([name]) => result[name] !== null).map(([name, label, digits]) => {
    const score = document.createElement("span");
    score.textContent = `${label} ${result[name].toFixed(digits)}`;
    return score;
  });
}

function card(result) {
  const item = element("card").content.cloneNode(true);
  const part = (name) => item.querySelector(name);
  const picture = part(".picture");
  const image = part("img");
  link(picture, result.page_url) || link(picture, result.image_url);
  image.addEventListener("error", () => picture.classList.add("empty"));
  image.src = `thumbnails/${result.image_id}.jpg`;
  image.alt = result.caption;
  part(".caption").textContent = result.caption;
  part(".caption").title = result.caption;
  if (result.language) part(".caption").lang = result.language;
  part(".similarity").textContent = result.similarity.toFixed(3);
  part(".language").textContent = languageName(result.language);
  part(".size").textContent = `${result.width}×${result.height}`;
  part(".scores").append(...scores(result));
  if (!link(part(".page"), result.page_url)) part(".page").remove();
  if (!link(part(".image"), result.image_url)) part(".image").remove();
  part(".like").href = `?like=${encodeURIComponent(result.pair_id)}`;
  return item;
}

function say(text, look = "") {
  element("status").textContent = text;
  element("status").className = look;
}

async function answer(path) {
  const response = await fetch(path, { headers: { Accept: "application/json" } });
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(body.error ?? `The server answered with an error (${response.status}).`);
  return body;
}

async function showStats() {
  const stats = await answer("api/stats");
  if (!stats.rows) {
    say(stats.message ?? "No pairs are published.", "notice");
    return;
  }
  const when = new Date(stats.published_at).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
  element("stats").textContent = `${stats.rows.toLocaleString()} pairs · published ${when}`;
}

async function showResults(query) {
  const turn = ++latest;
  element("grid").setAttribute("aria-busy", "true");
  say("Searching…");
  try {
    const { results } = await answer(`api/search?${query}`);
    if (turn !== latest) return;
    element("grid").replaceChildren(...results.map(card));
    const what = query.has("like") ? "similar pictures" : "pictures, best first";
    say(results.length ? `${results.length} ${what}` : "Nothing was found.", results.length ? "" : "notice");
  } catch (error) {
    if (turn !== latest) return;
    element("grid").replaceChildren();
    say(error.message, "notice");
  }
  element("grid").removeAttribute("aria-busy");
}

async function showState() {
  const state = new URLSearchParams(location.search);
  const query = new URLSearchParams();
  for (const name of ["q", "like", "by", "split"]) {
    const value = state.get(name)?.trim();
    if (value) query.set(name, value);
    const field = element(name);
    if (field) field.value = value || (name === "by" ? "image" : "");
  }
  document.title = query.has("q") ? `${query.get("q")} · pairlake` : "pairlake";
  if (query.has("q") || query.has("like")) {
    await showResults(query);
  } else {
    latest += 1;
    element("grid").replaceChildren();
    say(HINT, "hint");
  }
}

function go(address) {
  history.pushState(null, "", address);
  showState();
}

element("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const state = new URLSearchParams();
  for (const name of ["q", "by", "split"]) {
    const value = element(name).value.trim();
    if (value && value !== "image") state.set(name, value);
  }
  go(`?${state}`);
});

for (const name of ["by", "split"]) {
  element(name).addEventListener("change", () => element("q").value.trim() && element("form").requestSubmit());
}

document.addEventListener("click", (event) => {
  const anchor = event.target.closest("#examples a, a.like");
  if (!anchor || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  go(anchor.getAttribute("href"));
  window.scrollTo({ top: 0 });
});

window.addEventListener("popstate", showState);
showState();
showStats().catch((error) => say(error.message, "notice"));
