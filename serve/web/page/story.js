// The story of one pair: where it was seen, what came of it, and all it is known by.
import { go, leads, listen, NO_PARTS, state } from "./address.js";
import { pairsOf, story } from "./api.js";
import { copyButton, counted, element, languageName, make, number, outward, shellWord, webAddress } from "./elements.js";
import { heading, open } from "./panels.js";
import { beside, focusOn, outwardLinks, showPicture, steer } from "./results.js";
import { unveils, veil } from "./safety.js";

let told = ""; // the pair that the dialog shows
let last = ""; // the pair that it showed last

export function start() {
  listen(render);
  element("story").addEventListener("close", closed);
  element("story").addEventListener("keydown", (event) => {
    const step = { ArrowLeft: "before", ArrowRight: "after" }[event.key];
    if (step && !event.altKey && !event.ctrlKey && !event.metaKey) turn(step);
  });
}

function render(state) {
  const dialog = element("story");
  if (!state.pair) {
    told = "";
    dialog.close();
  } else if (state.pair !== told) {
    told = last = state.pair;
    show(state.pair);
  }
}

// Closed by its button or Esc: the address follows.
function closed() {
  if (element("story").open) return;
  told = "";
  if (state.pair && history.state?.opened) history.back();
  else if (state.pair) go({ pair: "" }, { replace: true });
  focusOn(last);
}

function turn(step) {
  const next = beside(state.pair)[step];
  if (next) go({ pair: next.pair_id }, { replace: true });
}

async function show(pairId) {
  const dialog = element("story");
  dialog.replaceChildren(top(pairId), make("p", { className: "quiet" }, "Reading the story…"));
  open(dialog);
  element("story-title").focus();
  try {
    const made = webAddress(pairId) ? pairs(await pairsOf(pairId)) : body(await story(pairId));
    if (told === pairId) dialog.lastChild.replaceWith(made);
  } catch (error) {
    if (told === pairId) dialog.lastChild.replaceWith(problem(error, pairId));
  }
}

function top(pairId) {
  const { before, after } = beside(pairId);
  const button = (step, sign, name, to) => {
    const made = make("button", { type: "button", className: "small", "aria-label": name, title: `${name} (${sign})`, disabled: !to }, sign);
    made.addEventListener("click", () => turn(step));
    return made;
  };
  return heading("The pair's story", element("story"), "story-title",
    button("before", "←", "Previous result", before), button("after", "→", "Next result", after));
}

function problem(error, pairId) {
  const again = make("button", { type: "button" }, "Try again");
  again.addEventListener("click", () => show(pairId));
  return make("div", { className: "notice", role: "alert" }, make("p", {}, error.message), error.again ? again : null);
}

// What became of each pair of an address; what is hidden shows its reason and nothing else.
const pairs = (rows) =>
  make("div", { className: "story" }, section("Pairs of this address", make("ul", {}, ...rows.map((row) => make("li", {},
    row.caption === null ? "a pair" : leads(make("a", { dir: "auto" }, row.caption), { pair: row.pair_id }),
    ` ${row.drop_reason === null ? "is kept" : `is ${row.caption === null ? "hidden" : row.is_found_only ? "found only" : "out"}: ${explained(row.drop_reason, row.meaning)}`}`)))));

// A reason, and what it means.
const explained = (reason, meaning) => (meaning ? `${reason} (${meaning})` : reason);

function body(known) {
  const { pair } = known;
  return make("div", { className: "story" },
    portrait(pair, known.is_published),
    section("Verdict", ...verdict(known)),
    section("Scores", scores(known.scores)),
    section(`Seen ${counted(known.occurrences ?? known.sightings.length, "time")}`, sightings(known)),
    section("Licences", licences(known.licences)),
    section("Wishes on its use", wishes(known.wishes)),
    section("Download attempts", downloads(known.downloads)),
    known.captions.length ? section("Other captions of the picture", captions(known.captions)) : null,
    section("Dropped in its favour", duplicates(known.duplicates)),
    section("Ids", ids(pair, known.image)),
    section("To take it out", removal(pair)));
}

const section = (title, ...content) => make("section", {}, make("h3", {}, title), ...content);

function verdict({ drop_reason, drop_reasons, is_found_only, meanings, recipe, keeper, thresholds }) {
  const reasons = (drop_reasons ?? []).map((reason, place) => explained(reason, meanings[place]));
  const said = drop_reason === null ? `Kept, under the recipe ${recipe}.` : `${is_found_only ? "Found only, and not exported" : "Out"}, under the recipe ${recipe}, for${reasons.length === 1 ? ` ${reasons[0]}.` : ":"}`;
  const why = reasons.length > 1 ? make("ul", {}, ...reasons.map((reason) => make("li", {}, reason))) : null;
  const lost = keeper && make("p", {}, "In its place is kept: ", leads(make("a", { dir: "auto" }, keeper.caption), { pair: keeper.pair_id }));
  const digits = (value) => (value === null ? null : number(value));
  const rules = table(["Rule", "Threshold", "This pair"], thresholds.map((row) => [row.rule, digits(row.threshold), digits(row.value)]), "The recipe has no thresholds.");
  return [make("p", {}, recipe ? said : "The lake has none of it now."), ...[why, lost].filter(Boolean), rules];
}

function portrait(pair, isPublished) {
  const frame = make("div", { className: "frame" }, make("img"), make("button", { type: "button", className: "show" }, "Show picture"));
  const caption = make("p", { className: "caption", dir: "auto", lang: pair.language ?? "" }, pair.caption);
  const reveal = make("button", { type: "button", className: "show-caption small" }, "Show caption");
  const facts = [languageName(pair.language), pair.split && `split ${pair.split}`, pair.width && `${pair.width}×${pair.height}`].filter(Boolean).join(" · ");
  const made = make("div", { className: "portrait" }, frame,
    make("div", {}, caption, reveal, make("p", { className: "quiet" }, facts), isPublished ? actions(pair) : make("p", { className: "actions" }, ...outwardLinks(pair))));
  // Only what is published has a thumbnail.
  if (isPublished) showPicture(frame, pair);
  else frame.classList.add("empty");
  unveils(made, pair, () => veil(made, pair, state.safe));
  veil(made, pair, state.safe);
  return made;
}

function actions(pair) {
  const like = leads(make("a", {}, "More like this picture"), { ...NO_PARTS, like: [pair.pair_id] });
  const words = leads(make("a", {}, "Search this caption"), { ...NO_PARTS, q: [pair.caption.slice(0, 500)] });
  const button = (text, sign) => {
    const made = make("button", { type: "button", className: "small" }, text);
    made.addEventListener("click", () => steer(sign, pair));
    return made;
  };
  return make("p", { className: "actions" }, like, words, ...outwardLinks(pair), button("+ steer towards", "like"), button("− steer away", "unlike"));
}

function table(heads, rows, empty) {
  if (!rows.length) return make("p", { className: "quiet" }, empty);
  const cells = (kind, values) => values.map((value) => make(kind, {}, value ?? "–"));
  return make("div", { className: "scroll", tabIndex: 0, role: "group", "aria-label": heads.join(", ") }, make("table", {},
    make("thead", {}, make("tr", {}, ...cells("th", heads))),
    make("tbody", {}, ...rows.map((row) => make("tr", {}, ...cells("td", row))))));
}

const scores = (rows) =>
  table(["Score", "Value", "Model", "Weights"], rows.map((row) => [row.score, row.value.toFixed(4), row.model, code(row.model_id)]), "None is known.");

const code = (text) => (text === null || text === undefined ? null : make("code", {}, text));

function sightings({ sightings, occurrences }) {
  const rows = sightings.map((row) => [outward(row.page_url), row.crawl_id, code(row.path), row.record_offset === null ? null : number(row.record_offset), row.license_url && outward(row.license_url)]);
  const left = (occurrences ?? 0) - rows.length;
  const note = rows.length && left > 0 ? make("p", { className: "quiet" }, `${number(left)} more are not listed here.`) : null;
  const found = make("div", {}, table(["Page", "Crawl", "Crawl file", "Offset", "Licence"], rows, "No page is known, as with pairs of ready-made lists."));
  found.append(...[note].filter(Boolean));
  return found;
}

const LICENSORS = { file: "its file", image: "a page, of the image", page: "a page" };
const licences = (rows) =>
  table(["Heard (UTC)", "Who", "Licence", "Where, and word for word"],
    rows.map((row) => [row.heard_at?.slice(0, 19), LICENSORS[row.scope], row.licence_url ? outward(row.licence_url, row.licence) : row.licence, row.evidence]),
    "Neither its file nor a page names one.");

const SCOPES = { image: "its picture", url: "its site", page: "a page" };
const wishes = (rows) =>
  table(["Heard (UTC)", "Who", "Use", "Says", "Where, and word for word"],
    rows.map((row) => [row.heard_at?.slice(0, 19), SCOPES[row.scope], row.use, row.says, make("bdi", {}, row.evidence)]),
    "Neither its picture nor its site nor a page says anything of it.");

const downloads = (rows) =>
  table(["When (UTC)", "Outcome", "Status", "Type", "Bytes", "ms", "Came from"],
    rows.map((row) => [row.attempted_at?.slice(0, 19), row.outcome, row.http_status, row.content_type, row.bytes === null ? null : number(row.bytes), row.elapsed_ms, row.final_url && outward(row.final_url)]),
    "None is recorded.");

const captions = (rows) =>
  make("ul", {}, ...rows.map((row) => make("li", {},
    leads(make("a", { dir: "auto", lang: row.language ?? "" }, row.caption), { pair: row.pair_id }), ` ${languageName(row.language)}`)));

const KINDS = { url: "same address", image: "same picture", near: "looks alike" };
const duplicates = (rows) =>
  table(["Why", "Caption", "Image"], rows.map((row) => [KINDS[row.kind] ?? row.kind, make("bdi", {}, row.caption ?? ""), outward(row.image_url)]), "No duplicate of it was seen.");

function ids(pair, image) {
  const all = { pair_id: pair.pair_id, image_id: pair.image_id, sample_id: pair.sample_id, hash: pair.hash, image_url: pair.image_url, page_url: pair.page_url, ...image };
  const rows = Object.entries(all).filter(([, value]) => value !== null && value !== undefined);
  return make("dl", {}, ...rows.flatMap(([name, value]) => [
    make("dt", {}, name), make("dd", {}, make("code", {}, String(value)), copyButton(String(value), name))]));
}

function removal(pair) {
  // A picture that came without an address stands under the sha256 of its bytes.
  if (!webAddress(pair.image_url) && !pair.image_url?.startsWith("urn:sha256:")) return make("p", { className: "quiet" }, "By its caption: see pairlake forget --help.");
  const command = `pairlake forget --url=${shellWord(pair.image_url)}`;
  return make("p", { className: "command" }, make("code", {}, command), copyButton(command, "the command"));
}
