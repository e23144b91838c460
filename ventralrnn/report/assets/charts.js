// Charts: lines, matrices and rows of marks. Each is one stop of the Tab key; arrows move over its values.
const W = 360, H = 230, LEFT = 46, RIGHT = 12, TOP = 12, BOTTOM = 40;
const SHAPES = ["circle", "square", "triangle", "diamond"];

function ticks(low, high, most) {
  const rough = (high - low || 1) / most, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((s) => s * power).find((s) => s >= rough);
  const found = [];
  for (let t = Math.ceil(low / step - 1e-9); t * step <= high + step * 1e-9; t++) found.push(Number((t * step).toPrecision(12)));
  return found;
}

function extent(values, zero) {
  const there = values.filter((v) => v !== null && v !== undefined);
  if (zero) there.push(0);
  let low = Math.min(...there), high = Math.max(...there);
  if (!there.length) [low, high] = [0, 1];
  if (low === high) [low, high] = [low - 0.5, high + 0.5];
  return [low, high];
}

function shape(kind, x, y, r, attributes) {
  const at = { ...attributes };
  if (kind === "circle") return svg("circle", { cx: x, cy: y, r, ...at });
  const points = { square: [[-1, -1], [1, -1], [1, 1], [-1, 1]], triangle: [[0, -1.2], [1.1, 0.9], [-1.1, 0.9]],
    diamond: [[0, -1.35], [1.35, 0], [0, 1.35], [-1.35, 0]] }[kind];
  return svg("polygon", { points: points.map(([a, b]) => `${x + a * r},${y + b * r}`).join(" "), ...at });
}

const colourOf = (index) => `var(--c${index % 8})`;
const styled = (node, styles) => { Object.assign(node.style, styles); return node; };
const axisLabel = (axis) => axis.label ? `${axis.label}${axis.unit ? ` (${axis.unit})` : ""}` : axis.unit || "";

function frame(x, y, xs, ys, xAxis, yAxis, height) {
  const bottom = height - BOTTOM;
  const node = svg("g", { "aria-hidden": "true" });
  for (const t of ys) {
    node.append(svg("line", { class: "grid", x1: LEFT, x2: W - RIGHT, y1: y(t), y2: y(t) }),
      svg("text", { x: LEFT - 6, y: y(t) + 4, "text-anchor": "end" }, number(t)));
  }
  for (const t of xs) {
    node.append(svg("line", { class: "axis", x1: x(t), x2: x(t), y1: bottom, y2: bottom + 4 }),
      svg("text", { x: x(t), y: bottom + 17, "text-anchor": "middle" }, number(t)));
  }
  node.append(svg("line", { class: "axis", x1: LEFT, x2: W - RIGHT, y1: bottom, y2: bottom }),
    svg("text", { x: (LEFT + W - RIGHT) / 2, y: height - 6, "text-anchor": "middle" }, capital(axisLabel(xAxis))));
  if (yAxis) node.append(svg("text", { transform: `translate(11 ${(TOP + bottom) / 2}) rotate(-90)`, "text-anchor": "middle" }, capital(axisLabel(yAxis))));
  return node;
}

// Moves a cursor over places with the pointer and with the arrow keys.
function browse(node, label, places, show, hide) {
  let at = -1;
  const go = (index, loud, event) => { at = index; show(places()[at], loud, event); };
  fill(node, { tabindex: 0, role: "application", "aria-roledescription": "chart", "aria-label": label,
    onfocus: () => { if (node.matches(":focus-visible")) go(Math.max(at, 0), true); },
    onblur: () => { hide(); },
    onpointerleave: () => { hide(); },
    onkeydown: (event) => {
      const steps = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }, count = places().length;
      if (event.key in steps) go(clamp(at + steps[event.key], 0, count - 1), true);
      else if (event.key === "Home") go(0, true);
      else if (event.key === "End") go(count - 1, true);
      else if (event.key === "Escape") hide();
      else return;
      event.preventDefault();
    } }, []);
  return { go };
}

function pointer(node, event, height) {
  const box = node.getBoundingClientRect();
  return [(event.clientX - box.left) * W / box.width, (event.clientY - box.top) * height / box.height];
}

function anchor(node, x, y, height) {
  const box = node.getBoundingClientRect();
  return [box.left + x * box.width / W, box.top + y * box.height / height];
}

const inPlayerTime = (axis) => data.movies.length > 0 && axis.unit === "ms" && axis.label.startsWith("time after");

// --- lines ------------------------------------------------------------------------------------------------------------
function linePanel(chart, panel, model) {
  const series = panel.series, yAxis = panel.y || chart.y, xAxis = chart.x;
  const pool = chart.share ? chart.panels : [panel];
  const every = pool.flatMap((p) => [...p.series.flatMap((s) => [...s.y, ...(s.low || []), ...(s.high || [])]),
    ...(p.ceiling ? [...p.ceiling.low, ...p.ceiling.high] : []), ...(p.rule ? [p.rule.value] : [])]);
  const [x0, x1] = extent(chart.panels.flatMap((p) => [...p.series.flatMap((s) => s.x), ...(p.unreached || []).flat()]));
  const [y0, y1] = extent(every, (panel.y && panel.y.zero !== undefined ? panel.y : chart.y).zero);
  const pad = (y1 - y0) * 0.04;
  const x = (v) => LEFT + 6 + (v - x0) / (x1 - x0) * (W - LEFT - RIGHT - 12);
  const y = (v) => H - BOTTOM - (v - y0 + (y0 < 0 ? pad : 0)) / (y1 - y0 + pad + (y0 < 0 ? pad : 0)) * (H - BOTTOM - TOP);
  const node = svg("svg", { class: "chart", viewBox: `0 0 ${W} ${H}` });
  const whole = xAxis.label === "time step" ? Number.isInteger : () => true;
  node.append(frame(x, y, ticks(x0, x1, 6).filter(whole), ticks(y0, y1, 5), xAxis, null, H));
  for (const [from, to] of panel.unreached || []) {
    const left = Math.max(LEFT, x(from)), right = Math.min(W - RIGHT, x(to));
    if (right > left) node.append(svg("rect", { x: left, y: TOP, width: right - left, height: H - BOTTOM - TOP, fill: "url(#hatch)" }));
    if (right - left > 92) node.append(styled(svg("text", { x: left + 6, y: TOP + 14 }, from > x0 ? "no state any more" : "not reached yet"), { paintOrder: "stroke", stroke: "var(--ground)", strokeWidth: "5px" }));
  }
  const ribbon = (xs, low, high, attributes) => {
    const there = xs.map((v, i) => i).filter((i) => low[i] !== null && high[i] !== null);
    const points = [...there.map((i) => `${x(xs[i])},${y(high[i])}`), ...there.reverse().map((i) => `${x(xs[i])},${y(low[i])}`)];
    return svg("polygon", { points: points.join(" "), ...attributes });
  };
  if (panel.ceiling) {
    const c = panel.ceiling;
    for (const [from, to, sound] of ceilingRuns(c)) {
      const part = (values) => values.slice(from, to + 1);
      node.append(ribbon(part(c.x), part(c.low), part(c.high), { class: sound ? "ceiling" : "ceiling pale" }));
    }
    if (c.low.every((v, i) => v === c.high[i])) node.append(svg("polyline", { class: "rule", points: c.x.map((v, i) => `${x(v)},${y(c.low[i])}`).join(" ") }));
  }
  if (y0 < 0) node.append(svg("line", { class: "axis", x1: LEFT, x2: W - RIGHT, y1: y(0), y2: y(0) }));
  if (panel.rule) node.append(svg("line", { class: "rule", x1: LEFT, x2: W - RIGHT, y1: y(panel.rule.value), y2: y(panel.rule.value) }),
    svg("text", { x: W - RIGHT, y: y(panel.rule.value) - 4, "text-anchor": "end" }, `${panel.rule.name} ${number(panel.rule.value)}`));
  for (const one of series) {
    if (one.low) node.append(styled(ribbon(one.x, one.low, one.high, { class: "area-band" }), { fill: colourOf(one.colour) }));
  }
  for (const one of series) {
    let path = "", pen = false;
    one.x.forEach((v, i) => {
      if (one.y[i] === null) { pen = false; return; }
      path += `${pen ? "L" : "M"}${x(v).toFixed(1)} ${y(one.y[i]).toFixed(1)}`;
      pen = true;
    });
    node.append(styled(svg("path", { class: "line", d: path }), { stroke: colourOf(one.colour) }));
    if (one.x.length <= 30) one.x.forEach((v, i) => {
      if (one.y[i] !== null) node.append(styled(shape(SHAPES[one.colour % 4], x(v), y(one.y[i]), 3.2), { fill: colourOf(one.colour) }));
    });
  }
  const cursor = svg("line", { class: "cursor", y1: TOP, y2: H - BOTTOM, visibility: "hidden" });
  const now = svg("line", { class: "now", y1: TOP - 6, y2: H - BOTTOM, visibility: "hidden" });
  node.append(now, cursor);
  const places = () => [...new Set(series.flatMap((s) => s.x))].sort((a, b) => a - b);
  const told = (at) => [`${capital(xAxis.label)} ${withUnit(number(at), xAxis.unit)}`, ...series.map((s) => {
    const i = s.x.indexOf(at), value = i < 0 ? null : s.y[i];
    if (value === null) return `${s.name}: no state`;
    const band = s.low && s.low[i] !== null ? ` (${number(s.low[i])} to ${number(s.high[i])})` : "";
    return `${s.name}: ${number(value)}${band}`;
  }), ...(panel.ceiling ? [ceilingAt(panel.ceiling, at)] : []), yAxis.unit ? `in ${yAxis.unit}` : ""].filter(Boolean);
  const hide = () => { cursor.setAttribute("visibility", "hidden"); hideTip(); };
  const browser = browse(node, `${chart.title}${panel.title ? `, ${panel.title}` : ""}. Arrow keys move along the axis.`, places, (at, loud, event) => {
    fill(cursor, { x1: x(at), x2: x(at), visibility: "visible" }, []);
    const words = told(at), [left, top] = event ? [event.clientX, event.clientY] : anchor(node, x(at), H / 3, H);
    showTip(left, top, words.join("\n"));
    if (loud) say(words.join(", "));
  }, hide);
  node.addEventListener("pointermove", (event) => {
    const at = pointer(node, event, H)[0], all = places();
    const near = all.reduce((best, v, i) => (Math.abs(x(v) - at) < Math.abs(x(all[best]) - at) ? i : best), 0);
    browser.go(near, false, event);
  });
  if (inPlayerTime(xAxis)) onTime((movie, times) => {
    // A panel about one area has that area's time; one about all of them only a time that they share.
    const area = movie.areas.findIndex((a) => a.name === panel.title), ms = area >= 0 ? times[area] : times.every((t) => t === times[0]) ? times[0] : null;
    const shown = ms !== null && movie.model === model && ms >= x0 && ms <= x1;
    fill(now, shown ? { x1: x(ms), x2: x(ms), visibility: "visible" } : { visibility: "hidden" }, []);
  });
  return el("figure", {}, el("figcaption", {}, panel.title, panel.title && panel.y ? ": " : null, panel.y ? el("span", { class: "soft" }, axisLabel(panel.y)) : null), node);
}

// Where subjects share nothing that can be told from 0, the data hold nothing to explain: [from, to, whether they do].
function ceilingRuns(c) {
  const runs = [];
  for (let i = 0; i + 1 < c.x.length; i += 1) {
    const sound = c.sound[i] && c.sound[i + 1], last = runs[runs.length - 1];
    if (last && last[2] === sound) last[1] = i + 1; else runs.push([i, i + 1, sound]);
  }
  return runs;
}

function ceilingAt(ceiling, at) {
  const i = ceiling.x.indexOf(at), k = i < 0 ? 0 : i;
  if (ceiling.high[k] === null || (i < 0 && ceiling.x.length > 2)) return null;
  const same = ceiling.low[k] === ceiling.high[k];
  return `${ceiling.name}: ${same ? "" : `${number(ceiling.low[k])} to `}${number(ceiling.high[k])}`;
}

function lineKey(chart) {
  const names = new Map(chart.panels.flatMap((p) => p.series.map((s) => [s.name, s.colour])));
  const entries = names.size < 2 || chart.panels.every((p) => p.series.length < 2 && p.title) ? [] : [...names].map(([name, colour]) => el("span", {},
    svg("svg", { viewBox: "0 0 22 12", "aria-hidden": "true" }, styled(svg("line", { x1: 0, x2: 22, y1: 6, y2: 6, "stroke-width": 2 }), { stroke: colourOf(colour) }),
      styled(shape(SHAPES[colour % 4], 11, 6, 3.6), { fill: colourOf(colour) })), name));
  const ceiling = chart.panels.map((p) => p.ceiling).find(Boolean);
  if (ceiling) entries.push(el("span", {}, svg("svg", { class: "chart", viewBox: "0 0 22 12", "aria-hidden": "true" },
    svg("rect", { class: "ceiling", width: 22, height: 12 })), ceiling.name));
  if (inPlayerTime(chart.x)) entries.push(el("span", {}, svg("svg", { class: "chart", viewBox: "0 0 22 12", "aria-hidden": "true" },
    svg("line", { class: "now", x1: 11, x2: 11, y1: 0, y2: 12 })), "time of the player above"));
  return entries.length ? el("div", { class: "key" }, entries) : null;
}

// --- matrices ---------------------------------------------------------------------------------------------------------
function edges(values) {
  if (values.length < 2) return [values[0] - 0.5, values[0] + 0.5];
  const middles = values.slice(1).map((v, i) => (v + values[i]) / 2);
  return [2 * values[0] - middles[0], ...middles, 2 * values[values.length - 1] - middles[middles.length - 1]];
}

function matrixPanel(chart, panel) {
  const xe = edges(panel.x), ye = edges(panel.y), z = chart.z, table = tables[z.diverging ? "diverging" : "viridis"];
  const x = (v) => LEFT + (v - xe[0]) / (xe[xe.length - 1] - xe[0]) * (W - LEFT - RIGHT);
  const y = (v) => H - BOTTOM - (v - ye[0]) / (ye[ye.length - 1] - ye[0]) * (H - BOTTOM - TOP);
  const node = svg("svg", { class: "chart", viewBox: `0 0 ${W} ${H}` });
  node.append(svg("rect", { x: LEFT, y: TOP, width: W - LEFT - RIGHT, height: H - BOTTOM - TOP, fill: "url(#hatch)" }));
  const scale = 3, canvas = el("canvas", { width: (W - LEFT - RIGHT) * scale, height: (H - BOTTOM - TOP) * scale }), pen = canvas.getContext("2d");
  panel.values.forEach((row, r) => row.forEach((value, c) => {
    if (value === null) return;
    const k = 3 * Math.round(clamp((value - z.low) / (z.high - z.low || 1), 0, 1) * 255);
    pen.fillStyle = `rgb(${table[k]},${table[k + 1]},${table[k + 2]})`;
    const left = Math.round((x(xe[c]) - LEFT) * scale), right = Math.round((x(xe[c + 1]) - LEFT) * scale);
    const top = Math.round((y(ye[r + 1]) - TOP) * scale), low = Math.round((y(ye[r]) - TOP) * scale);
    pen.fillRect(left, top, right - left, low - top);
  }));
  node.append(svg("image", { href: canvas.toDataURL(), x: LEFT, y: TOP, width: W - LEFT - RIGHT, height: H - BOTTOM - TOP, preserveAspectRatio: "none" }));
  if (panel.outlined) {
    const on = (r, c) => Boolean(panel.outlined[r] && panel.outlined[r][c]);
    let path = "";
    for (let r = 0; r <= panel.y.length; r++) for (let c = 0; c <= panel.x.length; c++) {
      if (c < panel.x.length && on(r, c) !== on(r - 1, c)) path += `M${x(xe[c])} ${y(ye[r])}H${x(xe[c + 1])}`;
      if (r < panel.y.length && on(r, c) !== on(r, c - 1)) path += `M${x(xe[c])} ${y(ye[r])}V${y(ye[r + 1])}`;
    }
    // Black on every colour of the map, whatever the page's own.
    node.append(styled(svg("path", { class: "outline", d: path }), { stroke: "#000" }));
  }
  const axes = frame(x, y, ticks(xe[0], xe[xe.length - 1], 6), [], chart.x, chart.y, H);
  const yTicks = panel.y.length <= 10 ? panel.y : ticks(ye[0], ye[ye.length - 1], 6);
  for (const t of yTicks) axes.append(svg("text", { x: LEFT - 6, y: y(t) + 4, "text-anchor": "end" }, number(t)));
  const cursor = svg("rect", { class: "cursor", fill: "none", visibility: "hidden" });
  cursor.style.stroke = "var(--mark)"; cursor.style.strokeWidth = "2";
  node.append(axes, cursor);
  const columns = panel.x.length;
  const show = (place, loud, event) => {
    const r = Math.floor(place / columns), c = place % columns, value = panel.values[r][c];
    fill(cursor, { x: x(xe[c]), y: y(ye[r + 1]), width: x(xe[c + 1]) - x(xe[c]), height: y(ye[r]) - y(ye[r + 1]), visibility: "visible" }, []);
    const words = [`${panel.title}: ${value === null ? "no state" : withUnit(number(value), z.unit)}`,
      `${chart.y.label} ${withUnit(number(panel.y[r]), chart.y.unit)}, ${chart.x.label} ${withUnit(number(panel.x[c]), chart.x.unit)}`];
    if (panel.outlined && on2(panel, r, c)) words.push("in a significant cluster");
    const [left, top] = event ? [event.clientX, event.clientY] : anchor(node, x(panel.x[c]), y(panel.y[r]), H);
    showTip(left, top, words.join("\n"));
    if (loud) say(words.join(", "));
  };
  const hide = () => { cursor.setAttribute("visibility", "hidden"); hideTip(); };
  let at = 0;
  fill(node, { tabindex: 0, role: "application", "aria-roledescription": "matrix", "aria-label": `${chart.title}, ${panel.title}. Arrow keys move over the cells.`,
    onfocus: () => { if (node.matches(":focus-visible")) show(at, true); }, onblur: hide, onpointerleave: hide,
    onkeydown: (event) => {
      const r = Math.floor(at / columns), c = at % columns;
      const next = { ArrowRight: [r, c + 1], ArrowLeft: [r, c - 1], ArrowUp: [r + 1, c], ArrowDown: [r - 1, c] }[event.key];
      if (event.key === "Escape") hide();
      if (!next) return;
      event.preventDefault();
      at = clamp(next[0], 0, panel.y.length - 1) * columns + clamp(next[1], 0, columns - 1);
      show(at, true);
    },
    onpointermove: (event) => {
      const [px, py] = pointer(node, event, H), cell = (es, to, p) => { for (let i = 0; i + 1 < es.length; i++) if ((to(es[i]) - p) * (to(es[i + 1]) - p) <= 0) return i; return -1; };
      const c = cell(xe, x, px), r = cell(ye, y, py);
      if (c < 0 || r < 0) { hide(); return; }
      at = r * columns + c;
      show(at, false, event);
    } }, []);
  return el("figure", {}, el("figcaption", {}, panel.title), node);
}
const on2 = (panel, r, c) => panel.outlined[r][c] === 1;

function colourBar(table, low, high, label, from, to) {
  const canvas = el("canvas", { width: 256, height: 1, "aria-hidden": "true" }), pen = canvas.getContext("2d"), image = pen.createImageData(256, 1);
  for (let i = 0; i < 256; i++) {
    const k = 3 * Math.round(255 * ((from || 0) + i / 255 * ((to === undefined ? 1 : to) - (from || 0))));
    image.data.set([table[k], table[k + 1], table[k + 2], 255], 4 * i);
  }
  pen.putImageData(image, 0, 0);
  return el("div", { class: "scale" }, el("span", {}, number(low)), canvas, el("span", {}, number(high)), label ? el("span", {}, label) : null);
}

// --- rows of marks ----------------------------------------------------------------------------------------------------
function rowPanel(chart, panel) {
  const names = [...new Set(panel.rows.flatMap((r) => r.marks.map((m) => m.name)))], longest = Math.max(...panel.rows.map((r) => r.name.length));
  // Names that would take the room of the marks stand above them.
  const above = longest > 20, side = above ? 10 : Math.max(50, 7.2 * longest + 8), step = above ? 58 : 40, top = 8;
  const height = top + step * panel.rows.length + BOTTOM;
  const every = chart.panels.flatMap((p) => [...p.rows.flatMap((r) => r.marks.flatMap((m) => [m.value, m.low, m.high])), ...(p.ceiling || [])]);
  const [x0, x1] = extent(every, chart.x.zero), pad = (x1 - x0) * 0.06;
  const x = (v) => side + (v - x0 + (chart.x.zero && x0 === 0 ? 0 : pad)) / (x1 - x0 + (chart.x.zero && x0 === 0 ? pad : 2 * pad)) * (W - side - RIGHT);
  const node = svg("svg", { class: "chart", viewBox: `0 0 ${W} ${height}` });
  if (panel.ceiling) {
    const [low, high] = panel.ceiling;
    node.append(svg("rect", { class: "ceiling", x: x(low), width: Math.max(2, x(high) - x(low)), y: top, height: height - BOTTOM - top }));
  }
  for (const t of ticks(x0, x1, 6)) node.append(svg("line", { class: "grid", x1: x(t), x2: x(t), y1: top, y2: height - BOTTOM }),
    svg("text", { x: x(t), y: height - BOTTOM + 16, "text-anchor": "middle" }, number(t)));
  node.append(svg("text", { x: (side + W - RIGHT) / 2, y: height - 6, "text-anchor": "middle" }, capital(axisLabel(chart.x))));
  const marks = [];
  panel.rows.forEach((row, r) => {
    const y = top + step * (r + (above ? 0.8 : 0.62));
    node.append(svg("text", { class: "name", x: 0, y: above ? y - 26 : y + 4 }, row.name));
    node.append(svg("line", { class: "grid", x1: side, x2: W - RIGHT, y1: y, y2: y }));
    for (const mark of row.marks) {
      if (mark.value === null) continue;
      const colour = colourOf(row.colour), at = x(mark.value);
      if (mark.low !== null && mark.high !== null) node.append(styled(svg("line", { x1: x(mark.low), x2: x(mark.high), y1: y, y2: y, "stroke-width": 3 }), { stroke: colour }));
      node.append(styled(shape(SHAPES[names.indexOf(mark.name) % 4], at, y, 5, { "stroke-width": 2 }), { stroke: colour, fill: mark.open ? "var(--ground)" : colour }));
      node.append(svg("text", { x: at, y: y - 9, "text-anchor": at > W - 40 ? "end" : "middle" }, `${mark.open ? "≥ " : ""}${number(mark.value)}`));
      marks.push({ row, mark, x: at, y });
    }
  });
  const told = (place) => {
    const { row, mark } = place, band = mark.low !== null && mark.high !== null ? ` (${number(mark.low)} to ${number(mark.high)})` : "";
    return [`${row.name}, ${mark.name}: ${mark.open ? "at least " : ""}${withUnit(number(mark.value), chart.x.unit)}${band}`,
      panel.ceiling ? `noise ceiling ${number(panel.ceiling[1])}` : ""].filter(Boolean);
  };
  const browser = browse(node, `${chart.title}${panel.title ? `, ${panel.title}` : ""}. Arrow keys move over the values.`, () => marks, (place, loud, event) => {
    if (!place) return;
    const [left, high] = event ? [event.clientX, event.clientY] : anchor(node, place.x, place.y, height);
    showTip(left, high, told(place).join("\n"));
    if (loud) say(told(place).join(", "));
  }, hideTip);
  node.addEventListener("pointermove", (event) => {
    const [px, py] = pointer(node, event, height);
    if (marks.length) browser.go(marks.reduce((b, m, i) => (Math.hypot(m.x - px, m.y - py) < Math.hypot(marks[b].x - px, marks[b].y - py) ? i : b), 0), false, event);
  });
  return el("figure", {}, panel.title ? el("figcaption", {}, panel.title) : null, node);
}

function rowKey(chart) {
  const names = [...new Set(chart.panels.flatMap((p) => p.rows.flatMap((r) => r.marks.map((m) => m.name))))];
  const entries = names.map((name, i) => el("span", {}, svg("svg", { viewBox: "0 0 22 12", "aria-hidden": "true" },
    styled(shape(SHAPES[i % 4], 11, 6, 4), { fill: "var(--text)" })), name));
  if (chart.panels.some((p) => p.ceiling)) entries.push(el("span", {}, svg("svg", { class: "chart", viewBox: "0 0 22 12", "aria-hidden": "true" },
    svg("rect", { class: "ceiling", width: 22, height: 12 })), "noise ceiling"));
  return el("div", { class: "key" }, entries);
}

// --- the same numbers as a table --------------------------------------------------------------------------------------
function tableOf(head, body) {
  return el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Table" }, el("table", {}, el("thead", {}, el("tr", {}, head.map((h) => el("th", { scope: "col" }, h)))),
    el("tbody", {}, body.map((row) => el("tr", {}, row.map((cell) => el("td", {}, cell)))))));
}

function numbers(chart) {
  const span = (low, high) => (low === null || low === undefined ? "" : `${number(low)} to ${number(high)}`);
  if (chart.kind === "lines") return tableOf(["panel", "line", axisLabel(chart.x) || "x", axisLabel(chart.y) || "value", "interval"],
    chart.panels.flatMap((p) => p.series.flatMap((s) => s.x.map((v, i) => [p.title, s.name, number(v), s.y[i] === null ? "no state" : number(s.y[i]), s.low ? span(s.low[i], s.high[i]) : ""]))));
  if (chart.kind === "rows") return tableOf(["panel", "row", "mark", axisLabel(chart.x) || "value", "interval"],
    chart.panels.flatMap((p) => p.rows.flatMap((r) => r.marks.map((m) => [p.title, r.name, m.name, `${m.open ? "at least " : ""}${number(m.value)}`, span(m.low, m.high)]))));
  return el("div", {}, chart.panels.map((p) => [el("h3", {}, p.title), tableOf([`${axisLabel(chart.y)} \\ ${axisLabel(chart.x)}`, ...p.x.map(number)],
    p.values.map((row, r) => [number(p.y[r]), ...row.map((v) => (v === null ? "no state" : number(v)))]))]));
}

function makeChart(chart, model) {
  const head = chart.title ? el("h3", {}, chart.title) : null;
  const note = chart.note ? el("p", { class: "note" }, chart.note) : null;
  if (chart.kind === "table") return el("div", {}, head, tableOf(chart.head, chart.body), note);
  const make = { lines: linePanel, matrix: matrixPanel, rows: rowPanel }[chart.kind];
  const panels = el("div", { class: chart.panels.length < 3 ? "panels wide" : "panels" }, chart.panels.map((panel) => make(chart, panel, model)));
  const key = chart.kind === "lines" ? lineKey(chart) : chart.kind === "rows" ? rowKey(chart)
    : colourBar(tables[chart.z.diverging ? "diverging" : "viridis"], chart.z.low, chart.z.high, axisLabel(chart.z));
  const more = el("details", {}, el("summary", {}, "The numbers"));
  more.addEventListener("toggle", () => { if (more.open && more.children.length < 2) more.append(numbers(chart)); });
  const up = chart.kind === "lines" && axisLabel(chart.y) ? el("p", { class: "up" }, `↑ ${capital(axisLabel(chart.y))}`) : null;
  return el("div", {}, head, key, up, panels, note, more);
}
