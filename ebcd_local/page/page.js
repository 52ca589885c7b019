// Asks for the state each second and shows it. Nodes stay in place and only what differs is changed: no flicker,
// and what a reader has opened, focused or selected stays so.
"use strict";

const EVERY = 1000, PATIENCE = 4000, FEW = 5;
const SVG = "http://www.w3.org/2000/svg";
const SETTLED = new Set(["Ready", "Terminated"]);

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
      "aria-label": `Requests of the last ${series.length} seconds` },
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

function environment(item) {
  return h("li", { class: "card", "data-key": item.id },
    h("div", {},
      h("div", { class: "top" }, h("span", { class: "name" }, item.name), health(item)),
      item.url ? h("a", { class: "link", href: item.url }, dotted(item.cname)) : h("span", { class: "quiet" }, item.tier),
      h("div", { class: "top quiet" },
        h("span", {}, item.version_label ? h("code", {}, item.version_label) : "no version"),
        h("span", { class: SETTLED.has(item.status) ? "" : "busy" }, item.status))),
    causes(item),
    chart(item.series),
    h("ul", { class: "instances", "aria-label": "Instances" }, item.instances.map((one) =>
      h("li", { "data-key": one.id }, h("span", {}, h("code", {}, one.id), h("span", { class: "quiet" }, ` port ${one.port}`)),
        health(one), one.causes.map((cause) => h("span", { class: "why" }, cause))))));
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

function application(item, now) {
  return h("section", { class: "application", "data-key": `${item.region}/${item.name}` },
    h("div", { class: "head" }, h("h2", {}, item.name), h("span", { class: "quiet" }, item.region)),
    item.environments.length ? h("ul", { class: "cards" }, item.environments.map(environment))
      : h("p", { class: "quiet" }, "No environment. ", h("code", {}, "ebcd ship"), " makes one."),
    versions(item, now));
}

function events(items, now) {
  return h("aside", { class: "events", "aria-label": "Events", tabindex: "0" }, h("h2", {}, "Events"),
    h("ol", {}, items.map((item) => h("li", { class: item.severity, "data-key": item.time },
      h("div", { class: "meta" },
        h("span", {}, ["INFO", "DEBUG", "TRACE"].includes(item.severity) ? null : h("b", {}, `${item.severity} `),
          item.environment || item.application),
        h("time", { datetime: item.time }, ago(item.time, now))),
      item.message))));
}

function nothing(told) {
  return h("div", { class: "empty" },
    h("p", {}, "Nothing runs here yet. In a repository with an ", h("code", {}, "ebcd.toml"), ":", h("pre", {}, "ebcd ship")),
    h("p", {}, "With the EB CLI, or any other tool for Elastic Beanstalk:",
      h("pre", {}, `AWS_ENDPOINT_URL=${told.endpoint_url} eb create`)));
}

function show(told) {
  const empty = !told.applications.length && !told.events.length;
  const page = h("main", { id: "page", "aria-live": "off" }, empty ? nothing(told)
    : h("div", { class: "columns" },
      h("div", {}, told.applications.length ? told.applications.map((item) => application(item, told.now)) : nothing(told)),
      events(told.events, told.now)));
  morph(document.getElementById("page"), page);
  const facts = [["Endpoint", h("code", {}, told.endpoint_url)], ["Load balancer", h("code", {}, told.proxy_url)]];
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

async function ask() {
  try {
    const answer = await fetch("/_page/state", { signal: AbortSignal.timeout(PATIENCE) });
    if (!answer.ok) throw new Error(`answered ${answer.status}`);
    show(await answer.json());
    answered = new Date().toISOString();
    tellGone(false);
  } catch (error) {
    console.error(error);
    tellGone(true);
  }
  setTimeout(ask, EVERY);
}

ask();
