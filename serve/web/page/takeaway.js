// Take the results home: as a file, or as the command that makes the same selection.
import { hasParts, listen, state } from "./address.js";
import { takeHome } from "./api.js";
import { copyButton, element, make, number, shellWord } from "./elements.js";
import { heading, open } from "./panels.js";

const FORMATS = { csv: "CSV", jsonl: "JSONL", parquet: "Parquet" };
const ROWS = [100, 1_000, 10_000];

export function start() {
  const dialog = element("takeaway");
  dialog.append(heading("Take home", dialog, "takeaway-title"), make("div", { id: "takeaway-body" }));
  element("take").addEventListener("click", () => {
    element("takeaway-body").replaceChildren(...content());
    open(dialog);
  });
  listen(() => dialog.close());
}

function choice(label, options, chosen) {
  const select = make("select", {}, ...options.map(([value, text]) => make("option", { value, selected: value === chosen }, text)));
  return [select, make("label", {}, label, select)];
}

function content() {
  const [format, formatLabel] = choice("Format", Object.entries(FORMATS), "csv");
  const [rows, rowsLabel] = choice("First results", ROWS.map((count) => [count, number(count)]), 1_000);
  const said = make("p", { className: "quiet", role: "status" });
  const button = make("button", { type: "button", className: "main" }, "Download");
  button.addEventListener("click", () => download(button, said, format.value, rows.value));
  const shown = make("code");
  const command = () => commandOf(state, format.value, rows.value);
  const tell = () => (shown.textContent = command());
  for (const select of [format, rows]) select.addEventListener("change", tell);
  tell();
  const beyond = beyondCommand(state);
  const home = state.picture ? make("p", {}, "A search by an uploaded picture is not downloaded; take one of its results with “Similar” instead.")
    : hasParts(state) ? button : make("p", {}, "Say what to search for to download its first results, or take all pairs that match the filters:");
  return [
    make("p", {}, "In the columns that img2dataset reads: URL, TEXT, and what is known of each pair. What is found only is left out."),
    make("div", { className: "two" }, formatLabel, rowsLabel), home, said,
    make("h3", {}, "The same on the command line"),
    beyond.length ? make("p", { className: "quiet" }, `pairlake export takes one text and filters; this search also has ${beyond.join(", ")}.`)
      : make("p", { className: "command" }, shown, copyButton(command, "the command"))];
}

async function download(button, said, format, rows) {
  button.disabled = true;
  said.textContent = "The file is being made…";
  try {
    const { file, name } = await takeHome(state, format, rows);
    const address = URL.createObjectURL(file);
    make("a", { href: address, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
    said.textContent = `${name} is yours.`;
  } catch (error) {
    said.textContent = error.message;
  }
  button.disabled = false;
}

// What of a search the command has no option for.
function beyondCommand(of) {
  const parts = [
    [of.q.length > 1, "several texts"],
    [of.not.length || of.unlike.length, "what to steer away from"],
    [of.like.length || of.picture, "pictures"],
    [of.by === "caption", "the search in captions"],
    [of.hybrid, "the match of words"],
    [hasParts(of) && of.fold !== "image", "another folding"],
    [of.aesthetic, "the aesthetic preference"],
  ];
  return parts.filter(([has]) => has).map(([, name]) => name);
}

export function commandOf(of, format, rows) {
  const words = [`pairlake export pairs.${format} --format ${format}`];
  if (of.q.length) words.push(`--search=${shellWord(of.q[0])}`);
  // The dataset is what an export takes: it has no such column.
  words.push(...of.where.filter((text) => !/^\s*is_found_only\b/i.test(text)).map((text) => `--where=${shellWord(text)}`));
  words.push(`--limit ${rows}`);
  return words.join(" ");
}
