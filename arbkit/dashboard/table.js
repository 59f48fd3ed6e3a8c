// Draws what Python put into `view`. Titles come from sellers: everything is set as text, never as HTML.
const TICK_MS = 5000;

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined && text !== null) made.textContent = text;
  return made;
}

function button(text, label, disabled, act) {
  const made = element("button", "arbkit-button", text);
  made.type = "button";
  made.disabled = disabled;
  made.setAttribute("aria-label", label);
  made.addEventListener("click", act);
  return made;
}

function drawCell(cell, kind) {
  const drawn = element("td", `arbkit-${kind}`);
  if (cell.href && cell.href.startsWith("https://")) {
    const link = element("a", "", cell.text);
    link.href = cell.href;
    link.target = "_blank";
    link.rel = "noopener noreferrer";
    link.addEventListener("click", (event) => event.stopPropagation());
    drawn.append(link);
  } else {
    drawn.append(element("span", "", cell.text));
  }
  if (cell.tag) drawn.append(element("span", "arbkit-tag", cell.tag));
  if (cell.note) drawn.title = kind === "title" ? `${cell.text} (${cell.note})` : cell.note;
  return drawn;
}

function drawHead(view, model) {
  const row = element("tr");
  for (const column of view.columns) {
    const head = element("th", `arbkit-${column.kind}`);
    head.scope = "col";
    if (column.sort) {
      const here = column.sort === view.sort;
      head.setAttribute("aria-sort", here ? (view.descending ? "descending" : "ascending") : "none");
      const mark = here ? (view.descending ? " ▼" : " ▲") : "";
      head.append(
        button(column.label + mark, `Sort by ${column.label}`, false, () =>
          model.send({ type: "sort", sort: column.sort }),
        ),
      );
    } else {
      head.textContent = column.label;
    }
    row.append(head);
  }
  const head = element("thead");
  head.append(row);
  return head;
}

function drawBody(view, model) {
  const body = element("tbody");
  for (const one of view.rows) {
    const row = element("tr");
    row.tabIndex = 0;
    row.dataset.id = one.id;
    row.setAttribute("aria-selected", String(one.id === view.selected));
    const select = () => model.send({ type: "select", id: one.id });
    row.addEventListener("click", select);
    row.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target === row) select();
    });
    one.cells.forEach((cell, index) => row.append(drawCell(cell, view.columns[index].kind)));
    body.append(row);
  }
  if (!view.rows.length) {
    const row = element("tr");
    const cell = element("td", "arbkit-empty", view.message);
    cell.colSpan = view.columns.length;
    row.append(cell);
    body.append(row);
  }
  return body;
}

function drawPager(view, model) {
  const pager = element("div", "arbkit-pager");
  const go = (page) => () => model.send({ type: "page", page });
  const last = view.first + view.rows.length - 1;
  const where = view.rows.length ? `${view.first}–${last} of ${view.total}` : "0 of 0";
  pager.append(
    button("« first", "First page", view.page <= 1, go(1)),
    button("‹ back", "Page before", view.page <= 1, go(view.page - 1)),
    element("span", "arbkit-where", where),
    button("next ›", "Next page", view.page >= view.pages, go(view.page + 1)),
    button("last »", "Last page", view.page >= view.pages, go(view.pages)),
  );
  return pager;
}

function render({ model, el }) {
  el.classList.add("arbkit-table");
  const draw = () => {
    const view = model.get("view");
    if (!view.columns) return;
    const focused = el.contains(document.activeElement) ? document.activeElement : null;
    const focusedRow = focused?.closest("tr[data-id]")?.dataset.id;
    const focusedLabel = focused?.getAttribute("aria-label");
    const table = element("table");
    table.append(drawHead(view, model), drawBody(view, model));
    el.replaceChildren(table, drawPager(view, model));
    el.dataset.total = view.total;
    // What was focused is gone with the old table; the keyboard should stay where it was.
    if (focusedRow) el.querySelector(`tr[data-id="${CSS.escape(focusedRow)}"]`)?.focus();
    else if (focusedLabel) el.querySelector(`[aria-label="${CSS.escape(focusedLabel)}"]`)?.focus();
  };
  model.on("change:view", draw);
  draw();
  model.send({ type: "ready" });
  const timer = setInterval(() => {
    if (!document.hidden) model.send({ type: "tick" });
  }, TICK_MS);
  return () => {
    clearInterval(timer);
    model.off("change:view", draw);
  };
}

export default { render };
