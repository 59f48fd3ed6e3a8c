// A table that shows one page of rows and asks Python for the others.
function drawCell(cell, column, region, id, page) {
  const td = element("td", { class: `arb-${column.kind} ${cell.tone ? `arb-${cell.tone}` : ""}`, "data-label": column.label });
  if (cell.href) {
    const anchor = link(cell.text, cell.href);
    anchor.addEventListener("click", (event) => {
      event.stopPropagation();
      page.leaveFrom(id);
    });
    td.append(anchor);
  } else if (cell.action) {
    const run = (event) => {
      event.stopPropagation();
      page.emit({ type: "action", region, name: cell.action, id });
    };
    td.append(button(cell.text, cell.label ?? cell.text, false, run));
  } else if (cell.why) {
    // A button, so that the keyboard and a finger get to the reason too, which the style sheet shows on focus.
    const reason = button(cell.text, `${column.label} ${cell.text}: ${cell.why}`, false, (event) => event.stopPropagation());
    reason.className = "arb-why";
    td.append(reason, element("span", { class: "arb-sub", "aria-hidden": "true" }, cell.why));
    td.title = cell.why;
  } else td.append(element("span", {}, cell.text));
  if (cell.bar !== undefined) td.append(element("span", { class: "arb-share", style: `--share: ${cell.bar}%`, "aria-hidden": "true" }));
  if (cell.sub) td.append(element("span", { class: "arb-sub" }, cell.sub));
  if (cell.tag) td.append(element("span", { class: "arb-tag" }, cell.tag));
  if (cell.note) td.title = cell.note;
  return td;
}

function drawHead(view, region, page) {
  const row = element("tr");
  for (const column of view.columns) {
    if (!column.sort) {
      row.append(element("th", { class: `arb-${column.kind}`, scope: "col", title: column.note || undefined }, column.label));
      continue;
    }
    const here = column.sort === view.sort;
    const mark = here ? (view.descending ? " ▼" : " ▲") : "";
    const sort = () => page.emit({ type: "sort", region, sort: column.sort });
    row.append(
      element(
        "th",
        {
          class: `arb-${column.kind}`,
          scope: "col",
          title: column.note || undefined,
          "aria-sort": here ? (view.descending ? "descending" : "ascending") : "none",
        },
        button(column.label + mark, `Sort by ${column.label}`, false, sort),
      ),
    );
  }
  return element("thead", {}, row);
}

function drawRow(data, view, region, page) {
  const row = element("tr", { "data-id": data.id });
  if (view.selects) {
    row.tabIndex = 0;
    row.setAttribute("aria-selected", String(data.id === view.selected));
    row.addEventListener("click", () => page.open(region, data.id, false));
    row.addEventListener("keydown", (event) => {
      if (event.target !== row) return;
      const next = { ArrowDown: row.nextElementSibling, ArrowUp: row.previousElementSibling }[event.key];
      if (event.key === "Enter") page.open(region, data.id, true);
      else if (next) next.focus();
      else return;
      event.preventDefault();
    });
  }
  data.cells.forEach((cell, index) => row.append(drawCell(cell, view.columns[index], region, data.id, page)));
  // A row that is unknown in many columns is one stop of the keyboard.
  for (const other of [...row.querySelectorAll(".arb-why")].slice(1)) other.tabIndex = -1;
  return row;
}

// On a phone the heads, by which rows are put in order, are not there.
function drawOrder(view, region, page) {
  const sorted = view.columns.filter((column) => column.sort);
  if (!sorted.length) return undefined;
  const sort = (name) => page.emit({ type: "sort", region, sort: name });
  const other = sorted.every((column) => column.sort !== view.sort);
  const options = sorted.map((column) => element("option", { value: column.sort, selected: column.sort === view.sort }, column.label));
  if (other) options.unshift(element("option", { value: view.sort, selected: true }, view.sort.replaceAll("_", " ")));
  const select = element("select", { "aria-label": "Order by", on: { change: () => sort(select.value) } }, ...options);
  const turn = button(view.descending ? "▼" : "▲", "Highest first", false, () => sort(view.sort));
  turn.setAttribute("aria-pressed", String(view.descending));
  return element("div", { class: "arb-order" }, element("span", { "aria-hidden": "true" }, "Order by"), select, turn);
}

function drawPager(view, region, page) {
  const go = (number) => () => page.emit({ type: "page", region, page: number });
  const last = view.first + view.rows.length - 1;
  const shown = (n) => n.toLocaleString("en");
  const where = view.rows.length ? `${shown(view.first)}–${shown(last)} of ${shown(view.total)}` : "0 of 0";
  return element(
    "nav",
    { class: "arb-pager", "aria-label": "Pages" },
    button("« First", "First page", view.page <= 1, go(1)),
    button("‹ Previous", "Previous page", view.page <= 1, go(view.page - 1)),
    element("span", { class: "arb-where" }, where),
    button("Next ›", "Next page", view.page >= view.pages, go(view.page + 1)),
    button("Last »", "Last page", view.page >= view.pages, go(view.pages)),
  );
}

// A way out of an empty table: to another page, or to other rows.
function drawWay(way, region, page) {
  if (way.href) return link(way.text, way.href);
  return button(way.text, way.text, false, () => page.emit({ type: "action", region, name: way.action }));
}

function tableRegion(region, page) {
  const body = element("div", { class: "arb-table" });
  function draw(view) {
    const focused = body.contains(document.activeElement) ? document.activeElement : null;
    const focusedRow = focused?.closest("tr[data-id]")?.dataset.id;
    const focusedLabel = focused?.getAttribute("aria-label");
    const rows = element("tbody", {}, ...view.rows.map((row) => drawRow(row, view, region, page)));
    if (!view.rows.length) {
      const ways = (view.ways ?? []).map((way) => drawWay(way, region, page));
      const message = element("p", {}, view.message);
      const empty = element("td", { class: "arb-empty", colspan: view.columns.length }, message);
      if (ways.length) empty.append(element("div", { class: "arb-actions" }, ...ways));
      rows.append(element("tr", {}, empty));
    }
    const role = view.selects ? "grid" : undefined;
    const table = element("table", { role, "aria-label": view.caption }, drawHead(view, region, page), rows);
    const scroller = element("div", { class: "arb-scroll" }, table);
    body.classList.toggle("arb-is-compact", Boolean(view.compact));
    const order = drawOrder(view, region, page);
    body.replaceChildren(...(order ? [order] : []), scroller, ...(view.pages > 1 || view.paged ? [drawPager(view, region, page)] : []));
    body.dataset.total = view.total ?? view.rows.length;
    // What was focused is gone with the old table; the keyboard should stay where it was.
    const row = focusedRow && body.querySelector(`tr[data-id="${CSS.escape(focusedRow)}"]`);
    const same = focusedLabel && (row || body).querySelector(`[aria-label="${CSS.escape(focusedLabel)}"]`);
    (same || row)?.focus();
  }
  return { body, draw };
}
