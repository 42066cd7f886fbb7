// Safe mode: what a score hides is blurred until the visitor asks for it. No score, no blur.
import { scores } from "./api.js";

// Asked for while this page is open: image ids and pair ids.
const shown = new Set();

// Those that hide what they are scores of: of a picture (image_id), or of a caption (caption_id).
const hiding = (key) => scores.filter(({ keys, hidden_above }) => keys.includes(key) && hidden_above !== null);
const isAbove = (hit, key) => hiding(key).some(({ name, hidden_above }) => (hit[name] ?? -Infinity) > hidden_above);
const hidesPicture = (hit) => isAbove(hit, "image_id") && !shown.has(hit.image_id);
const hidesCaption = (hit) => isAbove(hit, "caption_id") && !shown.has(hit.pair_id);

// What safe mode does, in words.
export function inWords() {
  const said = [["pictures", "image_id"], ["captions", "caption_id"]]
    .map(([what, key]) => [what, hiding(key).map(({ label, hidden_above }) => `${label} above ${Number(hidden_above.toPrecision(6))}`)])
    .filter(([, above]) => above.length)
    .map(([what, above]) => `${what} scored ${above.join(" or ")}`);
  return said.length ? `Blurs ${said.join(", and ")}. What has no score is shown.` : "Nothing is blurred: no score hides anything here.";
}

// Whether safe mode blurs anything of a result.
export const isVeiled = (hit) => hidesPicture(hit) || hidesCaption(hit);

// Blur, or not, the `.frame` and `.caption` of a card or a story.
export function veil(root, hit, safe) {
  const [frame, caption] = [root.querySelector(".frame"), root.querySelector(".caption")];
  const [noPicture, noCaption] = [safe && hidesPicture(hit), safe && hidesCaption(hit)];
  frame.classList.toggle("veiled", noPicture);
  root.querySelector(".show").hidden = !noPicture;
  caption.classList.toggle("veiled", noCaption);
  root.querySelector(".show-caption").hidden = !noCaption;
  if (noCaption) caption.setAttribute("aria-hidden", "true");
  else caption.removeAttribute("aria-hidden");
  frame.querySelector("img").alt = noCaption ? "A picture whose caption is blurred" : hit.caption;
}

// Make the buttons of a card or a story show what is blurred; `after` is called then.
export function unveils(root, hit, after) {
  for (const [button, id] of [[".show", hit.image_id], [".show-caption", hit.pair_id]]) {
    root.querySelector(button).addEventListener("click", () => {
      shown.add(id);
      after();
      root.querySelector(".open")?.focus();
    });
  }
}
