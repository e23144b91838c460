// What everything on the page is made with. Text always goes in as text, never as HTML.
const data = JSON.parse(document.getElementById("data").textContent);
const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(key, value === true ? "" : value);
  }
  for (const child of children.flat(Infinity)) if (child !== null && child !== undefined) node.append(child);
  return node;
}
const el = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const tables = Object.fromEntries(Object.entries(data.colours).map(([name, text]) => [name, bytes(text)]));
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

function number(value) {
  if (value === null || value === undefined) return "none";
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e5 || size < 1e-3)) return value.toExponential(1);
  return String(Number(value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3)));
}
const withUnit = (text, unit) => (unit ? `${text} ${unit}` : text);
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

// --- what is said to screen readers, and what is shown beside the pointer --------------------------------------------
const live = document.getElementById("live");
const say = (text) => { live.textContent = text; };
const tip = document.getElementById("tip");

function showTip(x, y, text, pictures) {
  tip.replaceChildren(
    ...(pictures || []).filter(Boolean).map((source) => el("img", { src: source, alt: "" })), el("div", {}, text));
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  const left = x + 16 + box.width > innerWidth ? x - box.width - 16 : x + 16;
  tip.style.left = `${Math.max(4, Math.min(left, innerWidth - box.width - 4))}px`;
  tip.style.top = `${clamp(y + 16 + box.height > innerHeight ? y - box.height - 16 : y + 16, 4, innerHeight)}px`;
}
const hideTip = () => { tip.hidden = true; };
addEventListener("scroll", hideTip, { passive: true });

// A page-wide pattern: what does not exist is hatched.
document.body.append(svg("svg", { width: 0, height: 0, class: "unseen", "aria-hidden": "true" },
  svg("defs", {}, svg("pattern", { id: "hatch", width: 7, height: 7, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
    svg("line", { class: "hatch", x1: 0, y1: 0, x2: 0, y2: 7 })),
  svg("pattern", { id: "hatch-map", width: .1, height: .1, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
    svg("line", { class: "hatch fine", x1: 0, y1: 0, x2: 0, y2: .1 })))));

// Who draws to a canvas draws again when the colours of the page change.
const redraws = new Set();
const redrawAll = () => redraws.forEach((draw) => draw());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redrawAll);

const badge = (simulated) => (simulated ? el("span", { class: "badge" }, "SIMULATED") : null);
