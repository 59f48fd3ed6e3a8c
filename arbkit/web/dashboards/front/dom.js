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

const COPIED_MS = 2000;

// Puts what a button names on the clipboard, and says so in the status beside it.
async function copy(clicked) {
  const status = clicked.nextElementSibling;
  const copied = await navigator.clipboard.writeText(clicked.dataset.copy).then(() => true, () => false);
  status.textContent = copied ? "copied" : "not copied: the browser does not allow it";
  setTimeout(() => status.replaceChildren(), COPIED_MS);
}

// Waits for a pause in calls; `now` ends the wait. The callback hears whether it was a pause that ended it.
function debounced(callback, ms) {
  let timer;
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(() => callback(true), ms);
  };
  later.now = () => {
    clearTimeout(timer);
    callback(false);
  };
  return later;
}
