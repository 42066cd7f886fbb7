// The dataset as figures: what was seen, what was dropped and why, and what is in what was kept.
import { bars, histogram } from "./charts.js";
import { leads, listen } from "./address.js";
import { dataset } from "./api.js";
import { copyButton, element, languageName, make, number, shellWord, webAddress } from "./elements.js";

const SPLITS = { en: "English", multi: "Other languages", nolang: "No language" };
let drawn = false;

export function start() {
  listen((state) => state.tab === "dataset" && !drawn && draw());
}

async function draw() {
  const view = element("dataset");
  view.replaceChildren(make("p", { className: "quiet", role: "status" }, "Counting…"));
  try {
    const told = await dataset();
    view.replaceChildren(...page(told));
    drawn = true;
  } catch (error) {
    const again = make("button", { type: "button" }, "Try again");
    again.addEventListener("click", draw);
    view.replaceChildren(make("div", { className: "notice", role: "alert" }, make("p", {}, error.message), error.again ? again : null));
  }
}

function page(told) {
  const when = new Date(told.published_at).toLocaleString("en", { dateStyle: "medium", timeStyle: "short" });
  return [
    make("h2", {}, `${number(told.rows)} pairs`),
    make("p", { className: "quiet" }, `Recipe ${told.recipe} · snapshot ${told.snapshot} of the lake · pictures seen by ${told.image_encoder}, captions by ${told.caption_encoder} · published ${when}`),
    make("div", {},
      section("From the web to the dataset", funnel(told.funnel, told.recipe)),
      section("Why pairs were dropped", ...reasons(told.funnel)),
      section("Domains", largest(told.domains, "domain", "Domain", (value) => value))),
    make("div", {},
      section("Similarity of picture and caption", ...similarities(told.similarities), legend()),
      section("Splits and languages", splits(told), languages(told.languages), legend()),
      section("Licences", largest(told.licences, "license_url", "Licence", shortLicence))),
  ];
}

const section = (title, ...content) => make("section", {}, make("h3", {}, title), ...content);
const share = (part, whole) => (whole ? `${((100 * part) / whole).toFixed(1)} %` : "–");
const legend = () => make("p", { className: "legend quiet" }, make("i", { className: "kept" }), "kept ", make("i", { className: "dropped" }), "dropped");

function funnel({ sightings, pairs, kept }, recipe) {
  const row = (label, value, whole) => ({ label, parts: [["kept", value]], numbers: [number(value), whole ? share(value, whole) : ""] });
  return bars({
    caption: "Sightings, distinct pairs and pairs kept",
    heads: ["", "Number", "Of those above"],
    rows: [row("Sightings on pages", sightings), row("Distinct pairs", pairs, sightings), row(`Kept by ${recipe}`, kept, pairs)],
  });
}

// The reasons, and how to list the pairs of one: they are in the lake, not in the search.
function reasons({ reasons, pairs }) {
  if (!reasons.length) return [make("p", {}, "None was dropped.")];
  let chosen = reasons[0];
  const [meant, shown] = [make("p", { role: "status" }), make("code")];
  const tell = () => {
    // What an earlier version has published has no meanings.
    meant.textContent = chosen.meaning ? `${words(chosen.reason)}: ${chosen.meaning}.` : "";
    shown.textContent = commandOf(chosen.reason);
  };
  tell();
  const named = (each) => {
    const button = make("button", { type: "button", className: "text", title: each.meaning ?? "" }, words(each.reason));
    button.addEventListener("click", () => {
      chosen = each;
      tell();
      shown.parentNode.scrollIntoView({ block: "nearest" });
    });
    return button;
  };
  const rows = reasons.map((each) => ({ label: named(each), parts: [["dropped", each.pairs]], numbers: [number(each.pairs), share(each.pairs, pairs)] }));
  return [
    bars({ caption: "Reasons for dropping pairs", heads: ["Reason", "Pairs", "Of all pairs"], rows }),
    make("p", { className: "quiet" }, "Dropped pairs stay in the lake. Choose a reason to see what it means, and to list its pairs:"),
    meant,
    make("p", { className: "command" }, shown, copyButton(() => commandOf(chosen.reason), "the command"))];
}

const words = (reason) => reason.replaceAll("_", " ");

function commandOf(reason) {
  const query = `select image_url, caption from int_pairs_judged join int_pairs_deduplicated using (pair_id) where drop_reason = '${reason.replaceAll("'", "''")}' limit 20`;
  return `pairlake sql ${shellWord(query)}`;
}

function splits({ splits, rows }) {
  const line = (split) => ({ label: search(SPLITS[split] ?? split, `split = ${split}`), parts: [["kept", splits[split]]], numbers: [number(splits[split]), share(splits[split], rows)] });
  return bars({ caption: "Pairs kept by split", heads: ["Split", "Kept", "Of all kept"], rows: Object.keys(splits).map(line) });
}

function languages(found) {
  const where = ({ language, split }) => (language ? `language = ${language}` : `split = ${split}`);
  const rows = found.map((each) => ({
    label: each.kept ? search(languageName(each.language), where(each)) : languageName(each.language),
    parts: [["kept", each.kept], ["dropped", each.pairs - each.kept]],
    numbers: [each.split, number(each.pairs), number(each.kept)],
  }));
  return bars({ caption: "Languages, by split", heads: ["Language", "Split", "Pairs", "Kept"], rows });
}

function similarities(bins) {
  const found = Object.keys(SPLITS).map((split) => [split, bins.filter((bin) => bin.split === split)]);
  const plots = found.filter(([, own]) => own.length).map(([split, own]) => histogram(SPLITS[split], own));
  return plots.length ? [make("div", { className: "plots" }, ...plots)] : [make("p", {}, "No pair has one yet.")];
}

function largest(found, column, head, text) {
  if (!found.length) return make("p", { className: "quiet" }, "None is known.");
  const rows = found.map((each) => ({
    label: search(text(each[column]), `${column} = ${each[column]}`, each[column]),
    parts: [["kept", each.pairs]],
    numbers: [number(each.pairs)],
  }));
  return bars({ caption: `The largest of: ${head}`, heads: [head, "Kept"], rows });
}

const search = (text, where, title = "") =>
  leads(make("a", { title: title || `Search where ${where}` }, make("bdi", {}, text)), { tab: "search", where: [where] });

// CC BY-SA 4.0 where it is one of Creative Commons', else the address without its scheme.
function shortLicence(address) {
  const named = /creativecommons\.org\/(?:licenses|publicdomain)\/([\w-]+)\/([\d.]+)(?:\/(.*))?/.exec(webAddress(address) ?? "");
  if (!named) return address.replace(/^https?:\/\//, "");
  const rest = (named[3] ?? "").replace(/^\/|\/$/g, "");
  return `CC ${named[1].toUpperCase()} ${named[2]}${rest ? ` (${rest})` : ""}`;
}
