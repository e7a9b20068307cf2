"use strict";
(async () => {
  const $ = (id) => document.getElementById(id);
  const WORST = ["broken", "no evidence", "unaddressable", "held"];
  const KINDS = ["caller", "other role", "user", "operations", "outsider"];
  const ITEM = 62;
  const slug = (verdict) => verdict.replaceAll(" ", "-");

  // A small maker of elements: text is always text, never markup.
  const make = (name, attributes = {}, ...children) => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (key === "on") Object.entries(value).forEach(([type, listener]) => element.addEventListener(type, listener));
      else if (value !== undefined && value !== false) element.setAttribute(key, value);
    }
    element.append(...children.filter((child) => child !== undefined && child !== ""));
    return element;
  };

  // --- theme ---
  const root = document.documentElement;
  const kept = (() => { try { return localStorage.getItem("bulkhead-theme"); } catch { return null; } })();
  if (kept === "light" || kept === "dark") root.dataset.theme = kept;
  $("theme").addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    try { localStorage.setItem("bulkhead-theme", root.dataset.theme); } catch { /* a file may have no storage */ }
  });

  // --- data ---
  const bytes = Uint8Array.from(atob($("data").textContent.trim()), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const data = JSON.parse(await new Response(stream).text());
  const field = Object.fromEntries(data.fields.map((name, index) => [name, index]));
  const text = (index, name) => data.texts[data.results[index][field[name]]];
  const note = (index, name) => {
    const number = data.results[index][field[name]];
    return number < 0 ? null : JSON.parse(data.texts[number]);
  };
  const haystacks = new Map();
  const haystack = (index) => {
    if (!haystacks.has(index)) {
      const parts = ["claim", "principal", "action", "resource", "resource_arn", "rows", "probe", "message"];
      haystacks.set(index, parts.map((name) => text(index, name)).join(" ").toLowerCase());
    }
    return haystacks.get(index);
  };

  // --- probes ---
  const filters = { search: $("search"), verdict: $("verdict"), kind: $("kind"), probe: $("probe"), row: $("row"), order: $("order") };
  const choices = { verdict: new Map(), kind: new Map(), probe: new Map(), row: new Map() };
  data.results.forEach((_, index) => {
    const count = (map, value) => map.set(value, (map.get(value) ?? 0) + 1);
    count(choices.verdict, text(index, "verdict"));
    count(choices.kind, text(index, "principal_kind"));
    count(choices.probe, text(index, "probe"));
    text(index, "rows").split(" ").filter(Boolean).forEach((row) => count(choices.row, row));
  });
  for (const [name, counted] of Object.entries(choices)) {
    const sorted = [...counted].sort(name === "verdict" ? (a, b) => WORST.indexOf(a[0]) - WORST.indexOf(b[0]) : undefined);
    sorted.forEach(([value, count]) => filters[name].append(make("option", { value }, `${value} (${count})`)));
  }
  let shown = [];
  let chosen = -1;
  const list = $("list");
  const spacer = $("spacer");
  const orders = {
    worst: (a, b) => WORST.indexOf(text(a, "verdict")) - WORST.indexOf(text(b, "verdict")) || a - b,
    claim: (a, b) => text(a, "claim").localeCompare(text(b, "claim")) || a - b,
    principal: (a, b) => text(a, "principal").localeCompare(text(b, "principal")) || a - b,
    run: (a, b) => a - b,
  };
  let table = "";
  const refresh = () => {
    const words = filters.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    shown = data.results.map((_, index) => index).filter((index) =>
      (!filters.verdict.value || text(index, "verdict") === filters.verdict.value)
      && (!filters.kind.value || text(index, "principal_kind") === filters.kind.value)
      && (!filters.probe.value || text(index, "probe") === filters.probe.value)
      && (!filters.row.value || text(index, "rows").split(" ").includes(filters.row.value))
      && (!table || text(index, "rows").split(" ").some((row) => row.startsWith(table)))
      && words.every((word) => haystack(index).includes(word)));
    shown.sort(orders[filters.order.value]);
    spacer.style.height = `${shown.length * ITEM}px`;
    const which = table ? ` of table ${table}` : "";
    $("count").textContent = `${shown.length.toLocaleString("en")} of ${data.results.length.toLocaleString("en")}${which}`;
    list.scrollTop = 0;
    paint();
  };
  // Only what can be seen is in the document: a run may have tens of thousands of probes.
  const paint = () => {
    const first = Math.max(0, Math.floor(list.scrollTop / ITEM) - 4);
    const last = Math.min(shown.length, first + Math.ceil(list.clientHeight / ITEM) + 9);
    const items = [];
    for (let place = first; place < last; place += 1) {
      const index = shown[place];
      const item = make("div", {
        class: `item ${slug(text(index, "verdict"))}`, role: "option", id: `item-${index}`,
        "aria-selected": String(index === chosen), "aria-posinset": place + 1, "aria-setsize": shown.length,
        on: { click: () => choose(index) },
      }, make("b", {}, text(index, "claim")),
      make("span", {}, `${text(index, "principal")} · ${text(index, "action")} · ${text(index, "resource")}`));
      item.style.top = `${place * ITEM}px`;
      items.push(item);
    }
    spacer.replaceChildren(...items);
    if (shown.includes(chosen)) list.setAttribute("aria-activedescendant", `item-${chosen}`);
    else list.removeAttribute("aria-activedescendant");
  };
  const choose = (index, { scroll = false, link = true } = {}) => {
    chosen = index;
    if (scroll) {
      const place = shown.indexOf(index) * ITEM;
      if (place < list.scrollTop) list.scrollTop = place;
      else if (place + ITEM > list.scrollTop + list.clientHeight) list.scrollTop = place + ITEM - list.clientHeight;
    }
    paint();
    describe(index);
    if (link) history.replaceState(null, "", `#probe-${data.ids[index]}`);
  };
  const pair = (name, ...value) => [make("dt", {}, name), make("dd", {}, ...value)];
  const json = (value) => make("pre", {}, JSON.stringify(value, null, 2));
  const statement = (each) => make("div", { class: "statement" },
    make("p", {}, `${each.kind} policy `, make("code", {}, each.policy), each.sid ? `, statement ${each.sid}` : `, statement number ${each.index + 1}`),
    make("p", {}, each.place ? make("code", {}, each.place) : make("span", { class: "count" }, "not from this project's Terraform")),
    json(each.statement));
  const describe = (index) => {
    const get = (name) => text(index, name);
    const request = note(index, "request");
    const answer = note(index, "answer");
    const decision = note(index, "decision");
    const tags = get("rows").split(" ").filter(Boolean).map((row) =>
      make("button", { class: "tag", type: "button", title: "Show every probe of this row", on: { click: () => { filters.row.value = row; refresh(); } } }, row));
    const parts = [
      make("div", {}, make("span", { class: `badge ${slug(get("verdict"))}` }, get("verdict")), ...tags),
      make("h3", {}, get("claim")),
      make("dl", {},
        ...pair("who", get("principal"), make("br"), make("code", {}, get("principal_arn"))),
        ...pair("asked for", make("code", {}, get("action")), " on ", get("resource"), get("resource_arn") && make("br"), get("resource_arn") && make("code", {}, get("resource_arn"))),
        ...pair("required", get("expected")),
        ...pair("seen", get("observed")),
        ...(get("evidence") ? pair("proof is", get("evidence")) : []),
        ...pair("because", get("message")),
        ...(get("twin") ? pair("twin", `the same session's call that must succeed: ${get("twin")}`) : []),
        ...pair("test", make("code", {}, get("test")))),
    ];
    if (decision) {
      const says = { Allowed: "Allowed", ImplicitlyDenied: "Denied: nothing allows it", ExplicitlyDenied: "Denied explicitly" }[decision.outcome];
      parts.push(make("h4", {}, "What decided"), make("p", { class: "sub" },
        `${says}${decision.missing.length ? ` in the ${decision.missing.join(" and the ")} policy` : ""} (${decision.action}).${decision.note ? ` ${decision.note}` : ""}`));
      parts.push(...decision.statements.map(statement));
      if (decision.near.length) {
        parts.push(make("h4", {}, "What allows the action, but not this request"), ...decision.near.map(statement));
      }
    }
    if (request) parts.push(make("h4", {}, `Request: ${request.service} ${request.operation} in ${request.region || "no Region"}`), json(request.parameters));
    if (answer) parts.push(make("h4", {}, "Answer"), make("p", { class: "sub" }, `HTTP ${answer.status || "none"} ${answer.code} `, make("code", {}, get("request_id"))));
    $("detail").replaceChildren(...parts);
    $("detail").scrollTop = 0;
  };
  let waiting = 0;
  list.addEventListener("scroll", () => { cancelAnimationFrame(waiting); waiting = requestAnimationFrame(paint); });
  list.addEventListener("keydown", (event) => {
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8, Home: -Infinity, End: Infinity };
    if (!(event.key in steps) || !shown.length) return;
    event.preventDefault();
    const place = shown.indexOf(chosen);
    const next = place < 0 ? 0 : Math.min(shown.length - 1, Math.max(0, place + steps[event.key]));
    choose(shown[next], { scroll: true });
  });
  for (const control of Object.values(filters)) control.addEventListener("input", refresh);
  const clear = () => {
    for (const [name, control] of Object.entries(filters)) control.value = name === "order" ? "worst" : "";
    table = "";
  };
  $("clear").addEventListener("click", () => { clear(); refresh(); });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !/^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName)) {
      event.preventDefault();
      filters.search.focus();
    }
  });
  document.querySelectorAll("[data-verdict]").forEach((tile) => tile.addEventListener("click", () => {
    clear();
    filters.verdict.value = tile.dataset.verdict;
    refresh();
    $("probes").scrollIntoView();
  }));
  document.querySelectorAll("[data-table]").forEach((tile) => tile.addEventListener("click", () => {
    clear();
    table = tile.dataset.table;
    refresh();
    $("probes").scrollIntoView();
  }));
  addEventListener("resize", paint);

  // --- matrix ---
  const FULL = 16;
  const LIMIT = 400;
  const good = (cell) => cell[2] === "held" || cell[2] === "unaddressable";
  const cellOf = (cell) => {
    if (!cell) return make("span", { class: "cell none" }, "·");
    const [expected, observed, verdict] = cell;
    const says = verdict === "broken" ? `${observed.toUpperCase()}, must be ${expected}` : verdict === "no evidence" ? `${observed}: no evidence` : observed;
    return make("span", { class: `cell ${good(cell) ? observed : slug(verdict)}` }, says);
  };
  const drawMatrix = () => {
    const words = $("matrix-filter").value.toLowerCase().split(/\s+/).filter(Boolean);
    const wrongOnly = $("matrix-wrong").checked;
    const named = data.matrix.columns.map((name, index) => [name, index]);
    const hit = (value) => words.every((word) => value.toLowerCase().includes(word));
    const picked = words.length ? named.filter(([name]) => hit(name)) : [];
    const rows = data.matrix.rows.filter((row) =>
      (hit(row.principal) || picked.length) && (!wrongOnly || Object.values(row.cells).some((cell) => !good(cell))));
    const few = picked.length && picked.length <= FULL ? picked : named.length <= FULL ? named : null;
    const head = few
      ? make("tr", {}, make("th", {}, "principal"), ...few.map(([name]) => make("th", {}, name)))
      : make("tr", {}, make("th", {}, "principal"), ...["allowed", "denied", "not as required", "not probed"].map((name) => make("th", {}, name)));
    const body = make("tbody");
    let kind = "";
    for (const row of rows.slice(0, LIMIT)) {
      if (row.kind !== kind) {
        kind = row.kind;
        body.append(make("tr", { class: "group" }, make("th", { colspan: (few ? few.length : 4) + 1 }, kind)));
      }
      const line = make("tr", {}, make("th", { scope: "row" }, row.principal));
      if (few) few.forEach(([, index]) => line.append(make("td", {}, cellOf(row.cells[index]))));
      else {
        const cells = Object.entries(row.cells);
        const names = (observed) => cells.filter(([, cell]) => good(cell) && cell[1] === observed).map(([index]) => data.matrix.columns[index]);
        const allowed = names("allowed");
        const wrong = make("td", { class: "wide" });
        cells.filter(([, cell]) => !good(cell)).forEach(([index, cell]) => wrong.append(`${data.matrix.columns[index]} `, cellOf(cell), " "));
        line.append(
          make("td", { class: "wide" }, allowed.length > 3 ? `${allowed.length}` : allowed.length ? make("span", { class: "cell allowed" }, allowed.join(", ")) : "0"),
          make("td", {}, String(names("denied").length)), wrong, make("td", {}, String(data.matrix.columns.length - cells.length)));
      }
      body.append(line);
    }
    $("matrix-table").replaceChildren(rows.length ? make("table", {}, make("thead", {}, head), body) : make("p", { class: "sub" }, "Nothing fits."));
    const cut = rows.length > LIMIT ? `, the first ${LIMIT} shown: filter for the others` : "";
    $("matrix-count").textContent = `${rows.length} of ${data.matrix.rows.length} principals${cut}`;
  };
  data.matrix.rows.sort((a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) || a.principal.localeCompare(b.principal));
  $("matrix-filter").addEventListener("input", drawMatrix);
  $("matrix-wrong").addEventListener("input", drawMatrix);

  drawMatrix();
  refresh();
  const follow = () => {
    const index = data.ids.indexOf(location.hash.replace(/^#probe-/, ""));
    if (index >= 0) {
      choose(index, { scroll: true, link: false });
      $("probes").scrollIntoView();
    }
  };
  addEventListener("hashchange", follow);
  if (location.hash) follow();
  else if (shown.length) choose(shown[0], { link: false });
  root.dataset.ready = "yes";
})();
