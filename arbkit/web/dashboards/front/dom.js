// Texts come from sellers and from the address bar: whatever is not our own markup is set as text.
function element(tag, attributes = {}, ...children) {
  const created = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "on") for (const [event, handler] of Object.entries(value)) created.addEventListener(event, handler);
    else created.setAttribute(name, value === true ? "" : value);
  }
  created.append(...children.filter((child) => child !== undefined && child !== null));
  return created;
}

function button(text, label, disabled, onClick) {
  return element("button", { type: "button", "aria-label": label, disabled, on: { click: onClick } }, text);
}

const OWN_PAGE = /^[a-z]+\.ipynb(\?|$)/;

function link(text, href) {
  const own = OWN_PAGE.test(href);
  if (!own && !href.startsWith("https://")) return element("span", {}, text);
  return element("a", own ? { href } : { href, target: "_blank", rel: "noopener noreferrer" }, text);
}

// Waits for a pause in calls; `now` ends the wait.
function debounced(callback, ms) {
  let timer;
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(callback, ms);
  };
  later.now = () => {
    clearTimeout(timer);
    callback();
  };
  return later;
}
