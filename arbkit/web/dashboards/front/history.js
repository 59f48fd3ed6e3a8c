// Back and Forward: each deliberate change of the view is an entry of the browser's history, with its scroll position.
const SCROLLED_MS = 120;
const RESTORE_MS = 5000;
const AUTOMATIC = new Set(["ready", "tick", "visit"]);

// `emit` sends an event and returns its number; `sheet` opens or closes the details; `focus` goes to a row by its id.
function viewHistory({ emit, sheet, focus }) {
  const intents = new Map();
  // The field whose unfinished value made the newest entry: what follows of it is no entry of its own.
  let typed = null;
  let visit = 0;
  let shown = location.search;
  let restoring = true;
  let scrolled;
  history.scrollRestoration = "manual";

  function note(more) {
    history.replaceState({ ...history.state, ...more }, "");
  }

  function onScroll() {
    clearTimeout(scrolled);
    scrolled = setTimeout(() => {
      if (!restoring) note({ y: window.scrollY });
    }, SCROLLED_MS);
  }

  function finish(row) {
    restoring = false;
    if (row) focus(row);
  }

  // What is below is drawn bit by bit: the position may not be there yet.
  function restore() {
    const { y, row } = history.state ?? {};
    if (y === undefined) {
      finish(row);
      return;
    }
    const until = performance.now() + RESTORE_MS;
    let moved = false;
    const take = () => {
      moved = true;
    };
    const kinds = ["wheel", "pointerdown", "keydown"];
    for (const kind of kinds) window.addEventListener(kind, take, { once: true, passive: true });
    const step = () => {
      if (!moved) window.scrollTo(0, y);
      if (!moved && Math.abs(window.scrollY - y) > 2 && performance.now() < until) requestAnimationFrame(step);
      else {
        for (const kind of kinds) window.removeEventListener(kind, take);
        finish(moved ? undefined : row);
      }
    };
    step();
  }

  function onVisit() {
    typed = null;
    clearTimeout(scrolled);
    restoring = true;
    sheet(Boolean(history.state?.sheet));
    if (location.search === shown) restore();
    else visit = emit({ type: "visit", search: location.search });
  }

  window.addEventListener("scroll", onScroll, { passive: true });
  window.addEventListener("popstate", onVisit);
  return {
    note,
    // An event was sent; `typing`: its field is still being typed in.
    sent(number, event, typing) {
      if (event.type === "ready") visit = number;
      if (AUTOMATIC.has(event.type)) return;
      const field = event.type === "form" ? `${event.region}.${event.changed}` : null;
      intents.set(number, { field, typing });
    },
    // An entry made before its address is known, as the page moves at once; `row` is where Back returns to.
    enter(number, row, more) {
      clearTimeout(scrolled);
      note({ y: window.scrollY, row });
      history.pushState({ y: window.scrollY, ...more }, "");
      intents.set(number, { field: null, typing: false, entered: true });
    },
    // Python says what the address is after an event; what it answers to an older visit is of another entry.
    address(search, number) {
      if (number < visit) return;
      const url = new URL(location.href);
      url.search = search;
      const intent = intents.get(number);
      const unfinished = intent && intent.field !== null && intent.field === typed;
      const isNew = intent && !intent.entered && !unfinished && url.search !== location.search;
      if (isNew) {
        note({ y: window.scrollY });
        history.pushState({ y: window.scrollY }, "", url);
      } else history.replaceState(history.state, "", url);
      if (intent && !intent.typing) typed = null;
      else if (isNew) typed = intent.field;
      shown = url.search;
    },
    done(number) {
      for (const one of [...intents.keys()]) if (one <= number) intents.delete(one);
      if (visit && number >= visit) {
        visit = 0;
        restore();
      }
    },
    end() {
      clearTimeout(scrolled);
      window.removeEventListener("scroll", onScroll);
      window.removeEventListener("popstate", onVisit);
    },
  };
}
