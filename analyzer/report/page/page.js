"use strict";
// The table of all connections: sorted, filtered, opened. Everything from the capture is put in as text, never as markup.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const [ID, WHO, OUTCOME, HEADLINE, SETTINGS, PROBES, ANSWERED, IDLE, START, LENGTH, PACKETS, MORE] = Array(12).keys();
  const STEP = 200;
  const word = index => index < 0 ? "" : data.words[index];
  const thousands = n => n.toLocaleString("en");
  const seconds = s => s.toFixed(s >= 1000 ? 0 : s >= 10 ? 1 : 3);
  const numbers = words => (words.match(/[\d.]+|\?/g) || []).map(one => one === "?" ? Infinity : +one);
  const parts = words => words.match(/\d+|\D+/g).map(one => isNaN(one) ? one : +one);
  // Of instants only what differs: not the year, nor the day, that all of them have.
  const instant = row => new Date(row[START] * 1000).toISOString().slice(0, 19);
  const first = data.rows.length ? instant(data.rows[0]) : "";
  const known = [11, 5].find(length => data.rows.every(row => instant(row).startsWith(first.slice(0, length)))) || 0;
  const COLUMNS = [
    ["#", row => [row[ID]], row => "#" + row[ID], "n"],
    ["connection", row => parts(row[WHO]), row => row[WHO], ""],
    ["what happened", row => [row[OUTCOME], word(row[HEADLINE])], row => data.outcomes[row[OUTCOME]][2] + " " + word(row[HEADLINE]), "what"],
    ["time/intvl/probes", row => numbers(word(row[SETTINGS])), row => word(row[SETTINGS]), "less"],
    ["probes", row => [row[PROBES]], row => row[PROBES] ? thousands(row[PROBES]) : "", "n mid"],
    ["answered", row => [row[PROBES] ? row[ANSWERED] : -1], row => row[PROBES] ? thousands(row[ANSWERED]) : "", "n mid"],
    ["silence, s", row => [row[IDLE]], row => seconds(row[IDLE]), "n"],
    ["began", row => [row[START]], row => instant(row).slice(known).replace("T", " "), "mid"],
    ["lasted, s", row => [row[LENGTH]], row => seconds(row[LENGTH]), "n less least"],
    ["segments", row => [row[PACKETS]], row => thousands(row[PACKETS]), "n less least"],
  ];
  const table = document.getElementById("table"), body = table.tBodies[0], filter = document.getElementById("filter");
  const count = document.getElementById("count"), further = document.getElementById("further");
  const chosen = new Set();
  let sorted = null, isDown = false, rows = data.rows, shown = 0;

  const make = (tag, text, name) => {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (name) made.className = name;
    return made;
  };
  const tone = row => "o-" + data.outcomes[row[OUTCOME]][0];

  const settingsTable = ([name, ...settings]) => {
    const made = make("table", undefined, "settings");
    made.createCaption().textContent = "Settings in force at " + word(name);
    const head = made.createTHead().insertRow();
    for (const heading of ["setting", "value", "bounds", "seen"]) head.append(make("th", heading));
    const rest = made.createTBody();
    for (const cells of settings) {
      const line = rest.insertRow();
      cells.forEach((cell, index) => line.append(make("td", word(cell), index === 1 ? "value" : "")));
    }
    return made;
  };

  const detail = row => {
    const line = make("tr", undefined, "more " + tone(row)), cell = make("td");
    cell.colSpan = COLUMNS.length;
    if (row.length <= MORE) {
      cell.append(make("p", "No keepalive probe, and nothing happened to it."));
    } else {
      const [sentences, ends, course, reasons, frames] = row[MORE];
      const list = make("ul");
      for (const one of sentences) cell.append(make("p", word(one)));
      for (const one of reasons) list.append(make("li", word(one)));
      cell.append(list);
      if (frames.length) cell.append(make("p", "Proof: frame" + (frames.length > 1 ? "s " : " ") + frames.join(", "), "quiet"));
      for (const end of ends) {
        const box = make("div", undefined, "scroll");
        box.append(settingsTable(end));
        cell.append(box);
      }
      if (course >= 0) cell.append(make("p", word(course), "course"));
    }
    const card = document.getElementById("flow-" + row[ID]);
    const link = make(card ? "a" : "p", card ? "Its timeline" : "Its timeline: ka-analyze --flow " + row[ID], card ? "" : "quiet");
    if (card) link.href = "#flow-" + row[ID];
    cell.append(link);
    line.append(cell);
    return line;
  };

  const line = row => {
    const made = make("tr", undefined, tone(row));
    for (const [index, [, , text, name]] of COLUMNS.entries()) {
      const cell = make("td", index ? text(row) : undefined, name);
      if (!index) {
        const button = make("button", "▸ " + text(row), "open");
        button.type = "button";
        button.setAttribute("aria-expanded", "false");
        button.addEventListener("click", () => {
          const isOpen = button.getAttribute("aria-expanded") === "true";
          if (isOpen) made.nextSibling.remove(); else made.after(detail(row));
          button.setAttribute("aria-expanded", String(!isOpen));
          button.textContent = (isOpen ? "▸ " : "▾ ") + text(row);
        });
        cell.append(button);
      }
      made.append(cell);
    }
    return made;
  };

  const extend = (upTo) => {
    const part = document.createDocumentFragment();
    for (const row of rows.slice(shown, upTo)) part.append(line(row));
    body.append(part);
    shown = Math.min(upTo, rows.length);
    further.hidden = shown >= rows.length;
    further.textContent = "Show more (" + thousands(rows.length - shown) + ")";
  };

  // Numbers by number, words by letter, the first part that differs decides; nothing comes before something.
  const order = (a, b) => {
    for (let at = 0; at < Math.max(a.length, b.length); at++) {
      if (at >= a.length || at >= b.length) return a.length - b.length;
      const [one, other] = typeof a[at] === typeof b[at] ? [a[at], b[at]] : [String(a[at]), String(b[at])];
      if (one !== other) return one < other ? -1 : 1;
    }
    return 0;
  };

  const draw = () => {
    const wanted = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    rows = data.rows.filter(row => {
      if (chosen.size && !chosen.has(row[OUTCOME])) return false;
      const text = ("#" + row[ID] + " " + row[WHO] + " " + word(row[HEADLINE]) + " " + word(row[SETTINGS])).toLowerCase();
      return wanted.every(one => one.startsWith("#") ? "#" + row[ID] === one : text.includes(one));
    });
    if (sorted !== null) {
      const key = COLUMNS[sorted][1], sign = isDown ? -1 : 1;
      rows = rows.map(row => [key(row), row]).sort(([a, x], [b, y]) => (order(a, b) || x[ID] - y[ID]) * sign).map(([, row]) => row);
    }
    body.replaceChildren();
    shown = 0;
    extend(STEP);
    count.textContent = rows.length === data.rows.length ? "" : thousands(rows.length) + " of " + thousands(data.rows.length);
  };

  const date = first.slice(0, known).replace(/[-T]$/, "");
  table.createCaption().textContent = "Silence (the longest) and length in seconds; instants UTC" + (date && ", " + date);
  const head = table.tHead.insertRow();
  for (const [index, [name, , , kind]] of COLUMNS.entries()) {
    const heading = make("th", undefined, kind === "what" ? "" : kind), button = make("button", name);
    heading.scope = "col";
    button.type = "button";
    button.addEventListener("click", () => {
      isDown = sorted === index && !isDown;
      sorted = index;
      for (const one of head.cells) one.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", isDown ? "descending" : "ascending");
      for (const one of head.cells) one.firstChild.textContent = one.firstChild.textContent.replace(/ [▲▼]$/, "");
      button.textContent = name + (isDown ? " ▼" : " ▲");
      draw();
    });
    heading.append(button);
    head.append(heading);
  }

  const counts = new Map();
  for (const row of data.rows) counts.set(row[OUTCOME], (counts.get(row[OUTCOME]) || 0) + 1);
  for (const [index, [code, words, sign]] of data.outcomes.entries()) {
    if (!counts.has(index)) continue;
    const button = make("button", undefined, "o-" + code);
    button.type = "button";
    button.setAttribute("aria-pressed", "false");
    button.append(make("b", sign), " " + words + " " + thousands(counts.get(index)));
    button.addEventListener("click", () => {
      const isOn = chosen.has(index);
      if (isOn) chosen.delete(index); else chosen.add(index);
      button.setAttribute("aria-pressed", String(!isOn));
      draw();
    });
    document.getElementById("outcomes").append(button);
  }

  let waiting;
  filter.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(draw, 120); });
  further.addEventListener("click", () => extend(shown + 5 * STEP));
  addEventListener("beforeprint", () => { for (const one of document.querySelectorAll("details.how")) one.open = true; });
  if (location.hash.startsWith("#flow-") && !document.querySelector(location.hash)) filter.value = "#" + location.hash.slice(6);
  addEventListener("hashchange", () => {
    if (!location.hash.startsWith("#flow-") || document.getElementById(location.hash.slice(1))) return;
    filter.value = "#" + location.hash.slice(6);
    draw();
    table.scrollIntoView();
  });
  draw();
})();
