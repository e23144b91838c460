// The player: pictures, RDMs and maps of all areas at one time. What is marked in one is marked in all of them.
const MISSING = 255;
const listeners = [];
const onTime = (listener) => { listeners.push(listener); if (onTime.last) listener(...onTime.last); };
const tellTime = (movie, ms) => { onTime.last = [movie, ms]; listeners.forEach((listener) => listener(movie, ms)); };

function readMovie(movie) {
  const n = movie.stimuli.length, pairs = n * (n - 1) / 2;
  movie.count = n;
  movie.kinds = [...new Set(movie.stimuli.map((s) => s.label))].filter((label) => label !== null);
  if (movie.kinds.length < 2 || movie.kinds.length > n / 2) movie.kinds = [];
  movie.kind = movie.stimuli.map((s) => movie.kinds.indexOf(s.label));
  for (const area of movie.areas) {
    const levels = bytes(area.frames), points = new Int16Array(bytes(area.points).buffer);
    let seen = 0;
    area.at = area.reached.map((there) => {
      if (!there) return null;
      const frame = { levels: levels.subarray(seen * pairs, (seen + 1) * pairs), points: points.subarray(seen * 2 * n, (seen + 1) * 2 * n) };
      seen += 1;
      return frame;
    });
  }
}

// Why an area has no state at a time: nothing has come yet, or, as in an unrolled residual network, nothing comes any more.
const absence = (area, time) => (area.reached.slice(0, time).some(Boolean) ? "no state any more" : "not reached yet");
const place = (n, i, j) => { const a = Math.min(i, j), b = Math.max(i, j); return a * (2 * n - a - 1) / 2 + b - a - 1; };
const runsOf = (sorted) => sorted.reduce((runs, i) => {
  const last = runs[runs.length - 1];
  if (last && last[1] === i) last[1] = i + 1; else runs.push([i, i + 1]);
  return runs;
}, []);

class Player {
  constructor(movie) {
    readMovie(movie);
    Object.assign(this, { movie, n: movie.count, time: 0, over: [], kept: new Set(), cell: [0, 1], timer: null, views: [] });
    this.node = el("div", { class: "player" }, this.makeControls(), el("div", { class: "stage" }, this.makePictures(), el("div", { class: "right" }, this.makeAreas(), this.makeChosen())),
      el("p", { class: "note" }, this.describe()), movie.notes.map((note) => el("p", { class: "note" }, note)));
    this.node.addEventListener("keydown", (event) => { if (event.key === "Escape") { this.kept.clear(); this.point([]); } });
    redraws.add(() => this.draw());
    new ResizeObserver(() => this.draw()).observe(this.node.querySelector(".areas"));
    this.setTime(movie.times.count - 1);
  }

  describe() {
    const { areas, measure, kinds } = this.movie;
    return `A cell of an RDM is how different an area's responses to two pictures are (${measure}); bright is different. Colours run from the 1st to the 99th percentile of `
      + `an area over all times. On the map, pictures that the area finds alike lie close together (classical scaling in 2 dimensions, turned so that points move little from time to time).`
      + `${kinds.length ? " Coloured bars and dots: categories." : ""} Hatched: nothing reaches the area at this time, so there is no state. Values are held in 255 levels.`
      + ` ${areas.length > 1 ? "Scales of areas differ." : ""}`;
  }

  // --- time ---
  makeControls() {
    const last = this.movie.times.count - 1;
    this.slider = el("input", { type: "range", min: 0, max: last, step: 1, value: last, "aria-label": "Time", oninput: () => { this.stop(); this.setTime(Number(this.slider.value), true); } });
    this.output = el("output", {});
    this.button = el("button", { class: "play", type: "button", "aria-pressed": "false", onclick: () => (this.timer ? this.stop() : this.play()) }, "▶ Play");
    return el("div", { class: "controls" }, last > 0 ? this.button : null, el("div", { class: "slide" }, el("span", {}, "Time"), this.slider), this.output);
  }

  msOf(area) { const { ms } = this.movie.times; return ms ? ms[area][this.time] : null; }

  when() {
    const { ms, steps } = this.movie.times, step = steps ? `step ${steps[this.time]}` : null;
    const all = ms ? [...new Set(ms.map((row) => row[this.time]))] : [];
    if (all.length === 1 && all[0] !== null) return step ? `${number(all[0])} ms (${step})` : `${number(all[0])} ms`;
    // Areas need not reach the same step at the same time: each says its own above its RDM.
    const there = all.filter((v) => v !== null);
    if (step && there.length) return `${step} (${number(Math.min(...there))} to ${number(Math.max(...there))} ms)`;
    return step || (this.movie.times.count > 1 ? `time ${this.time + 1} of ${this.movie.times.count}` : "no time axis");
  }

  setTime(time, loud) {
    this.time = clamp(time, 0, this.movie.times.count - 1);
    this.slider.value = this.time;
    this.output.textContent = this.when();
    this.slider.setAttribute("aria-valuetext", this.when());
    if (loud) {
      const missing = this.movie.areas.filter((area) => !area.reached[this.time]).map((area) => `${area.name} ${absence(area, this.time)}`);
      say(`${this.when()}${missing.length ? `; ${missing.join(", ")}` : ""}`);
    }
    hideTip();
    this.draw();
    tellTime(this.movie, this.movie.areas.map((_, a) => this.msOf(a)));
  }

  play() {
    fill(this.button, { "aria-pressed": "true" }, []);
    this.button.textContent = "❚❚ Pause";
    const count = this.movie.times.count, pace = clamp(9000 / count, 120, 800);
    if (this.time === count - 1) this.setTime(0);
    this.timer = setInterval(() => { if (this.time === count - 1) this.stop(); else this.setTime(this.time + 1); }, pace);
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    fill(this.button, { "aria-pressed": "false" }, []);
    this.button.textContent = "▶ Play";
  }

  // --- pictures ---
  makePictures() {
    const { stimuli, kinds } = this.movie;
    this.thumbs = stimuli.map((stimulus, i) => {
      const node = el("div", { class: "thumb", role: "option", id: `t${Player.serial}-${i}`, tabindex: i ? -1 : 0, "aria-selected": "false", "aria-label": this.nameOf(i), title: this.nameOf(i),
        onpointerenter: () => this.point([i]), onpointerleave: () => this.point([]), onfocus: () => { if (node.matches(":focus-visible")) this.point([i], "thumb"); }, onblur: () => this.point([]),
        onclick: () => this.toggle([i]) }, stimulus.picture ? el("img", { src: stimulus.picture, alt: "" }) : el("span", { class: "none" }, stimulus.name));
      if (this.movie.kind[i] >= 0) node.style.borderBottomColor = this.kindColour(i);
      return node;
    });
    this.box = el("div", { class: "thumbs", role: "listbox", "aria-multiselectable": "true", "aria-label": `${this.n} stimuli`, onkeydown: (event) => this.walk(event) }, this.thumbs);
    this.kindButtons = kinds.map((kind, k) => el("button", { type: "button", "aria-pressed": "false", onclick: () => { this.toggle(this.ofKind(k)); this.box.scrollTop = this.thumbs[this.ofKind(k)[0]].offsetTop - 4; } },
      styled(el("i", {}), { background: `var(--k${k % 10})` }), `${kind} (${this.ofKind(k).length})`));
    Player.serial += 1;
    const pictures = el("input", { type: "checkbox", onchange: (event) => { this.withPictures = event.target.checked; this.makeDots(); this.draw(); } });
    const some = stimuli.some((s) => s.picture);
    return el("div", { class: "pictures" }, el("h3", {}, this.n < this.movie.total ? `${this.n} of ${this.movie.total} stimuli` : `${this.n} stimuli`, some ? el("label", { class: "check" }, pictures, "on maps") : null), this.box, kinds.length ? el("div", { class: "kinds", role: "group", "aria-label": "Mark a category" }, this.kindButtons) : null);
  }

  nameOf(i) { const s = this.movie.stimuli[i]; return s.label && !s.name.includes(s.label) ? `${s.name} (${s.label})` : s.name; }
  kindColour(i) { const k = this.movie.kind[i]; return k < 0 ? "var(--k1)" : `var(--k${k % 10})`; }
  ofKind(k) { return this.movie.kind.map((v, i) => (v === k ? i : -1)).filter((i) => i >= 0); }

  walk(event) {
    const at = this.thumbs.indexOf(event.target);
    if (at < 0) return;
    const tops = this.thumbs.map((t) => t.offsetTop), columns = Math.max(1, tops.findIndex((t) => t > tops[0]) < 0 ? this.n : tops.findIndex((t) => t > tops[0]));
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, ArrowDown: at + columns, ArrowUp: at - columns, Home: 0, End: this.n - 1 }[event.key];
    if (to !== undefined) {
      const next = clamp(to, 0, this.n - 1);
      this.thumbs[at].tabIndex = -1;
      this.thumbs[next].tabIndex = 0;
      this.thumbs[next].focus();
    } else if (event.key === "Enter" || event.key === " ") this.toggle([at]);
    else return;
    event.preventDefault();
  }

  // --- areas ---
  makeAreas() {
    this.views = this.movie.areas.map((area, a) => {
      const view = { area, a };
      view.when = el("span", {});
      view.canvas = el("canvas", { class: "rdm", tabindex: 0, role: "application", "aria-roledescription": "RDM",
        onpointermove: (event) => this.overCell(view, event), onpointerleave: () => { hideTip(); this.point([]); }, onclick: () => this.toggle(this.over),
        onkeydown: (event) => this.moveCell(view, event), onfocus: () => { if (view.canvas.matches(":focus-visible")) this.showCell(view, true); }, onblur: () => { hideTip(); this.point([]); } });
      view.map = svg("svg", { class: "map", viewBox: "-1.1 -1.1 2.2 2.2", tabindex: 0, role: "application", "aria-roledescription": "map",
        onpointermove: (event) => this.overMap(view, event), onpointerleave: () => { hideTip(); this.point([]); }, onclick: () => this.toggle(this.over),
        onkeydown: (event) => this.moveMap(view, event), onfocus: () => { if (view.map.matches(":focus-visible")) this.showDot(view, this.dot || 0, true); }, onblur: () => { hideTip(); this.point([]); } });
      view.hatch = svg("rect", { x: -1.1, y: -1.1, width: 2.2, height: 2.2, fill: "url(#hatch-map)" });
      view.words = svg("text", { y: .05 });
      view.dots = svg("g", {});
      view.frames = svg("g", {});
      view.map.append(view.hatch, view.words, view.dots, view.frames);
      view.share = el("p", { class: "note" });
      view.scale = colourBar(tables.viridis, area.shown[0], area.shown[1]);
      view.node = el("div", { class: "area" }, el("h3", {}, area.name, view.when), view.canvas, view.scale, view.map, view.share);
      return view;
    });
    this.makeDots();
    return el("div", { class: this.views.length < 4 ? "areas few" : "areas" }, this.views.map((view) => view.node));
  }

  makeDots() {
    for (const view of this.views) {
      view.dot = this.movie.stimuli.map((stimulus, i) => {
        const size = .19, node = this.withPictures && stimulus.picture
          ? svg("image", { href: stimulus.picture, x: -size / 2, y: -size / 2, width: size, height: size, class: "dot" })
          : styled(svg("circle", { r: this.n > 150 ? .03 : .038, class: "dot" }), { fill: this.kindColour(i) });
        return node;
      });
      view.dots.replaceChildren(...view.dot);
    }
  }

  spot(view, i) {
    const frame = view.area.at[this.time];
    return frame ? [frame.points[2 * i] / 32767, -frame.points[2 * i + 1] / 32767] : null;
  }

  valueOf(view, i, j) {
    const frame = view.area.at[this.time];
    if (!frame || i === j) return null;
    const level = frame.levels[place(this.n, i, j)];
    return level === MISSING ? null : view.area.low + level * (view.area.high - view.area.low) / 254;
  }

  // --- marks ---
  point(indices, from) {
    this.over = indices;
    if (indices.length && from !== "thumb") this.reveal(indices[0]);
    if (from === "thumb") this.reveal(indices[0]);
    this.drawMarks();
  }

  // Scrolls the box of pictures, never the page.
  reveal(i) {
    const thumb = this.thumbs[i], top = thumb.offsetTop, bottom = top + thumb.offsetHeight;
    if (this.box.matches(":hover")) return;
    if (top < this.box.scrollTop) this.box.scrollTop = top - 4;
    else if (bottom > this.box.scrollTop + this.box.clientHeight) this.box.scrollTop = bottom - this.box.clientHeight + 4;
  }

  toggle(indices) {
    const all = indices.length && indices.every((i) => this.kept.has(i));
    for (const i of indices) if (all) this.kept.delete(i); else this.kept.add(i);
    say(indices.length === 1 ? `${this.nameOf(indices[0])} ${all ? "no longer marked" : "marked"}` : `${this.kept.size} marked`);
    this.drawMarks();
  }

  marked() { return [...new Set([...this.kept, ...this.over])].sort((a, b) => a - b); }

  drawMarks() {
    const marked = this.marked(), on = new Set(marked);
    this.thumbs.forEach((thumb, i) => {
      thumb.classList.toggle("on", on.has(i));
      thumb.classList.toggle("dim", on.size > 0 && !on.has(i));
      thumb.setAttribute("aria-selected", this.kept.has(i) ? "true" : "false");
    });
    this.kindButtons.forEach((button, k) => button.setAttribute("aria-pressed", this.ofKind(k).every((i) => this.kept.has(i)) ? "true" : "false"));
    this.clear.hidden = !this.kept.size;
    for (const view of this.views) {
      view.dot.forEach((dot, i) => { dot.classList.toggle("on", on.has(i)); dot.classList.toggle("dim", on.size > 0 && !on.has(i)); });
      const shown = marked.length <= 6 && view.area.at[this.time] ? marked : [];
      view.frames.replaceChildren(...shown.flatMap((i) => {
        const [x, y] = this.spot(view, i), { picture } = this.movie.stimuli[i], size = .3;
        if (!picture) return [];
        const left = clamp(x - size / 2, -1.08, 1.08 - size), top = clamp(y - size - .06, -1.08, 1.08 - size);
        return [svg("image", { href: picture, x: left, y: top, width: size, height: size }), svg("rect", { class: "frame", x: left, y: top, width: size, height: size })];
      }));
      this.drawRdm(view);
    }
    this.drawChosen();
  }

  // --- drawing ---
  draw() {
    for (const view of this.views) {
      const there = Boolean(view.area.at[this.time]), ms = this.msOf(view.a), share = view.area.shares[this.time];
      const none = there ? "" : absence(view.area, this.time);
      view.words.textContent = none;
      view.when.textContent = !there ? none : ms !== null ? `${number(ms)} ms` : "";
      view.canvas.setAttribute("aria-label", `RDM of ${view.area.name}, ${this.when()}${there ? ". Arrow keys move over the cells, Shift for 10, Enter marks." : `, ${none}`}`);
      view.map.setAttribute("aria-label", `Map of ${view.area.name}, ${this.when()}${there ? ". Arrow keys move to the next picture in a direction, Enter marks." : `, ${none}`}`);
      view.hatch.setAttribute("visibility", there ? "hidden" : "visible");
      view.words.setAttribute("visibility", there ? "hidden" : "visible");
      view.dots.setAttribute("visibility", there ? "visible" : "hidden");
      view.share.textContent = there ? `Map: ${Math.round(100 * share)} % of variation` : "";
      if (there) view.dot.forEach((dot, i) => { const [x, y] = this.spot(view, i); dot.style.transform = `translate(${x}px, ${y}px)`; });
    }
    this.drawMarks();
  }

  // The RDM is painted once a time; marks go on top of a copy.
  paint(view) {
    const frame = view.area.at[this.time], n = this.n;
    if (view.painted && view.paintedAt === this.time) return view.painted;
    const canvas = el("canvas", { width: n, height: n }), pen = canvas.getContext("2d"), image = pen.createImageData(n, n), pixels = image.data;
    const { low, high, shown } = view.area, scale = (high - low) / 254, span = shown[1] - shown[0] || 1, table = tables.viridis;
    const colours = Array.from({ length: 256 }, (_, level) => 3 * Math.round(255 * clamp((low + level * scale - shown[0]) / span, 0, 1)));
    let k = 0;
    for (let i = 0; i < n; i++) for (let j = i + 1; j < n; j++) {
      const level = frame.levels[k++], c = colours[level];
      if (level === MISSING) continue;
      for (const p of [4 * (i * n + j), 4 * (j * n + i)]) { pixels[p] = table[c]; pixels[p + 1] = table[c + 1]; pixels[p + 2] = table[c + 2]; pixels[p + 3] = 255; }
    }
    pen.putImageData(image, 0, 0);
    Object.assign(view, { painted: canvas, paintedAt: this.time });
    return canvas;
  }

  drawRdm(view) {
    const canvas = view.canvas, box = canvas.clientWidth, pixels = Math.max(1, Math.round(box * Math.min(devicePixelRatio || 1, 3)));
    if (!box) return;
    if (canvas.width !== pixels) canvas.width = canvas.height = pixels;
    const pen = canvas.getContext("2d"), bar = this.movie.kinds.length ? Math.round(pixels * .035) : 0, side = pixels - bar, unit = side / this.n;
    pen.clearRect(0, 0, pixels, pixels);
    if (!view.area.at[this.time]) {
      pen.strokeStyle = css("--hatch");
      pen.lineWidth = pixels / 300;
      pen.beginPath();
      for (let d = -pixels; d < pixels; d += pixels / 24) { pen.moveTo(d, pixels); pen.lineTo(d + pixels, 0); }
      pen.stroke();
      const size = pixels / 13;
      pen.font = `${size}px system-ui, sans-serif`;
      pen.textAlign = "center";
      pen.fillStyle = css("--ground");
      pen.fillRect(pixels * .22, pixels / 2 - size, pixels * .56, 2 * size);
      pen.fillStyle = css("--soft");
      pen.fillText(absence(view.area, this.time), pixels / 2, pixels / 2 + size / 3);
      return;
    }
    pen.imageSmoothingEnabled = unit < 1;
    pen.drawImage(this.paint(view), bar, bar, side, side);
    if (bar) this.movie.kind.forEach((kind, i) => {
      pen.fillStyle = kind < 0 ? css("--k1") : css(`--k${kind % 10}`);
      pen.fillRect(bar + i * unit, 0, Math.ceil(unit), bar - 2);
      pen.fillRect(0, bar + i * unit, bar - 2, Math.ceil(unit));
    });
    const thick = Math.max(1, pixels / 240);
    for (const [from, to] of runsOf(this.marked())) {
      const start = bar + from * unit, length = Math.max((to - from) * unit, thick);
      for (const [colour, width] of [["#ffffff", thick * 2.2], ["#e0007a", thick]]) {
        pen.strokeStyle = colour;
        pen.lineWidth = width;
        pen.strokeRect(0, start, pixels, length);
        pen.strokeRect(start, 0, length, pixels);
      }
    }
  }

  // --- pointing at cells and dots ---
  overCell(view, event) {
    const box = view.canvas.getBoundingClientRect(), bar = this.movie.kinds.length ? box.width * .035 : 0;
    const at = (p) => clamp(Math.floor((p - bar) / (box.width - bar) * this.n), 0, this.n - 1);
    this.cell = [at(event.clientY - box.top), at(event.clientX - box.left)];
    this.showCell(view, false, event);
  }

  moveCell(view, event) {
    const step = event.shiftKey ? 10 : 1, [i, j] = this.cell;
    const next = { ArrowRight: [i, j + step], ArrowLeft: [i, j - step], ArrowUp: [i - step, j], ArrowDown: [i + step, j] }[event.key];
    if (next) { this.cell = next.map((v) => clamp(v, 0, this.n - 1)); this.showCell(view, true); } else if (event.key === "Enter" || event.key === " ") this.toggle(this.over);
    else return;
    event.preventDefault();
  }

  showCell(view, loud, event) {
    const [i, j] = this.cell, value = this.valueOf(view, i, j), { stimuli, measure } = this.movie;
    this.point(i === j ? [i] : [i, j]);
    if (!view.area.at[this.time]) { hideTip(); if (loud) say(`${view.area.name}: ${absence(view.area, this.time)}`); return; }
    const text = i === j ? `${this.nameOf(i)}\nwith itself` : `${this.nameOf(i)}\n${this.nameOf(j)}\n${value === null ? "not defined" : `${number(value)} (${measure})`}`;
    const box = view.canvas.getBoundingClientRect();
    // Below the RDM, which stays to be seen.
    showTip(event ? event.clientX : box.left + box.width * (j + .5) / this.n, box.bottom - 10, text, [...new Set([i, j])].map((k) => stimuli[k].picture));
    if (loud) say(text.replaceAll("\n", ", "));
  }

  overMap(view, event) {
    if (!view.area.at[this.time]) return;
    const box = view.map.getBoundingClientRect(), x = (event.clientX - box.left) / box.width * 2.2 - 1.1, y = (event.clientY - box.top) / box.height * 2.2 - 1.1;
    let best = 0, least = Infinity;
    for (let i = 0; i < this.n; i++) { const [a, b] = this.spot(view, i), d = (a - x) ** 2 + (b - y) ** 2; if (d < least) { least = d; best = i; } }
    if (least > .04) { hideTip(); this.point([]); return; }
    this.showDot(view, best, false, event);
  }

  moveMap(view, event) {
    const way = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key], from = this.dot || 0;
    if (way && view.area.at[this.time]) {
      const [x, y] = this.spot(view, from);
      let best = from, least = Infinity;
      for (let i = 0; i < this.n; i++) {
        const [a, b] = this.spot(view, i), along = (a - x) * way[0] + (b - y) * way[1], across = Math.abs((a - x) * way[1]) + Math.abs((b - y) * way[0]);
        if (i !== from && along > 1e-6 && along + 2 * across < least) { least = along + 2 * across; best = i; }
      }
      this.showDot(view, best, true);
    } else if (event.key === "Enter" || event.key === " ") this.toggle(this.over);
    else return;
    event.preventDefault();
  }

  showDot(view, i, loud, event) {
    this.dot = i;
    this.point([i]);
    const spot = this.spot(view, i);
    if (!spot) { if (loud) say(`${view.area.name}: ${absence(view.area, this.time)}`); return; }
    const box = view.map.getBoundingClientRect();
    showTip(event ? event.clientX : box.left + box.width * (spot[0] + 1.1) / 2.2, event ? event.clientY : box.top + box.height * (spot[1] + 1.1) / 2.2, this.nameOf(i), [this.movie.stimuli[i].picture]);
    if (loud) say(this.nameOf(i));
  }

  // --- what is marked, in words ---
  makeChosen() {
    this.clear = el("button", { type: "button", hidden: true, onclick: () => { this.kept.clear(); this.point([]); } }, "Clear marks");
    this.chosen = el("div", {});
    return el("div", { class: "chosen" }, this.chosen, this.clear);
  }

  picture(i) {
    const { picture, name } = this.movie.stimuli[i];
    return picture ? el("img", { src: picture, alt: this.nameOf(i), title: this.nameOf(i) }) : el("span", { class: "none", title: name }, name);
  }

  drawChosen() {
    const marked = this.marked();
    if (!marked.length) {
      this.chosen.replaceChildren(el("p", { class: "soft howto" }, "Point at a picture, a cell or a dot to see its nearest neighbours in every area here. Click, or press Enter, to keep a mark; Esc clears."));
      return;
    }
    const names = marked.slice(0, 3).map((i) => this.nameOf(i)).join(", ") + (marked.length > 3 ? ` and ${marked.length - 3} more` : "");
    const target = this.over[0] !== undefined ? this.over[0] : marked[0];
    const near = this.views.map((view) => {
      const all = this.movie.stimuli.map((_, j) => [this.valueOf(view, target, j), j]).filter(([v]) => v !== null).sort((a, b) => a[0] - b[0]).slice(0, 5);
      return el("div", {}, el("b", {}, view.area.name), all.length ? all.map(([, j]) => this.picture(j)) : el("span", { class: "soft" }, absence(view.area, this.time)));
    });
    this.chosen.replaceChildren(el("p", { class: "names" }, `Marked: ${names}`), el("p", { class: "note" }, `Nearest to ${this.nameOf(target)} at ${this.when()}:`), el("div", { class: "near" }, near));
  }
}
Player.serial = 0;
