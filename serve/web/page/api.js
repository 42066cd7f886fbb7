// The API that this page speaks; what goes wrong comes as one sentence.
import { askedOf } from "./address.js";

export const PAGE_ROWS = 48;
export const MOST_OFFSET = 2000;
const AWAY = -0.5; // as the server weighs `not` and `unlike`

export class Refused extends Error {
  constructor(message, again) {
    super(message);
    this.again = again; // whether another try may help
  }
}

async function answered(path, options) {
  try {
    return await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused("The server does not answer; see whether pairlake serve still runs.", true);
  }
}

async function checked(path, options = {}) {
  const response = await answered(path, options);
  if (response.ok) return response;
  const body = await response.json().catch(() => ({}));
  const message = body.error ?? `The server answered with an error (${response.status}).`;
  throw new Refused(message, response.status >= 500 || [408, 429].includes(response.status));
}

export async function ask(path, options) {
  const response = await checked(path, options);
  return response.json();
}

// Results and stories that came, by pair_id: what a picture in the query looks like.
export const known = new Map();

// One page of results, from `offset` on; `picture` is the data URL of an uploaded one. What hides
// some of them is known before they are shown, here and of a story.
export async function find(state, picture, offset, signal) {
  const asked = requestOf(state, picture, { limit: PAGE_ROWS, offset }, signal);
  const [answer] = await Promise.all([ask(...asked), dataset()]);
  for (const hit of answer.results) known.set(hit.pair_id, hit);
  return answer;
}

function requestOf(state, picture, window, signal) {
  if (!state.picture) {
    const asked = askedOf(state);
    for (const [name, value] of Object.entries(window)) asked.set(name, value);
    return [`api/search?${asked}`, { signal }];
  }
  const { by, hybrid, where, fold, aesthetic } = state;
  const body = { parts: partsOf(state, picture), by, hybrid, where, fold, aesthetic, ...window };
  const headers = { "Content-Type": "application/json" };
  return ["api/search", { method: "POST", headers, body: JSON.stringify(body), signal }];
}

function partsOf(state, picture) {
  return [
    ...state.q.map((text) => ({ text })),
    ...state.not.map((text) => ({ text, weight: AWAY })),
    ...state.like.map((pair_id) => ({ pair_id })),
    ...state.unlike.map((pair_id) => ({ pair_id, weight: AWAY })),
    { image: picture.slice(picture.indexOf(",") + 1), weight: state.picture === "like" ? 1 : AWAY },
  ];
}

// A file of the first `rows` results, with its name.
export async function takeHome(state, format, rows) {
  const asked = askedOf(state);
  asked.set("format", format);
  asked.set("rows", rows);
  const response = await checked(`api/export?${asked}`);
  const named = /filename="([\w.-]+)"/.exec(response.headers.get("Content-Disposition") ?? "");
  return { file: await response.blob(), name: named?.[1] ?? `pairlake.${format}` };
}

let told;
// The scores of the published list: the columns that have a label.
export let scores = [];
// The dataset's figures, asked for once; again after a failure.
export function dataset() {
  told ??= ask("api/dataset").then(
    (answer) => {
      scores = answer.columns.filter((each) => "label" in each);
      return answer;
    },
    (error) => {
      told = undefined;
      throw error;
    });
  return told;
}

const stories = new Map();
export async function story(pairId) {
  if (!stories.has(pairId)) {
    const [told] = await Promise.all([ask(`api/pairs/${encodeURIComponent(pairId)}`), dataset()]);
    stories.set(pairId, told);
    if (told.is_published && !known.has(pairId)) known.set(pairId, told.pair);
  }
  return stories.get(pairId);
}

// The pairs of an image's address, kept or dropped.
export const pairsOf = async (url) => (await ask(`api/pairs?url=${encodeURIComponent(url)}`)).pairs;
