// Safe mode: what has a bad score is blurred until the visitor asks for it. No score, no blur.

const BAD = 0.5;
// Asked for while this page is open: image ids and pair ids.
const shown = new Set();

const atLeast = (score) => score !== null && score >= BAD;
const hidesPicture = (hit) => (atLeast(hit.punsafe) || atLeast(hit.pinappropriate)) && !shown.has(hit.image_id);
const hidesCaption = (hit) => atLeast(hit.toxicity) && !shown.has(hit.pair_id);

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
