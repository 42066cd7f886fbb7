// Elements made of text: captions and URLs come from the web, and are never parsed as HTML.

export const element = (id) => document.getElementById(id);

// make("p", { className: "quiet", "aria-label": "…" }, child, …); text that is null is left out.
export function make(name, properties = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key in node) node[key] = value;
    else node.setAttribute(key, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

// The address if a browser may follow it, else null.
export function webAddress(text) {
  try {
    const address = new URL(text);
    return ["http:", "https:"].includes(address.protocol) ? address.href : null;
  } catch {
    return null;
  }
}

// A link that leads away, or the text alone where it is no web address.
export function outward(address, text = address) {
  const href = webAddress(address);
  if (!href) return make("span", {}, text ?? "none");
  return make("a", { href, target: "_blank", rel: "noopener noreferrer nofollow" }, text);
}

const LANGUAGE_NAMES = new Intl.DisplayNames(["en"], { type: "language", fallback: "code" });

export function languageName(code) {
  if (!code) return "no language";
  try {
    return LANGUAGE_NAMES.of(code);
  } catch {
    return code;
  }
}

export const number = (value) => value.toLocaleString("en");
export const counted = (count, one) => `${number(count)} ${one}${count === 1 ? "" : "s"}`;

// A button that copies `text`, and says that it did.
export function copyButton(text, name) {
  const button = make("button", { type: "button", className: "small", "aria-label": `Copy ${name}` }, "Copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(typeof text === "function" ? text() : text);
      button.textContent = "Copied";
      announce(`Copied ${name}.`);
    } catch {
      button.textContent = "Copy by hand";
      announce("The browser does not let this page copy; mark the text and copy it by hand.");
    }
  });
  return button;
}

// Says something to screen readers only; in the open dialog, outside of which they hear nothing.
export function announce(text) {
  const where = document.querySelector("dialog[open] .announced") ?? element("announced");
  where.textContent = text;
}

// A word as a POSIX shell reads it. Control characters are written out, so that nothing that is
// pasted acts on the terminal.
export function shellWord(text) {
  if (/^[\w@%+=:,./-]+$/.test(text)) return text;
  if (!/[\p{Cc}\u2028\u2029]/u.test(text)) {
    // Double quotes are easier to read, and safe where nothing in them means anything.
    return /'/.test(text) && !/["$`\\!]/.test(text) ? `"${text}"` : `'${text.replaceAll("'", "'\\''")}'`;
  }
  const escaped = text.replace(/['\\]/g, "\\$&").replace(/[\p{Cc}\u2028\u2029]/gu, (each) =>
    each < "\u0080" ? `\\x${each.charCodeAt().toString(16).padStart(2, "0")}` : "?");
  return `$'${escaped}'`;
}
