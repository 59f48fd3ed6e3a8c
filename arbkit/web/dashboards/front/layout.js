// Where the regions of a page stand: one below the other, in sections that fold, those of a selected row in a panel.
const FOLDED_BELOW_PX = 800;

function isFilled(element) {
  return element.matches(".arb-region") ? !element.hidden : [...element.children].some(isFilled);
}

// A section folds on its title. `open` unless the window is narrow and it is not the first.
function foldingSection(title, id, first) {
  const heading = element("h2", {}, title);
  const summary = element("summary", {}, heading);
  const body = element("div", { class: "arb-section-body" });
  // A figure that was drawn while it was folded away has the size of nothing.
  const root = element("details", { class: "arb-section", id, on: { toggle: () => window.dispatchEvent(new Event("resize")) } });
  root.append(summary, body);
  root.open = first || window.innerWidth >= FOLDED_BELOW_PX;
  return { root, body, summary, title };
}

function contentsOf(sections) {
  const items = sections.map(({ root, summary, title }) => {
    const go = (event) => {
      event.preventDefault();
      root.open = true;
      root.scrollIntoView({ block: "start" });
      summary.focus({ preventScroll: true });
    };
    return element("li", {}, element("a", { href: `#${root.id}`, on: { click: go } }, title));
  });
  return element("nav", { class: "arb-contents", "aria-label": "On this page" }, element("ul", {}, ...items));
}

function arrange(specs, main, { make, panelOf, id }) {
  const tables = new Set(specs.map((spec) => spec.beside));
  const panels = new Map();
  const sections = [];
  let place = main;
  let section;
  let last;
  for (const spec of specs) {
    const title = spec.section ?? "";
    if (title !== (section?.title ?? "")) {
      section = title ? foldingSection(title, id(`arb-section-${spec.id}`), !sections.length) : undefined;
      if (section) {
        sections.push(section);
        main.append(section.root);
      }
      place = section?.body ?? main;
    } else if (last?.beside && !spec.beside) place = section?.body ?? main;
    if (tables.has(spec.id)) {
      const panel = panelOf(spec.id);
      panels.set(spec.id, panel);
      const list = element("div", { class: "arb-list-side" });
      place.append(element("div", { class: "arb-split" }, list, panel.root));
      place = list;
    }
    (spec.beside ? panels.get(spec.beside).body : place).append(make(spec));
    last = spec;
  }
  const contents = contentsOf(sections);
  if (sections.length) sections[0].root.before(contents);
  // What holds nothing is not there.
  function update() {
    for (const { root } of [...sections, ...panels.values()]) root.hidden = !isFilled(root);
    contents.hidden = sections.every(({ root }) => root.hidden);
    contents.querySelectorAll("li").forEach((item, index) => (item.hidden = sections[index].root.hidden));
  }
  update();
  return { panels, update };
}
