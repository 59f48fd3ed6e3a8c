// The details of a table's selected row: beside the table, below it on a narrower window, on a phone a sheet over it.
const PHONE = window.matchMedia("(max-width: 600px)");
const BESIDE = window.matchMedia("(min-width: 1200px)");

// `rowOf` finds the row of an id; `leave` goes back to the list.
function detailPanel({ rowOf, leave }) {
  const back = button("‹ Back to the list", "Back to the list", false, () => leave());
  const body = element("div", { class: "arb-panel-body" });
  const label = "Details of the selected row";
  // In reach of the keyboard, for it scrolls and may hold nothing else that is.
  const root = element("section", { class: "arb-panel", tabindex: "0", "aria-label": label }, back, body);
  let row = "";
  let modal = false;

  // What a sheet lies over is out of reach.
  function bar(main) {
    for (let node = root; node !== main; node = node.parentElement) {
      for (const other of node.parentElement.children) if (other !== node) other.inert = modal;
    }
  }

  function sheet(open) {
    modal = open && PHONE.matches;
    root.classList.toggle("arb-is-open", modal);
    document.documentElement.classList.toggle("arb-has-sheet", modal);
    bar(root.closest(".arb-main"));
    if (modal) {
      root.setAttribute("role", "dialog");
      root.setAttribute("aria-modal", "true");
    } else {
      root.removeAttribute("role");
      root.removeAttribute("aria-modal");
    }
  }
  const onSize = () => {
    if (!PHONE.matches) sheet(false);
  };
  PHONE.addEventListener("change", onSize);
  const onKey = (event) => {
    if (event.key !== "Escape" || !(modal || root.contains(document.activeElement))) return;
    event.preventDefault();
    leave();
  };
  window.addEventListener("keydown", onKey);

  return {
    root,
    body,
    sheet,
    // Whether a row that is opened moves the page.
    moves: () => !BESIDE.matches,
    isSheet: () => PHONE.matches,
    open(id, keyboard) {
      row = id;
      root.scrollTop = 0;
      if (PHONE.matches) sheet(true);
      else if (!BESIDE.matches) root.scrollIntoView({ block: "start" });
      if (PHONE.matches) back.focus();
      else if (keyboard || !BESIDE.matches) root.focus({ preventScroll: true });
    },
    // To the row that was opened, or else the selected one.
    toList() {
      sheet(false);
      const found = rowOf(row) ?? rowOf("");
      found?.focus({ preventScroll: true });
      found?.scrollIntoView({ block: "nearest" });
    },
    end() {
      PHONE.removeEventListener("change", onSize);
      window.removeEventListener("keydown", onKey);
    },
  };
}
