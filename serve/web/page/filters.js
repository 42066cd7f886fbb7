// Filters `column op value`, as fields, as chips, and as they stand in the address; and the settings.
import { go, listen, state } from "./address.js";
import { dataset, scores } from "./api.js";
import { element, languageName, make, number } from "./elements.js";
import { inWords } from "./safety.js";

const FORM = /^\s*(\w+)\s*(is\s+not\s+null|is\s+null|!=|<=|>=|=|<|>|in\b|contains\b)\s*(.*?)\s*$/is;
// Fields that hold one value: their column and operator. Those of the scores come when they are known.
const FIELDS = {
  split: "split =",
  width: "width >=",
  height: "height >=",
  "similarity-low": "similarity >=",
  "similarity-high": "similarity <=",
  domain: "domain =",
  license_url: "license_url =",
};
const LICENSED = "license_url is not null";
const SPLITS = { en: "English", multi: "other languages", nolang: "no language" };
const LABELS = { license_url: "licence", page_url: "page", image_url: "image" };
const labelled = (column) => LABELS[column] ?? scores.find(({ name }) => name === column)?.label ?? column;
const SIGNS = { ">=": "≥", "<=": "≤", "!=": "≠", in: ":" };
const TOGGLES = ["hybrid", "numbers", "safe"];
const CHOICES = ["by", "fold", "captions"];

export function start() {
  listen(render);
  element("settings").addEventListener("submit", addCondition);
  element("add-condition").addEventListener("click", addCondition);
  for (const id of Object.keys(FIELDS)) element(id).addEventListener("change", () => compare(id));
  element("licensed").addEventListener("change", () => put([LICENSED], (text) => normal(text) === LICENSED, element("licensed").checked));
  element("languages").addEventListener("change", chooseLanguages);
  element("hybrid").addEventListener("change", () => go({ hybrid: element("hybrid").checked }));
  for (const id of ["by", "fold"]) element(id).addEventListener("change", () => go({ [id]: element(id).value }));
  element("aesthetic").addEventListener("change", () => go({ aesthetic: Number(element("aesthetic").value) }));
  element("aesthetic").addEventListener("input", showAesthetic);
  element("captions").addEventListener("change", () => go({ captions: element("captions").value }, { replace: true }));
  for (const id of ["numbers", "safe"]) {
    element(id).addEventListener("change", () => go({ [id]: element(id).checked }, { replace: true }));
  }
}

// The choices that the published dataset gives; without them every field still works by hand.
export async function fill() {
  const told = await dataset();
  element("aesthetic-box").hidden = !told.has_aesthetic;
  // A filter on what no pair has finds nothing.
  element("scores").replaceChildren(...scores.filter(({ pairs }) => pairs).map(scoreField));
  element("safe-help").textContent = inWords();
  const kept = (told.languages ?? []).filter((each) => each.language && each.kept);
  element("languages").replaceChildren(...kept.map(languageBox));
  const options = (id, values) => element(id).replaceChildren(...values.map((value) => make("option", { value })));
  options("domains", (told.domains ?? []).map((each) => each.domain));
  options("licences", (told.licences ?? []).map((each) => each.license_url));
  options("columns", told.columns.map(({ name, kind }) => `${name} ${{ text: "contains", number: ">=", uuid: "=", flag: "=" }[kind]} `));
  render(state);
}

// Unsafe ≤, Aesthetic ≥: a score against what is wanted of it.
function scoreField({ name, label, comparison, lowest, highest }) {
  const id = `score-${name}`;
  const field = make("input", { id, type: "number", min: lowest, max: highest, step: "any" });
  FIELDS[id] = `${name} ${comparison}`;
  field.addEventListener("change", () => compare(id));
  return make("label", {}, `${label[0].toUpperCase()}${label.slice(1)} ${SIGNS[comparison]} `, field);
}

function languageBox({ language, kept }) {
  const box = make("input", { type: "checkbox", value: language });
  return make("label", { className: "check" }, box, ` ${languageName(language)} `, make("span", { className: "count" }, number(kept)));
}

function parsed(text) {
  const found = FORM.exec(text);
  if (!found) return null;
  return { column: found[1].toLowerCase(), operator: found[2].toLowerCase().replace(/\s+/g, " "), value: found[3] };
}

function normal(text) {
  const { column, operator, value } = parsed(text) ?? {};
  return column ? `${column} ${operator} ${value}`.trim() : text;
}

// The value of the field `start` ("width >="), if a filter is one of that form.
function valueOf(text, start) {
  const found = parsed(text);
  return found && `${found.column} ${found.operator}` === start ? found.value : null;
}

function languagesOf(text) {
  const found = parsed(text);
  if (found?.column !== "language" || !["=", "in"].includes(found.operator)) return null;
  return found.value.split(",").map((each) => each.trim());
}

// Replace the filters that `claims` knows as a field's own by its new ones.
function put(texts, claims, wanted) {
  const rest = state.where.filter((text) => !claims(text));
  go({ where: wanted ? [...rest, ...texts] : rest, pair: "" });
}

function compare(id) {
  const field = element(id);
  if (!field.reportValidity()) return;
  const value = field.value.trim();
  put([`${FIELDS[id]} ${value}`], (text) => valueOf(text, FIELDS[id]) !== null, value !== "");
}

function chooseLanguages() {
  const chosen = [...element("languages").querySelectorAll(":checked")].map((box) => box.value);
  const text = chosen.length === 1 ? `language = ${chosen[0]}` : `language in ${chosen.join(",")}`;
  put([text], (each) => languagesOf(each) !== null, chosen.length > 0);
}

function addCondition(event) {
  event.preventDefault();
  const text = element("condition").value.trim();
  if (!text) return;
  element("condition").value = "";
  go({ where: [...new Set([...state.where, text])] });
}

function render(state) {
  const first = (read) => state.where.map(read).find((value) => value !== null) ?? null;
  for (const [id, start] of Object.entries(FIELDS)) element(id).value = first((text) => valueOf(text, start)) ?? "";
  element("licensed").checked = state.where.some((text) => normal(text) === LICENSED);
  const languages = first(languagesOf) ?? [];
  for (const box of element("languages").querySelectorAll("input")) box.checked = languages.includes(box.value);
  element("languages-chosen").textContent = languages.length ? `(${languages.length})` : "";
  for (const id of TOGGLES) element(id).checked = state[id];
  for (const id of CHOICES) element(id).value = state[id];
  element("hybrid").disabled = !state.q.length && !state.hybrid;
  element("aesthetic").value = state.aesthetic;
  showAesthetic();
  element("filters").replaceChildren(...state.where.map(chip));
}

function showAesthetic() {
  element("aesthetic-shown").value = Number(element("aesthetic").value).toFixed(2);
}

function chip(text, at) {
  const label = make("bdi", {}, labelOf(text));
  const away = make("button", { type: "button", "aria-label": `Remove the filter ${labelOf(text)}` }, "×");
  away.addEventListener("click", () => {
    go({ where: state.where.filter((_, place) => place !== at) });
    element("results").focus({ preventScroll: true });
  });
  return make("li", { className: "chip filter", title: text }, label, away);
}

function labelOf(text) {
  const found = parsed(text);
  if (!found) return text;
  const { column, operator, value } = found;
  if (operator === "is null") return `no ${labelled(column)}`;
  if (operator === "is not null") return `${labelled(column)} stated`;
  if (column === "split" && operator === "=") return SPLITS[value] ? `split: ${SPLITS[value]}` : text;
  const names = languagesOf(text);
  if (names) return `language: ${names.map(languageName).join(", ")}`;
  return `${labelled(column)} ${SIGNS[operator] ?? operator} ${value}`.replace(" : ", ": ");
}
