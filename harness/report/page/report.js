"use strict";
(async () => {
  const $ = (id) => document.getElementById(id);
  const WORST = ["broken", "blocked", "no evidence", "unaddressable", "held"];
  const KINDS = ["caller", "other role", "user", "operations", "outsider"];
  const ITEM = 62;
  const number = (count) => count.toLocaleString("en");
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
  const raw = (index, name) => data.results[index][field[name]];
  const text = (index, name) => data.texts[raw(index, name)];
  const note = (index, name) => {
    const place = raw(index, name);
    return place < 0 ? null : JSON.parse(data.texts[place]);
  };
  const rowsOf = (index) => text(index, "rows").split(" ").filter(Boolean);
  const sentence = (row) => data.sentences[row] ?? "";
  // What is searched of requests, answers and decisions; those repeat, so each is read once.
  const readers = {
    request: (each) => `${each.service} ${each.operation} ${each.region}`,
    answer: (each) => `${each.status} ${each.code}`,
    decision: (each) => [...each.statements, ...each.near].map((one) => `${one.policy} ${one.sid} ${one.place}`).join(" "),
    reads: (each) => [...each.calls.map((one) => `${one.service} ${one.operation}`), ...each.places, each.note].join(" "),
  };
  const read = new Map();
  const words = (index, name) => {
    const place = raw(index, name);
    if (place < 0) return "";
    if (!read.has(place)) read.set(place, readers[name](JSON.parse(data.texts[place])));
    return read.get(place);
  };
  const SEARCHED = ["claim", "principal", "principal_arn", "action", "resource", "resource_arn", "rows", "probe", "message", "test", "request_id", "standing"];
  const haystacks = [];
  const haystack = (index) => {
    haystacks[index] ??= [...SEARCHED.map((name) => text(index, name)), ...Object.keys(readers).map((name) => words(index, name))].join(" ").toLowerCase();
    return haystacks[index];
  };

  // --- keys: one stop of the Tab key for many things, among which the arrow keys move ---
  const roam = (container, selector) => {
    const all = () => [...container.querySelectorAll(selector)];
    const focus = (element) => {
      container.querySelectorAll(`${selector}[tabindex="0"]`).forEach((each) => each.setAttribute("tabindex", "-1"));
      element.setAttribute("tabindex", "0");
      element.focus();
    };
    container.addEventListener("keydown", (event) => {
      const here = event.target.closest(selector);
      if (!here) return;
      if ((event.key === "Enter" || event.key === " ") && here.tagName !== "BUTTON") {
        event.preventDefault();
        here.dispatchEvent(new MouseEvent("click", { bubbles: true }));
        return;
      }
      const elements = all();
      const place = elements.indexOf(here);
      let next = { ArrowRight: place + 1, ArrowLeft: place - 1, ArrowDown: place + 1, ArrowUp: place - 1, Home: 0, End: elements.length - 1 }[event.key];
      if (next === undefined) return;
      const line = here.closest("tr");
      if (line && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
        const column = [...line.children].indexOf(here.closest("td"));
        let other = line;
        do other = event.key === "ArrowDown" ? other.nextElementSibling : other.previousElementSibling;
        while (other && !other.children[column]?.querySelector(selector));
        next = elements.indexOf(other?.children[column].querySelector(selector));
      }
      event.preventDefault();
      if (elements[next]) focus(elements[next]);
    });
    return () => all()[0]?.setAttribute("tabindex", "0");
  };
  // Shows by a fade that a box goes on.
  const fade = (box) => {
    const look = () => {
      box.parentElement.classList.toggle("down", box.scrollHeight - box.clientHeight - box.scrollTop > 4);
      box.parentElement.classList.toggle("across", box.scrollWidth - box.clientWidth - box.scrollLeft > 4);
    };
    box.addEventListener("scroll", look, { passive: true });
    addEventListener("resize", look);
    return look;
  };

  // --- probes ---
  const filters = { search: $("search"), standing: $("standing"), kind: $("kind"), probe: $("probe"), row: $("row"), order: $("order") };
  const choices = { standing: new Map(), kind: new Map(), probe: new Map(), row: new Map() };
  data.results.forEach((_, index) => {
    const count = (map, value) => map.set(value, (map.get(value) ?? 0) + 1);
    count(choices.standing, text(index, "standing"));
    count(choices.kind, text(index, "principal_kind"));
    count(choices.probe, text(index, "probe"));
    rowsOf(index).forEach((row) => count(choices.row, row));
  });
  for (const [name, counted] of Object.entries(choices)) {
    const sorted = [...counted].sort(name === "standing" ? (a, b) => WORST.indexOf(a[0]) - WORST.indexOf(b[0]) : undefined);
    sorted.forEach(([value, count]) => {
      const says = name === "row" && sentence(value) ? `${value} ${sentence(value)}` : value;
      filters[name].append(make("option", { value, title: says }, `${says} (${number(count)})`));
    });
  }
  let shown = [];
  let chosen = -1;
  // What a click elsewhere on the page asked for: a table of the catalogue, an account, some probes.
  let scope = null;
  const list = $("list");
  const spacer = $("spacer");
  const ranks = data.results.map((_, index) => WORST.indexOf(text(index, "standing")));
  const orders = {
    worst: (a, b) => ranks[a] - ranks[b] || a - b,
    claim: (a, b) => text(a, "claim").localeCompare(text(b, "claim")) || a - b,
    principal: (a, b) => text(a, "principal").localeCompare(text(b, "principal")) || a - b,
    run: (a, b) => a - b,
  };
  const refresh = ({ open = true } = {}) => {
    const wanted = filters.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    shown = data.results.map((_, index) => index).filter((index) =>
      (!filters.standing.value || text(index, "standing") === filters.standing.value)
      && (!filters.kind.value || text(index, "principal_kind") === filters.kind.value)
      && (!filters.probe.value || text(index, "probe") === filters.probe.value)
      && (!filters.row.value || rowsOf(index).includes(filters.row.value))
      && (!scope || scope.fits(index))
      && wanted.every((word) => haystack(index).includes(word)));
    shown.sort(orders[filters.order.value]);
    spacer.style.height = `${shown.length * ITEM}px`;
    $("count").textContent = `${number(shown.length)} of ${number(data.results.length)} probes`;
    $("scope").hidden = !scope;
    $("scope").replaceChildren(...(scope ? [make("button", { type: "button", title: "Show all probes again", on: { click: () => { scope = null; refresh(); } } }, `only ${scope.says}  ✕`)] : []));
    list.scrollTop = 0;
    if (!open) return paint();
    if (!shown.length) {
      chosen = -1;
      history.replaceState(null, "", location.pathname + location.search);
      $("detail").replaceChildren(make("p", { class: "sub" }, "Nothing fits."));
      paint();
    } else choose(shown.includes(chosen) ? chosen : shown[0], { scroll: true });
  };
  // Only what can be seen is in the document: a run may have tens of thousands of probes.
  const paint = () => {
    const first = Math.max(0, Math.floor(list.scrollTop / ITEM) - 4);
    const last = Math.min(shown.length, first + Math.ceil(list.clientHeight / ITEM) + 9);
    const items = [];
    for (let place = first; place < last; place += 1) {
      const index = shown[place];
      const about = `${text(index, "principal")} · ${text(index, "action")} · ${text(index, "resource")}`;
      const item = make("div", {
        class: `item ${slug(text(index, "standing"))}`, role: "option", id: `item-${index}`,
        title: `${text(index, "claim")}\n${about}`,
        "aria-selected": String(index === chosen), "aria-posinset": place + 1, "aria-setsize": shown.length,
        on: { click: () => { choose(index); if (innerWidth <= 820) $("detail").scrollIntoView(); } },
      }, make("b", {}, text(index, "claim")), make("span", {}, about));
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
  const clear = () => {
    for (const [name, control] of Object.entries(filters)) control.value = name === "order" ? "worst" : "";
    scope = null;
  };
  const jump = (wanted, { standing = "", first = -1 } = {}) => {
    clear();
    scope = wanted;
    filters.standing.value = standing;
    chosen = first;
    refresh();
    $("probes").scrollIntoView();
  };
  const some = (indices, says) => {
    const wanted = new Set(indices);
    return { says, fits: (index) => wanted.has(index) };
  };
  const ofAccount = (account, says) => ({
    says,
    fits: (index) => ["principal_arn", "resource_arn", "principal", "resource"].some((name) => text(index, name).includes(account)),
  });

  // --- one probe ---
  const pair = (name, ...value) => [make("dt", {}, name), make("dd", {}, ...value)];
  const json = (value) => make("pre", {}, JSON.stringify(value, null, 2));
  const KINDS_OF_POLICY = {
    identity: "identity policy", resource: "resource policy", trust: "trust policy", key: "key policy", boundary: "permissions boundary",
    session: "session policy", scp: "service control policy", rcp: "resource control policy",
  };
  const nameOf = (each, decision) => {
    const kind = KINDS_OF_POLICY[each.kind];
    const on = { trust: "of role", key: "of", resource: "of" }[each.kind];
    // Policies of a resource have no name of their own: the resource names them.
    const name = on ? decision.resource.split(":").slice(5).join(":").replace(/^role\//, "") || decision.resource : each.policy;
    const shortened = name.replace(/^arn:[\w-]+:iam::\w*:policy\//, "");
    const said = each.policy === kind || !on ? kind : each.policy;
    const at = each.attached.length ? `, attached to ${each.attached.join(" and ")}` : "";
    return make("p", { class: "policy" }, `${said} ${on ? `${on} ` : ""}`, make("code", { title: name }, shortened), at,
      each.sid ? ", statement " : "", each.sid ? make("b", {}, each.sid) : each.index ? `, statement number ${each.index + 1}` : "");
  };
  const everything = (each) => /^R?(CP)?FullAWSAccess$/.test(each.policy);
  // What decided first; what merely lets everything pass last.
  const weight = (each) => {
    if (everything(each)) return 9;
    if (each.statement.Effect === "Deny") return 0;
    return { trust: 1, key: 1, resource: 1, identity: 2, session: 3, boundary: 4, rcp: 5, scp: 6 }[each.kind];
  };
  const statement = (each, place, decision) => {
    const parts = [nameOf(each, decision)];
    if (everything(each)) return make("div", { class: "statement" }, ...parts, make("p", { class: "count" }, "lets everything pass that others allow"));
    parts.push(make("p", {}, each.place ? make("code", {}, each.place) : make("span", { class: "count" }, "not from this project's Terraform")));
    parts.push(place === 0 ? json(each.statement) : make("details", {}, make("summary", { class: "count" }, "its text"), json(each.statement)));
    return make("div", { class: "statement" }, ...parts);
  };
  const statements = (all, decision) => [...all].sort((a, b) => weight(a) - weight(b)).map((each, place) => statement(each, place, decision));
  const called = (each) => `${each.service} ${each.operation} in ${each.region || "no Region"}`;
  const named = (parameters) => {
    const entries = Object.entries(parameters).map(([name, value]) => `${name} ${typeof value === "string" ? value : JSON.stringify(value)}`);
    return entries.length ? `, ${entries.join(", ")}` : "";
  };
  const readings = (reads) => {
    const parts = [make("h4", {}, reads.places.length ? "What was searched" : reads.calls.length ? "What was read" : "Request")];
    if (reads.note) parts.push(make("p", { class: "sub" }, reads.note));
    const lines = [
      ...reads.places,
      ...reads.calls.map((each) => `${called(each)}${named(each.parameters)}: HTTP ${each.status || "none"}${each.code ? ` ${each.code}` : ""}${each.times > 1 ? `, ${number(each.times)} times` : ""}`),
    ];
    if (lines.length) parts.push(make("ul", { class: "reads" }, ...lines.map((line) => make("li", {}, line))));
    return parts;
  };
  const row = (name) => make("button", {
    class: "tag", type: "button", title: `${sentence(name) ? `${sentence(name)}. ` : ""}Show every probe of this row`,
    on: { click: () => { clear(); filters.row.value = name; refresh(); } },
  }, name);
  const describe = (index) => {
    const get = (name) => text(index, name);
    const request = note(index, "request");
    const answer = note(index, "answer");
    const decision = note(index, "decision");
    const reads = note(index, "reads");
    const rows = rowsOf(index);
    const same = get("resource") === get("resource_arn");
    const parts = [
      make("div", {}, make("span", { class: `badge ${slug(get("standing"))}` }, get("standing") === "blocked" ? "a designed call was refused" : get("standing")), ...rows.map(row)),
      make("h3", {}, get("claim")),
      make("dl", {},
        ...pair("who", get("principal"), make("br"), make("code", {}, get("principal_arn"))),
        ...pair("asked for", make("code", {}, get("action")), " on ", same ? make("code", {}, get("resource")) : get("resource"), !same && get("resource_arn") ? make("br") : "", !same && get("resource_arn") ? make("code", {}, get("resource_arn")) : ""),
        ...pair("required", get("expected") === get("observed") ? `${get("expected")}, and that is what was seen` : `${get("expected")}, but seen: ${get("observed")}`)),
    ];
    if (decision) {
      const says = { Allowed: "Allowed by each of these", ImplicitlyDenied: "Denied: nothing allows it", ExplicitlyDenied: "Denied explicitly" }[decision.outcome];
      const missing = decision.missing.map((kind) => KINDS_OF_POLICY[kind]).join(" and the ");
      parts.push(make("h4", {}, "What decided"), make("p", { class: "sub" }, `${says}${missing ? ` in the ${missing}` : ""} (${decision.action}).${decision.note ? ` ${decision.note}` : ""}`));
      parts.push(...statements(decision.statements, decision));
      if (decision.near.length) parts.push(make("h4", {}, "What allows the action, but not this request"), ...statements(decision.near, decision));
    }
    if (reads && !request) parts.push(...readings(reads));
    if (get("message") && !/^the call was allowed$/.test(get("message"))) {
      parts.push(make("h4", {}, request ? "Answer" : "What was seen"), make("p", { class: "answer" }, get("message")));
    } else if (answer) parts.push(make("h4", {}, "Answer"));
    if (answer) parts.push(make("p", { class: "sub" }, `HTTP ${answer.status || "none"}${answer.code ? ` ${answer.code}` : ""}, request `, make("code", {}, get("request_id"))));
    if (request) parts.push(make("h4", {}, `Request: ${called(request)}`), json(request.parameters));
    const twin = make("abbr", { title: "A call of the same session that must succeed, so that the refusal is no accident" }, "twin");
    parts.push(make("h4", {}, "Proof"), make("dl", {},
      ...(get("evidence") ? pair("accepted is", get("evidence")) : []),
      ...(get("twin") ? [make("dt", {}, twin), make("dd", {}, get("twin"))] : []),
      ...pair("test", make("code", {}, get("test")))));
    if (rows.length) {
      parts.push(make("h4", {}, "Rows of the attack catalogue"),
        make("ul", { class: "rowlist" }, ...rows.map((name) => make("li", {}, row(name), sentence(name)))));
    }
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
  for (const control of Object.values(filters)) control.addEventListener("input", () => refresh());
  $("clear").addEventListener("click", () => { clear(); refresh(); });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !/^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName)) {
      event.preventDefault();
      filters.search.focus();
    }
  });
  document.querySelectorAll("[data-standing]").forEach((tile) => tile.addEventListener("click", () => jump(null, { standing: tile.dataset.standing })));
  document.querySelectorAll("[data-table]").forEach((tile) => tile.addEventListener("click", () => {
    const letter = tile.dataset.table;
    jump({ says: `rows of table ${letter}`, fits: (index) => rowsOf(index).some((name) => name.startsWith(letter)) });
  }));
  document.querySelectorAll("[data-shown]").forEach((each) => each.addEventListener("click", () => {
    const { shown: wanted, account, label } = each.dataset;
    jump(wanted ? some(wanted.split(" ").map(Number), label) : ofAccount(account, label));
  }));
  document.querySelectorAll(".graph").forEach((graph) => roam(graph, "[data-go]")());
  document.querySelectorAll("#graph").forEach((box) => fade(box)());
  addEventListener("resize", paint);

  // --- matrix ---
  const FULL = 16;
  const CLOSE = 8;
  const LIMIT = 400;
  const TALL = 32;
  const good = (cell) => cell[2] === "held" || cell[2] === "unaddressable";
  const wrong = (cell) => cell[2] === "broken" || cell[2] === "blocked";
  const cellOf = (cell, line, column) => {
    if (!cell) return make("span", { class: "cell none", title: "not probed" }, "·");
    const [expected, observed, standing, first] = cell;
    const says = wrong(cell) ? `${observed.toUpperCase()}, must be ${expected}` : standing === "no evidence" ? `${observed}: no evidence` : observed;
    const about = `${line.principal} and the fleet role of ${column}`;
    return make("button", {
      class: `cell ${good(cell) ? observed : slug(standing)}`, type: "button", tabindex: -1, title: `${about}: show the probes`,
      on: { click: () => jump({ says: about, fits: (index) => raw(index, "matrix") && text(index, "principal") === line.principal && text(index, "resource") === column }, { first }) },
    }, says);
  };
  const many = (count, line, wanted, says) => count ? make("button", {
    class: "cell", type: "button", tabindex: -1, title: `Show the probes of ${line.principal} that were ${says}`,
    on: { click: () => jump({ says: `${line.principal}, fleet roles ${says}`, fits: (index) => raw(index, "matrix") && text(index, "principal") === line.principal && text(index, "observed") === wanted }) },
  }, number(count)) : "0";
  const box = $("matrix-table");
  const start = roam(box, "button.cell");
  const look = fade(box);
  const drawMatrix = () => {
    const ask = (id) => $(id).value.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (wanted, value) => wanted.every((word) => value.toLowerCase().includes(word));
    const [lines, columns] = [ask("matrix-filter"), ask("matrix-columns")];
    const wrongOnly = $("matrix-wrong").checked;
    const picked = data.matrix.columns.map((name, index) => [name, index]).filter(([name]) => fits(columns, name));
    const rows = data.matrix.rows.filter((line) => fits(lines, line.principal)
      && (!wrongOnly || picked.some(([, index]) => line.cells[index] && !good(line.cells[index]))));
    const few = picked.length <= FULL ? picked : null;
    const heads = few ? few.map(([name]) => name) : ["allowed", "denied", "not as required", "not probed"];
    const head = make("tr", {}, make("th", {}, "principal"), ...heads.map((name) => make("th", { title: name }, few && few.length > CLOSE && name.length > 10 ? `${name.slice(0, 5)}…${name.slice(-4)}` : name)));
    const body = make("tbody");
    let kind = "";
    for (const line of rows.slice(0, LIMIT)) {
      if (line.kind !== kind) {
        kind = line.kind;
        body.append(make("tr", { class: "group" }, make("th", { colspan: heads.length + 1 }, make("span", {}, kind))));
      }
      const drawn = make("tr", {}, make("th", { scope: "row" }, line.principal));
      if (few) few.forEach(([name, index]) => drawn.append(make("td", {}, cellOf(line.cells[index], line, name))));
      else {
        const cells = picked.filter(([, index]) => line.cells[index]).map(([name, index]) => [name, line.cells[index]]);
        const seen = (observed) => cells.filter(([, cell]) => good(cell) && cell[1] === observed);
        const allowed = seen("allowed");
        const bad = make("td", { class: "wide" });
        cells.filter(([, cell]) => !good(cell)).forEach(([name, cell]) => bad.append(`${name} `, cellOf(cell, line, name), " "));
        const own = make("td", { class: "wide" });
        if (allowed.length && allowed.length <= 3) {
          allowed.forEach(([name, cell]) => {
            const button = cellOf(cell, line, name);
            button.textContent = name;
            own.append(button, " ");
          });
        } else own.append(many(allowed.length, line, "allowed", "allowed"));
        drawn.append(own, make("td", {}, many(seen("denied").length, line, "denied", "denied")), bad, make("td", {}, number(picked.length - cells.length)));
      }
      body.append(drawn);
    }
    box.classList.toggle("tall", rows.length > TALL);
    box.replaceChildren(rows.length && picked.length
      ? make("table", { class: few && few.length > CLOSE ? "close" : "" }, make("thead", {}, head), body)
      : make("p", { class: "sub" }, "Nothing fits."));
    start();
    look();
    const cut = rows.length > LIMIT ? `, the first ${LIMIT} shown: filter for the others` : "";
    const counted = few ? "" : `, counted: filter to ${FULL} to see each`;
    const across = box.scrollWidth > box.clientWidth + 4 ? "; scroll sideways for the rest →" : "";
    $("matrix-count").textContent = `${number(rows.length)} of ${number(data.matrix.rows.length)} principals${cut}, ${number(picked.length)} of ${number(data.matrix.columns.length)} fleet roles${counted}${across}`;
  };
  data.matrix.rows.sort((a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) || a.principal.localeCompare(b.principal));
  for (const id of ["matrix-filter", "matrix-columns", "matrix-wrong"]) $(id).addEventListener("input", drawMatrix);

  // --- start ---
  drawMatrix();
  refresh({ open: false });
  const follow = () => {
    const index = data.ids.indexOf(location.hash.replace(/^#probe-/, ""));
    if (index < 0) return false;
    if (!shown.includes(index)) {
      clear();
      refresh({ open: false });
    }
    choose(index, { scroll: true, link: false });
    $("probes").scrollIntoView();
    return true;
  };
  addEventListener("hashchange", follow);
  if (!location.hash || !follow()) {
    // What went wrong, or else a refusal that shows the statement that decided.
    const decided = (index) => {
      const decision = text(index, "standing") === "held" && text(index, "observed") === "denied" ? note(index, "decision") : null;
      return decision && decision.statements.some((each) => each.place);
    };
    const bad = shown.length && text(shown[0], "standing") !== "held" && text(shown[0], "standing") !== "unaddressable";
    const first = bad ? shown[0] : shown.find(decided) ?? shown[0];
    if (first === undefined) $("detail").replaceChildren(make("p", { class: "sub" }, "No probe ran."));
    else choose(first, { scroll: true, link: false });
  }
  root.dataset.ready = "yes";
})();
