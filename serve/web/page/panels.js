// Dialogs, the drawer that holds the filters on a phone, and the keys that work everywhere.
import { element, make } from "./elements.js";

const NARROW = matchMedia("(max-width: 52rem)");

export function start() {
  for (const dialog of document.querySelectorAll("dialog")) {
    // A click beside a dialog's content is one on its backdrop.
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  }
  element("drawer").append(heading("Filters", element("drawer"), "drawer-title"));
  element("drawer").querySelector(".announced").classList.remove("hidden");
  element("open-filters").addEventListener("click", () => open(element("drawer")));
  NARROW.addEventListener("change", place);
  place();
  document.addEventListener("keydown", toTheBox);
}

// The filters stand beside the results, or in the drawer where there is no room.
function place() {
  if (!NARROW.matches) element("drawer").close();
  element(NARROW.matches ? "drawer" : "side").append(element("settings"));
}

export function open(dialog) {
  if (!dialog.open) dialog.showModal();
}

// The top of a dialog: its title and its way out; `before` stands between the two.
export function heading(title, dialog, id, ...before) {
  const close = make("button", { type: "button", className: "close", "aria-label": "Close", title: "Close (Esc)" }, "×");
  close.addEventListener("click", () => dialog.close());
  const announced = make("span", { className: "hidden announced", role: "status" });
  return make("div", { className: "heading" }, make("h2", { id, tabIndex: -1 }, title), announced, ...before, close);
}

function toTheBox(event) {
  const typing = event.target.closest?.("input, textarea, select, dialog");
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  element("q").select();
}
