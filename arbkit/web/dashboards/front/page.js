// A page of regions. Python says what is in each; the page reports what the user does, and that it is alive.
const TICK_MS = 1000;
// A page that takes long to answer is asked less: it is idle at least this many times as long.
const TICK_REST = 4;
// An answer that has not come by then may never come: the connection was lost for a moment.
const TICK_LOST_MS = 10_000;
const SILENT_MS = 12000;
// What only a user does, and once: a page folds, opens and looks again by itself, and a form is typed into.
const DELIBERATE = new Set(["action", "select", "sort", "page"]);
const PIECE_BYTES = 256 * 1024;
const KINDS = { form: formRegion, table: tableRegion, chart: chartRegion, html: htmlRegion };

function htmlRegion(region, page) {
  const body = element("div", {
    class: "arb-html",
    on: {
      // A button that Python drew says by name what it does.
      click: (event) => {
        const clicked = event.target.closest("button[data-action]");
        if (clicked) page.emit({ type: "action", region, name: clicked.dataset.action, id: clicked.dataset.id });
        const copying = event.target.closest("button[data-copy]");
        if (copying) copy(copying);
      },
    },
  });
  // Python has escaped every text in it.
  const draw = ({ html }) => {
    if (body.innerHTML !== html) body.innerHTML = html;
  };
  return { body, draw };
}

function section(spec, page) {
  const { body, draw, end } = KINDS[spec.kind](spec.id, page);
  const waiting = element("div", { class: "arb-waiting" }, spec.waiting);
  const root = element("section", { class: `arb-region arb-is-${spec.kind}`, id: page.id(`arb-${spec.id}`), hidden: !spec.waiting });
  root.classList.add(`arb-region-${spec.id}`);
  if (spec.title) root.append(element("h2", {}, spec.title));
  if (spec.collapsible) {
    const summary = element("summary", {}, spec.collapsible);
    const toggled = () => page.emit({ type: "toggle", region: spec.id, open: details.open });
    const details = element("details", { on: { toggle: toggled } });
    details.append(summary, waiting);
    details.open = spec.expanded && window.innerWidth >= 800;
    root.append(details);
  } else root.append(waiting);
  const parent = waiting.parentElement;
  const fault = element("p", { class: "arb-notice arb-bad", role: "alert" });
  return {
    root,
    end,
    show(data) {
      root.hidden = Boolean(data.hidden);
      if (data.hidden) return undefined;
      fault.textContent = data.fault ?? "";
      const drawn = data.fault === undefined ? body : fault;
      for (const other of [waiting, body, fault]) if (other !== drawn) other.remove();
      if (!drawn.isConnected) parent.append(drawn);
      return data.fault === undefined ? draw(data) : undefined;
    },
  };
}

function saveFile(name, mime, chunks) {
  const url = URL.createObjectURL(new Blob(chunks, { type: mime }));
  const anchor = element("a", { href: url, download: name });
  document.body.append(anchor);
  anchor.click();
  anchor.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

// The whole document is the page's: in a notebook's cell it is not.
function takeDocument(model) {
  document.documentElement.classList.add("arb-document");
  document.documentElement.lang = "en";
  document.title = model.get("title");
}

function render({ model, el }) {
  const standalone = model.get("standalone");
  el.classList.add("arb", "arb-page", standalone ? "arb-standalone" : `arb-on-${model.get("name")}`);
  const busy = element("div", { class: "arb-busy", role: "progressbar", "aria-label": "Waiting for data" });
  const lost = element("div", { class: "arb-lost", role: "alert", hidden: true });
  const notice = element("div", { class: "arb-notice", role: "status" });
  const main = element(standalone ? "div" : "main", { class: "arb-main" });
  el.replaceChildren(busy, lost, notice, main);

  const pending = new Map();
  let serial = 0;
  let ended = false;
  const tick = { serial: 0, due: performance.now() + TICK_MS };
  function emit(event, typing = false, buffers = undefined) {
    serial += 1;
    pending.set(serial, performance.now());
    trail?.sent(serial, event, typing);
    try {
      model.send({ ...event, event: serial }, undefined, buffers);
    } catch {
      ended = true;
    }
    showLiveness();
    return serial;
  }
  function showLiveness() {
    const age = (times) => (times.length ? performance.now() - Math.min(...times) : 0);
    const oldest = age([...pending.values()]);
    // Nobody waits for what the page asks on its own.
    const awaited = [...pending].filter(([number]) => number !== tick.serial).map(([, at]) => at);
    el.classList.toggle("arb-is-busy", age(awaited) > 150);
    // A notebook's kernel may be busy with another cell, and JupyterLab shows that itself.
    const silent = !standalone && (ended || oldest > SILENT_MS);
    if (silent && lost.dataset.ended !== String(ended)) {
      const why = ended ? "Session ended." : "Session not responding.";
      lost.replaceChildren(`${why} Data may be out of date.`, button("Reload", "Reload the page", false, () => location.reload()));
      lost.dataset.ended = ended;
    }
    lost.hidden = !silent;
  }

  // Element ids are those of the page; several widgets in one notebook must not share them.
  const prefix = standalone ? `${model.get("_model_id") ?? Math.random().toString(36).slice(2)}-` : "";
  // The row from which another page is opened is where Back returns to.
  const leaveFrom = (row) => trail?.note({ y: window.scrollY, row });
  // A file goes in pieces, each after the one before was heard: a large message would end the connection.
  const heard = new Map();
  async function upload(region, name, file) {
    for (let offset = 0; offset === 0 || offset < file.size; offset += PIECE_BYTES) {
      const piece = await file.slice(offset, offset + PIECE_BYTES).arrayBuffer();
      const about = { type: "file", region, name, file: file.name, size: file.size, offset };
      await new Promise((resolve) => heard.set(emit(about, false, [piece]), resolve));
    }
  }
  const page = { emit, open, leaveFrom, upload, id: (name) => prefix + name, library: null };
  page.library = () =>
    new Promise((resolve) => {
      page.receiveLibrary = resolve;
      model.send({ type: "library" });
    });
  const regions = new Map();
  // Ids are those of the page's own tables; an empty one means the selected row.
  const rowOf = (id) => main.querySelector(id ? `tr[data-id="${CSS.escape(id)}"]` : 'tr[aria-selected="true"]');
  function leave(panel) {
    if (panel.isSheet() && history.state?.sheet) history.back();
    else panel.toList();
  }
  const { panels, update } = arrange(model.get("regions"), main, {
    id: page.id,
    make: (spec) => {
      const region = section(spec, page);
      regions.set(spec.id, region);
      return region.root;
    },
    panelOf: () => {
      const panel = detailPanel({ rowOf, leave: () => leave(panel) });
      return panel;
    },
  });
  // A row is opened: it is selected, and what is known of it comes into sight.
  function open(region, id, keyboard) {
    const panel = panels.get(region);
    const number = emit({ type: "select", region, id });
    if (!panel) return;
    if (panel.moves()) trail?.enter(number, id, { sheet: panel.isSheet() });
    panel.open(id, keyboard);
  }
  const trail = standalone
    ? undefined
    : viewHistory({
        emit,
        sheet: (shown) => {
          for (const panel of panels.values()) panel.sheet(shown);
        },
        focus: (id) => rowOf(id)?.focus({ preventScroll: true }),
      });

  let chunks = [];
  let isNoticeNew = false;
  function onMessage(message, buffers) {
    switch (message.type) {
      case "show":
        regions.get(message.region).show(message.data);
        update();
        break;
      case "done":
        // An answer means that whatever was sent before it has been heard too.
        if (pending.has(tick.serial) && tick.serial <= message.event) {
          const now = performance.now();
          tick.due = now + Math.min(Math.max(TICK_MS, TICK_REST * (now - pending.get(tick.serial))), TICK_LOST_MS);
        }
        for (const number of [...pending.keys()]) if (number <= message.event) pending.delete(number);
        heard.get(message.event)?.();
        heard.delete(message.event);
        performance.mark("arbkit-answer", { detail: { ms: message.ms, event: message.event, about: message.about } });
        // What was said of one action is of no matter after the next one.
        if (DELIBERATE.has(message.about)) {
          if (!isNoticeNew) notice.textContent = "";
          isNoticeNew = false;
        }
        trail?.done(message.event);
        showLiveness();
        break;
      case "notify":
        isNoticeNew = true;
        notice.textContent = message.text;
        notice.className = `arb-notice arb-${message.tone}`;
        notice.setAttribute("role", message.tone === "bad" ? "alert" : "status");
        break;
      case "address":
        trail?.address(message.search, message.event);
        break;
      case "chunk":
        chunks.push(buffers[0]);
        break;
      case "save":
        saveFile(message.name, message.mime, chunks);
        chunks = [];
        break;
      case "library":
        page.receiveLibrary?.(buffers[0]);
        break;
    }
  }
  model.on("msg:custom", onMessage);
  const search = standalone ? "" : location.search;
  if (!standalone) takeDocument(model);
  emit({ type: "ready", search });
  const timer = setInterval(() => {
    if (!standalone && !document.hidden && performance.now() >= tick.due) {
      tick.serial = serial + 1;
      tick.due = performance.now() + TICK_LOST_MS;
      emit({ type: "tick" });
    }
    showLiveness();
  }, 200);
  return () => {
    clearInterval(timer);
    for (const { end } of [...regions.values(), ...panels.values()]) end?.();
    trail?.end();
    model.off("msg:custom", onMessage);
  };
}

export default { render };
