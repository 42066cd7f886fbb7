// The page: its parts, started in order, and what stands above them all.
import { leads, listen, start as startAddress } from "./address.js";
import { dataset } from "./api.js";
import { start as startDataset } from "./dataset.js";
import { element, number } from "./elements.js";
import { fill, start as startFilters } from "./filters.js";
import { start as startPanels } from "./panels.js";
import { start as startQuery, startExamples } from "./query.js";
import { start as startResults } from "./results.js";
import { start as startStory } from "./story.js";
import { start as startTakeaway } from "./takeaway.js";

function render(state) {
  const tab = state.tab;
  for (const view of ["search", "dataset"]) {
    element(view).hidden = view !== tab;
    if (view === tab) element(`to-${view}`).setAttribute("aria-current", "page");
    else element(`to-${view}`).removeAttribute("aria-current");
  }
  element("open-filters").hidden = tab !== "search";
  element("open-filters").textContent = state.where.length ? `Filters (${state.where.length})` : "Filters";
  const title = tab === "dataset" ? "Dataset" : state.q.join(" + ") || (state.like.length || state.picture ? "Similar pictures" : "");
  document.title = title ? `${title} · pairlake` : "pairlake";
}

async function tellAbout() {
  try {
    await fill();
    const told = await dataset();
    const when = new Date(told.published_at).toLocaleDateString("en", { dateStyle: "medium" });
    element("about").textContent =
      `${number(told.rows)} pairs · recipe ${told.recipe} · pictures seen by ${told.image_encoder} · published ${when}`;
  } catch (error) {
    element("about").textContent = error.message;
    element("about").className = "notice";
  }
}

for (const tab of ["search", "dataset"]) leads(element(`to-${tab}`), { tab });
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  element("results").focus();
});
// What had the focus is gone with the results that it belonged to.
document.addEventListener("followed", () => {
  for (const id of ["results", "dataset"]) element(id).focus({ preventScroll: true });
});
listen(render);
for (const startPart of [startPanels, startQuery, startFilters, startResults, startStory, startTakeaway, startDataset]) startPart();
startExamples();
startAddress();
tellAbout();
if (!matchMedia("(pointer: coarse)").matches && document.activeElement === document.body) element("q").focus();
