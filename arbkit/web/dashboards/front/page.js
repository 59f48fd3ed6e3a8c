// A page of regions. Python says what is in each; the page says what the user wishes, and that it still lives.
const TICK_MS = 5000;
const SILENT_MS = 12000;
const KINDS = { form: formRegion, table: tableRegion, chart: chartRegion, html: htmlRegion };

function htmlRegion(region, wish) {
  const body = element("div", {
    class: "arb-html",
    on: {
      // A button that Python drew says by name what it is for.
      click: (event) => {
        const pressed = event.target.closest("button[data-press]");
        if (pressed) wish({ type: "press", region, name: pressed.dataset.press, id: pressed.dataset.id });
      },
    },
  });
  // Python has escaped every text in it.
  const draw = ({ html }) => {
    if (body.innerHTML !== html) body.innerHTML = html;
  };
  return { body, draw };
}

function section(spec, wish) {
  const { body, draw, end } = KINDS[spec.kind](spec.id, wish);
  const waiting = element("div", { class: "arb-waiting" }, spec.waiting);
  const made = element("section", { class: `arb-region arb-is-${spec.kind}`, id: `arb-${spec.id}`, hidden: !spec.waiting });
  if (spec.title) made.append(element("h2", {}, spec.title));
  if (spec.folds) {
    const summary = element("summary", {}, spec.folds);
    const folded = element("details", { on: { toggle: () => wish({ type: "fold", region: spec.id, open: folded.open }) } });
    folded.append(summary, waiting);
    folded.open = spec.unfolded && window.innerWidth >= 800;
    made.append(folded);
  } else made.append(waiting);
  const place = waiting.parentElement;
  return {
    made,
    end,
    show(data) {
      made.hidden = Boolean(data.hidden);
      if (data.hidden) return undefined;
      if (waiting.isConnected) waiting.replaceWith(body);
      else if (!body.isConnected) place.append(body);
      return draw(data);
    },
  };
}

function save(name, mime, chunks) {
  const url = URL.createObjectURL(new Blob(chunks, { type: mime }));
  const anchor = element("a", { href: url, download: name });
  document.body.append(anchor);
  anchor.click();
  anchor.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

function showAddress(search) {
  const url = new URL(location.href);
  url.search = search;
  history.replaceState(null, "", url);
}

function render({ model, el }) {
  el.classList.add("arb-page", `arb-on-${model.get("name")}`);
  document.documentElement.lang = "en";
  document.title = model.get("title");
  const busy = element("div", { class: "arb-busy", role: "progressbar", "aria-label": "Waiting for data" });
  const lost = element("div", { class: "arb-lost", role: "alert", hidden: true });
  const told = element("div", { class: "arb-told", role: "status" });
  const main = element("main");
  el.replaceChildren(busy, lost, told, main);

  const asked = new Map();
  let serial = 0;
  let ended = false;
  function wish(content) {
    serial += 1;
    asked.set(serial, performance.now());
    try {
      model.send({ ...content, wish: serial });
    } catch {
      ended = true;
    }
    attend();
  }
  function attend() {
    const oldest = asked.size ? performance.now() - Math.min(...asked.values()) : 0;
    el.classList.toggle("arb-is-busy", oldest > 150);
    const silent = ended || oldest > SILENT_MS;
    if (silent && lost.dataset.ended !== String(ended)) {
      const why = ended ? "This page's session has ended." : "This page's session does not answer: it has ended, or is very busy.";
      lost.replaceChildren(`${why} What you see is as it was.`, button("Reload", "Reload the page", false, () => location.reload()));
      lost.dataset.ended = ended;
    }
    lost.hidden = !silent;
  }

  const regions = new Map();
  for (const spec of model.get("regions")) {
    const one = section(spec, wish);
    regions.set(spec.id, one);
    main.append(one.made);
  }

  let chunks = [];
  function heard(message, buffers) {
    switch (message.type) {
      case "show":
        regions.get(message.region).show(message.data);
        break;
      case "done":
        // An answer tells that whatever was asked before it was heard too.
        for (const wished of [...asked.keys()]) if (wished <= message.wish) asked.delete(wished);
        performance.mark("arbkit-answer", { detail: { ms: message.ms, wish: message.wish, about: message.about } });
        attend();
        break;
      case "say":
        told.textContent = message.text;
        told.className = `arb-told arb-${message.mood}`;
        told.setAttribute("role", message.mood === "bad" ? "alert" : "status");
        break;
      case "address":
        showAddress(message.search);
        break;
      case "chunk":
        chunks.push(buffers[0]);
        break;
      case "save":
        save(message.name, message.mime, chunks);
        chunks = [];
        break;
    }
  }
  model.on("msg:custom", heard);
  // A link that is sent on must not carry the token; from here on a cookie lets this browser in.
  const query = new URLSearchParams(location.search);
  query.delete("token");
  showAddress(query.toString());
  wish({ type: "ready", search: location.search });
  const timers = [
    setInterval(() => {
      if (!document.hidden) wish({ type: "tick" });
    }, TICK_MS),
    setInterval(attend, 200),
  ];
  return () => {
    timers.forEach(clearInterval);
    for (const { end } of regions.values()) end?.();
    model.off("msg:custom", heard);
  };
}

export default { render };
