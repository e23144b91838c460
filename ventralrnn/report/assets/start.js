// Puts the page together.
const unique = (values) => [...new Set(values)];

function makeHeader() {
  const { movies, sections, sources, title } = data;
  const groups = unique(sections.map((s) => s.group));
  const shown = [movies.length ? "representational geometry (RDMs)" : null, ...groups.map((g) => g.toLowerCase())].filter(Boolean);
  const times = movies.length ? movies[0].times : null;
  const span = times && times.ms ? times.ms.flat().filter((v) => v !== null) : [];
  const when = span.length ? `${number(Math.min(...span))} to ${number(Math.max(...span))} ms after stimulus onset, in ${times.count} steps` : times && times.steps ? `${times.count} time steps; the model has no clock` : null;
  document.getElementById("top").append(
    el("h1", {}, `${title} `, el("small", {}, "ventralrnn report"), " ", sources.every((s) => s.simulated) ? badge(true) : null),
    el("dl", { class: "intro" },
      el("div", {}, el("dt", {}, "What is shown"), el("dd", {}, `${capital(shown.join(", "))}; from ${sources.length} ${sources.length > 1 ? "files" : "file"}.${sources.some((s) => s.simulated) ? " Simulated data are marked SIMULATED." : ""}`)),
      when ? el("div", {}, el("dt", {}, "When"), el("dd", {}, `${when}.`)) : null,
      movies.length ? el("div", { class: "howto" }, el("dt", {}, "How"), el("dd", {}, "Move the time slider, or press Play. Point at a picture, an RDM cell or a dot: it is marked in all of them. Click to keep it. Keys: Tab, arrows, Enter, Esc.")) : null),
    el("nav", { "aria-label": "Sections" }, el("ul", {}, links().map(([id, text]) => el("li", {}, el("a", { href: `#${id}` }, text))))));
}

function links() {
  const found = data.movies.length ? [["geometry", "Geometry over time"]] : [];
  for (const group of unique(data.sections.map((s) => s.group))) found.push([idOf(group), group]);
  return [...found, ["provenance", "Provenance"]];
}
const idOf = (group) => group.toLowerCase().replace(/[^a-z]+/g, "-").replace(/-+$/, "");

function makeMovies() {
  if (!data.movies.length) return null;
  const holder = el("div", { role: data.movies.length > 1 ? "tabpanel" : null, id: "movie" }), players = [];
  const name = el("span", {}), what = el("p", { class: "soft what" }), tabs = data.movies.map((movie, m) => el("button", { type: "button", role: "tab", "aria-controls": "movie", "aria-selected": "false", tabindex: -1, onclick: () => show(m) }, movie.tab, " ", badge(movie.simulated && !/simulated/i.test(movie.title))));
  const show = (m) => {
    players.forEach((player) => player.stop());
    tabs.forEach((tab, t) => fill(tab, { "aria-selected": t === m ? "true" : "false", tabindex: t === m ? 0 : -1 }, []));
    name.replaceChildren(data.movies[m].title, " ", badge(data.movies[m].simulated) || "");
    what.textContent = `Which pictures does each area find alike, and when? Above, its RDM: how different two pictures are (${data.movies[m].measure}). Below, a map of the same.`;
    players[m] = players[m] || new Player(data.movies[m]);
    holder.replaceChildren(players[m].node);
    players[m].setTime(players[m].time);
  };
  const list = data.movies.length > 1 ? el("div", { role: "tablist", "aria-label": "Whose geometry", onkeydown: (event) => {
    const at = tabs.indexOf(document.activeElement), to = { ArrowRight: at + 1, ArrowLeft: at - 1 }[event.key];
    if (to === undefined || at < 0) return;
    const next = (to + tabs.length) % tabs.length;
    show(next);
    tabs[next].focus();
    event.preventDefault();
  } }, tabs) : null;
  const section = el("section", { id: "geometry" }, el("h2", {}, "Geometry over time: ", name),
    what, list, holder);
  return { section, start: () => show(0) };
}

function makeSections() {
  const seen = new Set();
  return data.sections.map((one) => {
    const id = seen.has(one.group) ? null : idOf(one.group);
    seen.add(one.group);
    return el("section", { id }, el("h2", {}, one.heading, " ", badge(one.simulated)), one.lead.map((line) => el("p", {}, line)), one.charts.map((chart) => makeChart(chart, one.model)),
      el("p", { class: "note" }, `From ${one.source}.`));
  });
}

function makeProvenance() {
  const kinds = { recording: "recording", rdms: "RDMs", rsa: "comparison with brains", dynamics: "dynamics", decoding: "decoding", encoding: "encoding", benchmark: "score", score: "score", benchmarks: "scores", other: "other result" };
  return el("section", { id: "provenance" }, el("h2", {}, "Provenance"), el("p", { class: "soft" }, "How everything on this page was made."),
    data.notes.map((note) => el("p", { class: "note" }, note)),
    el("div", { class: "files" }, data.sources.map((source) => el("div", { class: "file" },
      el("h3", {}, source.name, " ", badge(source.simulated)),
      el("p", { class: "note" }, `${kinds[source.kind] || source.kind}, ${source.path}`),
      source.facts.length ? el("dl", {}, source.facts.map(([key, value]) => [el("dt", {}, key), el("dd", {}, value)])) : null,
      el("details", {}, el("summary", {}, "All attributes"), el("pre", { tabindex: 0 }, source.all))))));
}

makeHeader();
const movies = makeMovies(), main = document.getElementById("main");
if (movies) main.append(movies.section);
if (movies) movies.start();
main.append(...makeSections(), makeProvenance());
document.getElementById("foot").append(el("p", {}, `Made by ventralrnn ${data.version}, ${data.made}. This file holds all that it shows; it fetches nothing.`));
