/* The dashboard: asks /api/..., shows what comes as text. Nothing of the data is ever read as HTML. */
const main = document.getElementById("main");
const REFRESH_MS = 10000;
let turn = 0;
let timer;

const make = (name, attributes = {}, ...inside) => {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...inside.map((each) => (each instanceof Node ? each : String(each))));
  return element;
};
const drawn = (name, attributes = {}, text = "") => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.textContent = text;
  return element;
};
const count = (value) => (value === null || value === undefined ? "" : Number(value).toLocaleString("en", { maximumFractionDigits: 1 }));
const percent = (value) => (value === null ? "" : `${(100 * value).toFixed(1)} %`);
const instant = (ms) => (ms ? new Date(ms).toISOString().slice(0, 16).replace("T", " ") : "");
const table = (caption, columns, rows) =>
  make("table", {}, make("caption", {}, caption),
    make("thead", {}, make("tr", {}, ...columns.map(([title, , number]) => make("th", { scope: "col", class: number ? "n" : "" }, title)))),
    make("tbody", {}, ...rows.map((row) => make("tr", {}, ...columns.map(([, value, number]) => make("td", { class: number ? "n" : "" }, value(row) ?? ""))))));
const ask = async (path) => {
  const answer = await fetch(path);
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.message);
  return said;
};

/* ---- screens ---- */

const funnel = async () => {
  const { stages, velocity } = await ask("/api/funnel");
  const most = Math.max(1, ...stages.map((each) => each.reached));
  const chart = drawn("svg", { viewBox: `0 0 700 ${stages.length * 34 + 4}`, class: "bar", role: "img", "aria-label": "Leads that reached each stage" });
  stages.forEach((each, n) => {
    chart.append(drawn("text", { x: 90, y: n * 34 + 22, "text-anchor": "end" }, each.stage));
    chart.append(drawn("rect", { x: 100, y: n * 34 + 6, width: (500 * each.reached) / most, height: 22 }));
    chart.append(drawn("text", { x: 106 + (500 * each.reached) / most, y: n * 34 + 22 }, count(each.reached)));
  });
  return [make("h2", {}, "Funnel"), chart,
    table("Reached counts who was in the stage or in one beyond it.", [["stage", (r) => r.stage], ["reached", (r) => count(r.reached), 1], ["in it now", (r) => count(r.in_stage_now), 1], ["from the stage before", (r) => percent(r.conversion_rate), 1]], stages),
    make("h2", {}, "How long it takes"),
    table("Days between first entries.", [["from", (r) => r.from_stage], ["to", (r) => r.to_stage], ["leads", (r) => count(r.leads), 1], ["median", (r) => count(r.median_days), 1], ["9 of 10 within", (r) => count(r.p90_days), 1]], velocity)];
};

const channels = async (asked) => {
  const { roads, earned, attribution, attributions, stated } = await ask(`/api/channels?attribution=${encodeURIComponent(asked.get("attribution") || "linear")}`);
  const choice = make("select", { id: "attribution" }, ...attributions.map((each) => make("option", each === attribution ? { value: each, selected: "" } : { value: each }, each)));
  choice.addEventListener("change", () => { location.hash = `channels?attribution=${choice.value}`; });
  return [make("h2", {}, "Who earned what"), make("form", {}, make("label", { for: "attribution" }, "Attribution"), choice),
    table(stated ? "As of the last run of leadstream attribute." : "Computed now; markov and shapley need a run of leadstream attribute.", [["stage", (r) => r.stage], ["channel", (r) => r.channel], ["conversions", (r) => count(r.conversions), 1], ["revenue", (r) => (r.revenue ? `${count(r.revenue)} ${r.currency}` : ""), 1]], earned),
    make("h2", {}, "Which road brought leads in"),
    table("By the first touch.", [["channel", (r) => r.channel], ["leads", (r) => count(r.leads), 1], ["mql", (r) => count(r.mql), 1], ["sql", (r) => count(r.sql), 1], ["customers", (r) => count(r.customers), 1]], roads)];
};

const leads = async (asked) => {
  const found = await ask(`/api/leads?stage=${encodeURIComponent(asked.get("stage") || "")}&search=${encodeURIComponent(asked.get("search") || "")}`);
  const search = make("input", { id: "search", type: "search", value: asked.get("search") || "" });
  const stage = make("input", { id: "stage", value: asked.get("stage") || "", size: 10 });
  const form = make("form", {}, make("label", { for: "search" }, "Search"), search, make("label", { for: "stage" }, "Stage"), stage, make("button", {}, "Show"));
  form.addEventListener("submit", (event) => { event.preventDefault(); location.hash = `leads?${new URLSearchParams({ search: search.value, stage: stage.value })}`; });
  return [make("h2", {}, "Leads, the hottest first"), form,
    table(`${found.leads.length} shown.`, [["lead", (r) => make("a", { href: `#lead?${new URLSearchParams({ id: r.lead_id })}` }, r.name || r.lead_id)], ["company", (r) => r.company], ["stage", (r) => r.stage], ["grade", (r) => r.grade], ["points", (r) => count(r.score), 1], ["why", (r) => r.why.join(", ")], ["last touch", (r) => instant(r.last_touch_at)]], found.leads)];
};

/* The score at an instant: every sum fades by its own half-life from its own instant on. */
const scoreAt = (sums, at) => sums.reduce((total, each) => total + (each.as_of > at ? 0 : each.points * (each.half_life_s ? 2 ** (-(at - each.as_of) / 1000 / each.half_life_s) : 1)), 0);
const curve = (sums) => {
  if (!sums.length) return make("p", { class: "faint" }, "No points yet.");
  const until = Date.now();
  const since = Math.min(...sums.map((each) => each.as_of));
  const instants = [...Array(400).keys()].map((n) => since + ((until - since) * n) / 399).concat(sums.map((each) => each.as_of)).sort((a, b) => a - b);
  const scores = instants.map((at) => scoreAt(sums, at));
  const most = Math.max(1, ...scores);
  const x = (at) => 40 + (650 * (at - since)) / Math.max(1, until - since);
  const y = (score) => 160 - (140 * score) / most;
  const chart = drawn("svg", { viewBox: "0 0 700 185", role: "img", "aria-label": `Score over time, now ${count(scores.at(-1))}, at most ${count(most)}` });
  chart.append(drawn("line", { x1: 40, x2: 690, y1: 160, y2: 160 }), drawn("path", { d: `M${instants.map((at, n) => `${x(at).toFixed(1)} ${y(scores[n]).toFixed(1)}`).join("L")}` }));
  chart.append(drawn("text", { x: 36, y: y(most) + 4, "text-anchor": "end" }, count(most)), drawn("text", { x: 40, y: 178 }, instant(since)), drawn("text", { x: 690, y: 178, "text-anchor": "end" }, "now"));
  return chart;
};
const told = (fact) => [fact.kind, fact.rules.length ? fact.rules.map((rule, n) => `${rule} ${count(fact.points[n])}`).join(", ") : "", fact.to_stage ? `${fact.from_stage} → ${fact.to_stage}` : "", fact.rule, fact.reason, fact.verdict, fact.other_lead].filter(Boolean).join(" · ");
const lead = async (asked) => {
  const { lead: found, sums, story } = await ask(`/api/lead?id=${encodeURIComponent(asked.get("id") || "")}`);
  if (!found) return [make("p", {}, "There is no such lead.")];
  const points = Object.entries(found.points).sort((a, b) => b[1] - a[1]);
  return [make("h2", {}, found.name || found.lead_id), make("p", {}, `${found.stage} since ${instant(found.stage_since)}, grade ${found.grade}, ${count(found.score)} points now, by ${found.model}`), make("p", { class: "faint" }, [found.lead_id, found.email, found.company].filter(Boolean).join(" · ")),
    curve(sums), table("Points per rule, now.", [["rule", (r) => r[0]], ["points", (r) => count(r[1]), 1]], points),
    make("h2", {}, "What happened"), table(`The last ${story.length}.`, [["when", (r) => instant(r.at)], ["what", (r) => r.fact.replaceAll("_", " ")], ["", (r) => told(r)], ["channel", (r) => r.channel]], story)];
};

const health = async () => {
  const { ledger: [ledger], drift: [drift], dead_letters: letters } = await ask("/api/health");
  const agrees = ledger && !ledger.unexplained && !ledger.counted_twice && !(drift && drift.leads_adrift);
  return [make("h2", {}, "Do stream and tables agree?"), make("p", { class: agrees ? "good" : "bad" }, agrees ? "Yes: every touchpoint has one outcome, and every score is that of its facts." : "No: see what is not 0 below."),
    table("One in is exactly one of these.", Object.keys(ledger || {}).map((name) => [name.replaceAll("_", " "), (r) => count(r[name]), 1]), ledger ? [ledger] : []),
    table("Scores folded anew from the facts, against the stream's.", [["leads", (r) => count(r.leads), 1], ["largest difference", (r) => Number(r.drift_max || 0).toExponential(1), 1], ["leads adrift", (r) => count(r.leads_adrift), 1]], drift ? [drift] : []),
    make("h2", {}, "Dead letters"), table("leadstream dead-letters ls shows them.", [["hop", (r) => r.hop], ["source", (r) => r.source], ["reason", (r) => r.reason], ["letters", (r) => count(r.letters), 1], ["newest", (r) => instant(r.newest)]], letters)];
};

const SCREENS = { funnel, channels, leads, lead, health };
const show = async (quietly) => {
  clearTimeout(timer);
  const mine = ++turn;
  const [name, query] = (location.hash.slice(1) || "funnel").split("?");
  const screen = SCREENS[name] || funnel;
  for (const link of document.querySelectorAll("nav a")) link.getAttribute("href") === `#${name}` ? link.setAttribute("aria-current", "page") : link.removeAttribute("aria-current");
  main.setAttribute("aria-busy", "true");
  let inside;
  try {
    inside = await screen(new URLSearchParams(query));
  } catch (error) {
    inside = [make("p", { class: "bad" }, error.message)];
  }
  if (mine !== turn) return;
  if (!quietly || !main.contains(document.activeElement) || document.activeElement === main) main.replaceChildren(...inside); // never under somebody's hands
  main.setAttribute("aria-busy", "false");
  timer = setTimeout(() => show(true), REFRESH_MS);
};
addEventListener("hashchange", () => { main.focus(); show(false); });
show(false);
