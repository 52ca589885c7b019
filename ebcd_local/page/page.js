// Asks for the state each second and shows it. Nodes stay in place and only what differs is changed: no flicker,
// and what a reader has opened, focused or selected stays so.
"use strict";

const EVERY = 1000, PATIENCE = 4000, FEW = 5;
const SVG = "http://www.w3.org/2000/svg";
const SETTLED = new Set(["Ready", "Terminated"]);

let last = null, known = new Map(), whole = false, eventFilter = "", copied = { text: "", until: 0 };
/** The log that is open: of which environment, what was read, which file and which words are wanted. */
let log = { environment: "", files: [], file: "", filter: "" };

/** An element. Text is always set as text, never as markup. */
function h(name, attributes, ...children) {
  const svg = ["svg", "path", "polyline", "title"].includes(name);
  const made = svg ? document.createElementNS(SVG, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) if (value !== null) made.setAttribute(key, value);
  made.append(...children.flat(9).filter((child) => child !== null && child !== ""));
  return made;
}

/** Make an element like another one by the fewest changes. */
function morph(old, wanted) {
  for (const { name } of [...old.attributes])
    if (!wanted.hasAttribute(name) && name !== "open") old.removeAttribute(name);
  for (const { name, value } of wanted.attributes)  // whether it is open is the reader's to say
    if (old.getAttribute(name) !== value && name !== "open") old.setAttribute(name, value);
  const keyed = new Map([...old.children].filter((node) => node.dataset?.key).map((node) => [node.dataset.key, node]));
  const children = [...wanted.childNodes];  // those that are new move out of `wanted`
  children.forEach((child, index) => {
    const mine = keyed.get(child.dataset?.key);
    if (mine && mine !== old.childNodes[index]) old.insertBefore(mine, old.childNodes[index] || null);
    const there = old.childNodes[index];
    if (!there) old.append(child);
    else if (!alike(there, child)) keyed.has(there.dataset?.key) ? old.insertBefore(child, there) : there.replaceWith(child);
    else if (child.nodeType !== Node.TEXT_NODE) morph(there, child);
    else if (there.data !== child.data) there.data = child.data;
  });
  while (old.childNodes.length > children.length) old.lastChild.remove();
}

function alike(one, other) {
  return one.nodeName === other.nodeName && one.dataset?.key === other.dataset?.key;
}

function ago(then, now) {
  const seconds = Math.max(0, (Date.parse(now) - Date.parse(then)) / 1000);
  for (const [size, unit] of [[86400, "d"], [3600, "h"], [60, "min"]])
    if (seconds >= size) return `${Math.floor(seconds / size)} ${unit} ago`;
  return seconds < 2 ? "now" : `${Math.floor(seconds)} s ago`;
}

function health(item) {
  return h("span", { class: `health ${item.health}` }, h("span", { class: "dot" }), item.health_status || item.health || "Unknown");
}

function bars(values, most) {
  return values.map((value, x) => (value ? `M${x} 100V${100 - (92 * value) / most}H${x + 0.8}V100Z` : "")).join("");
}

function chart(series) {
  const requests = series.map((second) => second[0]), failed = series.map((second) => second[1]);
  const slow = series.map((second) => second[2]);
  const most = Math.max(4, ...requests), slowest = Math.max(10, ...slow);
  const line = slow.map((value, x) => (requests[x] ? `${x + 0.4},${100 - (92 * value) / slowest}` : null));
  const sum = (values) => values.reduce((whole, value) => whole + value, 0);
  const recent = requests.slice(-10), busy = recent.filter(Boolean).length;
  const p99 = Math.max(0, ...slow.slice(-10));
  if (!sum(requests)) return h("p", { class: "idle quiet" }, "No request in the last minute.");
  return h("div", { class: "chart" },
    h("svg", { viewBox: `0 0 ${series.length} 100`, preserveAspectRatio: "none", role: "img",
      "aria-label": `${sum(requests)} requests in the last ${series.length} seconds, ${sum(failed)} failed` },
      h("path", { class: "requests", d: bars(requests, most) }),
      h("path", { class: "failed", d: bars(failed, most) }),
      runs(line).map((points) => h("polyline", { class: "p99", points }))),
    h("div", { class: "key" },
      h("span", {}, h("i", { class: "k-requests" }), h("b", {}, rate(sum(recent) / 10)), " requests/s"),
      h("span", { title: "in the last minute" }, h("i", { class: "k-failed" }), h("b", {}, String(sum(failed))), " 5xx"),
      h("span", {}, h("i", { class: "k-p99" }), "p99 ", h("b", {}, busy ? `${Math.round(p99)} ms` : "–"))));
}

/** Points that follow each other, as lines; a gap where there was no request. */
function runs(points) {
  return points.map((point) => point || "|").join(" ").split("|").map((run) => run.trim()).filter((run) => run.includes(" "));
}

function rate(value) {
  return value >= 10 || value === 0 ? String(Math.round(value)) : value.toFixed(1);
}

/** A name that breaks after its dots. */
function dotted(name) {
  return name.split(".").flatMap((part, index) => (index ? [".", h("wbr"), part] : [part]));
}

function causes(item) {
  return item.causes.length ? h("ul", { class: `causes ${item.health}` }, item.causes.map((cause) => h("li", {}, cause))) : null;
}

/** A command, and the button that copies it. */
function command(text) {
  const done = copied.text === text && Date.now() < copied.until;
  return h("span", { class: "command" }, h("code", {}, text),
    h("button", { type: "button", "data-copy": text }, done ? "Copied" : "Copy", h("span", { class: "out" }, ` ${text}`)));
}

function badge(item) {
  return item.role ? h("span", { class: `role ${item.role.replace(" ", "-")}` }, item.role) : null;
}

function environment(item) {
  const open = item.id === log.environment;
  return h("li", { class: `card ${item.role === "live" ? "is-live" : ""}`, "data-key": item.id },
    h("div", {},
      h("div", { class: "top" }, h("h3", { class: "name" }, item.name), health(item)),
      item.url ? h("a", { class: "link", href: item.url }, dotted(item.cname)) : h("span", { class: "quiet" }, item.tier),
      h("div", { class: "top quiet" },
        h("span", { class: "what" }, badge(item), item.release ? h("b", {}, item.release) : null,
          item.version_label ? h("code", {}, item.version_label) : "no version"),
        h("span", { class: SETTLED.has(item.status) ? "" : "busy" }, item.status))),
    causes(item),
    chart(item.series),
    h("ul", { class: "instances", "aria-label": `Instances of ${item.name}` }, item.instances.map((one) =>
      h("li", { "data-key": one.id }, h("span", {}, h("code", {}, one.id), h("span", { class: "quiet" }, ` port ${one.port}`)),
        health(one), one.causes.map((cause) => h("span", { class: "why" }, cause))))),
    h("button", { type: "button", class: "opens", "data-log": item.id, "aria-expanded": String(open) },
      open ? "Close the log" : "Show the log", h("span", { class: "out" }, ` of ${item.name}`)));
}

/** What is known of a stage beside its environments: the way back, and what waits. */
function stage(item) {
  const told = [item.waiting, item.rollback].filter(Boolean);
  return h("div", { class: "stage", "data-key": `stage ${item.name}` }, h("h3", {}, `Stage ${item.name}`),
    told.map((one) => h("p", {}, one.text, " ", one.command ? command(one.command) : null)));
}

/** The log that is open, below the cards of its application. */
function logPanel(item) {
  const found = item.environments.find((one) => one.id === log.environment);
  if (!found) return null;
  const names = log.files.map((file) => `${file.name} ${file.instance}`);
  const chosen = log.files[Math.max(0, names.indexOf(log.file))];
  const lines = chosen ? matching(chosen.lines, log.filter, (line) => line) : [];
  return h("section", { class: "log", "data-key": `log ${found.id}`, "aria-label": `Log of ${found.name}` },
    h("div", { class: "tools" }, h("h3", {}, `Log of ${found.name}`),
      h("select", { id: "log-file", "aria-label": "Which log" }, names.map((name) => h("option", { value: name }, name))),
      filterField("log-filter", "Filter the log"), command(found.logs)),
    h("pre", { class: "lines", id: "lines", tabindex: "0", "aria-label": "The last lines" },
      lines.join("\n") || (chosen ? "No line." : "No log yet.")));
}

function filterField(id, label) {
  return h("input", { type: "search", id, placeholder: "Filter", "aria-label": label, autocomplete: "off", spellcheck: "false" });
}

/** Those items whose text has all the words. */
function matching(items, words, text) {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  return items.filter((item) => wanted.every((word) => text(item).toLowerCase().includes(word)));
}

function versions(application, now) {
  if (!application.version_count) return null;
  const older = application.version_count - application.versions.length;
  return h("details", { class: "versions", open: application.version_count <= FEW ? "" : null },
    h("summary", {}, application.version_count === 1 ? "1 version" : `${application.version_count} versions`),
    h("ul", {}, application.versions.map((item) => h("li", { "data-key": item.label },
      h("span", { class: "label" }, h("code", {}, item.label),
        item.runs_on.length ? h("span", { class: "runs" }, `on ${item.runs_on.join(", ")}`) : null),
      h("time", { class: "quiet", datetime: item.created }, ago(item.created, now)),
      item.description ? h("span", { class: "about" }, item.description) : null))),
    older > 0 ? h("p", { class: "quiet" }, `and ${older} older`) : null);
}

function application(item, told) {
  const known = told.database ? told.database.databases : [], now = told.now;
  const own = known.find((one) => one.region === item.region && one.application === item.name);
  return h("section", { class: "application", "data-key": `${item.region}/${item.name}`, "aria-label": item.name },
    h("div", { class: "head" }, h("h2", {}, item.name), h("span", { class: "quiet" }, item.region),
      own ? h("span", { class: "quiet" }, "database ", h("code", {}, own.name)) : null),
    item.stages.map(stage),
    item.environments.length ? h("ul", { class: "cards" }, item.environments.map(environment))
      : h("p", { class: "quiet" }, "No environment. ", h("code", {}, "ebcd ship"), " makes one."),
    logPanel(item),
    versions(item, now));
}

/** The time of day; with the day where it is another one. */
function clock(then, now) {
  const at = new Date(then), time = at.toLocaleTimeString([], { hour12: false });
  return at.toDateString() === new Date(now).toDateString() ? time : `${at.toLocaleDateString()} ${time}`;
}

function events(items, now) {
  const shown = matching(items, eventFilter, (item) => `${item.severity} ${item.environment || item.application} ${item.message}`);
  return h("section", { class: "events", id: "events", "data-key": "events", tabindex: "-1", "aria-label": "Events" },
    h("div", { class: "tools" }, h("h2", {}, "Events"), filterField("event-filter", "Filter the events"),
      h("button", { type: "button", id: "whole", "aria-pressed": String(whole) }, "Whole lines"),
      h("span", { class: "quiet" }, eventFilter ? `${shown.length} of ${items.length}` : "")),
    h("ol", { tabindex: "0", "aria-label": "Events, the newest first" }, shown.map((item) => h("li", { class: item.severity, "data-key": item.time },
      h("time", { datetime: item.time, title: ago(item.time, now) }, clock(item.time, now)),
      h("b", {}, item.severity),
      h("span", { class: "of" }, item.environment || item.application),
      h("span", { class: "message", title: item.message }, item.message)))));
}

function nothing(told) {
  return h("div", { class: "empty" },
    h("p", {}, "Nothing runs here yet. In a repository with an ", h("code", {}, "ebcd.toml"), ":"), command("ebcd ship"),
    h("p", {}, "With the EB CLI, or any other tool for Elastic Beanstalk:"),
    command(`${told.variables} && eb create`));
}

/** Say to those who do not see the page what has changed: another live environment, another health. */
function announce(told) {
  const now = new Map(), said = [];
  for (const item of told.applications.flatMap((one) => one.environments)) {
    const before = known.get(item.id);
    now.set(item.id, item);
    if (!before) continue;
    if (item.role === "live" && before.role !== "live") said.push(`${item.name} is live`);
    if (item.health !== before.health) said.push(`${item.name}: health ${item.health}`);
  }
  known = now;
  if (said.length) document.getElementById("said").textContent = said.join(". ");
}

function show(told) {
  last = told;
  const empty = !told.applications.length && !told.events.length;
  const page = h("main", { id: "page", "aria-live": "off", class: whole ? "whole" : "" }, empty ? nothing(told)
    : [h("div", { "data-key": "applications" },
        told.applications.length ? told.applications.map((item) => application(item, told)) : nothing(told)),
      events(told.events, told.now)]);
  const lines = document.getElementById("lines"), name = lines?.closest("[data-key]").dataset.key;
  const follows = !lines || lines.scrollTop + lines.clientHeight >= lines.scrollHeight - 4;
  morph(document.getElementById("page"), page);
  const shown = document.getElementById("lines"), select = document.getElementById("log-file");
  if (select) select.value = log.file || select.options[0]?.value || "";  // an option that moved may be selected
  if (shown && (follows || shown.closest("[data-key]").dataset.key !== name)) shown.scrollTop = shown.scrollHeight;
  const facts = [["Endpoint", h("code", {}, told.endpoint_url)], ["Load balancer", h("code", {}, told.proxy_url)]];
  if (told.database) facts.push(["Database", h("span", {}, told.database.engine, " ", h("code", {}, told.database.address))]);
  if (told.unjailed) facts.push(["Not jailed", told.unjailed]);
  morph(document.getElementById("where"), h("dl", { id: "where" },
    facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))));
  const red = told.applications.flatMap((item) => item.environments).filter((item) => item.health === "Red");
  document.title = (red.length ? `${red.map((item) => item.name).join(", ")} Red · ` : "") + "Local Beanstalk";
}

let answered = null;

function tellGone(gone) {
  document.documentElement.classList.toggle("gone", gone);
  document.getElementById("gone").hidden = !gone;
  if (gone) document.getElementById("since").textContent = answered ? ago(answered, new Date().toISOString()) : "never";
}

async function read(path) {
  const answer = await fetch(path, { signal: AbortSignal.timeout(PATIENCE) });
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}`);
  return answer.json();
}

async function readLog() {
  const asked = log.environment;
  if (!asked) return;
  const found = (await read(`/_page/logs?environment=${encodeURIComponent(asked)}`)).logs;
  if (asked === log.environment) log.files = found;
}

async function ask() {
  try {
    const told = await read("/_page/state");
    if (!told.applications.some((item) => item.environments.some((one) => one.id === log.environment))) log.environment = "";
    await readLog();
    announce(told);
    show(told);
    answered = new Date().toISOString();
    tellGone(false);
  } catch (error) {
    console.error(error);
    tellGone(true);
  }
  setTimeout(ask, EVERY);
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    copied = { text, until: Date.now() + 2000 };
    document.getElementById("said").textContent = "Copied";
  } catch (error) {  // the browser's settings forbid it: select the command instead
    console.error(error);
    const code = [...document.querySelectorAll(".command code")].find((node) => node.textContent === text);
    if (code) getSelection().selectAllChildren(code);
  }
  show(last);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button || !last) return;
  if (button.dataset.copy) copy(button.dataset.copy);
  if (button.id === "whole") whole = !whole;
  if (button.dataset.log) {
    const closes = button.dataset.log === log.environment;
    log = { environment: closes ? "" : button.dataset.log, files: [], file: "", filter: "" };
    const field = document.getElementById("log-filter");
    if (field) field.value = "";
    readLog().catch(console.error).finally(() => show(last));
  }
  show(last);
});

document.addEventListener("input", (event) => {
  if (event.target.id === "event-filter") eventFilter = event.target.value;
  if (event.target.id === "log-filter") log.filter = event.target.value;
  if (event.target.id === "log-file") log.file = event.target.value;
  if (last) show(last);
});

ask();
