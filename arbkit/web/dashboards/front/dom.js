// Texts come from sellers and from the address bar: whatever is not our own markup is set as text.
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "on") for (const [event, act] of Object.entries(value)) made.addEventListener(event, act);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== undefined && child !== null));
  return made;
}

function button(text, label, disabled, act) {
  return element("button", { type: "button", "aria-label": label, disabled, on: { click: act } }, text);
}

const OWN_PAGE = /^[a-z]+\.ipynb(\?|$)/;

function link(text, href) {
  const own = OWN_PAGE.test(href);
  if (!own && !href.startsWith("https://")) return element("span", {}, text);
  return element("a", own ? { href } : { href, target: "_blank", rel: "noopener noreferrer" }, text);
}

// Waits for a pause in calls; `now` ends the wait.
function paused(act, ms) {
  let timer;
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(act, ms);
  };
  later.now = () => {
    clearTimeout(timer);
    act();
  };
  later.cancel = () => clearTimeout(timer);
  return later;
}
