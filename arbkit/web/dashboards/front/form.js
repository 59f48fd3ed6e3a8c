// A form that Python describes: fields with their values and errors, and buttons.
const TYPING_MS = 350;

// A file is sent as soon as it is chosen; one that is too large is refused before that.
function fileControl(field, common, sendFile) {
  const input = element("input", {
    ...common,
    type: "file",
    accept: field.accept,
    on: {
      change: async () => {
        const [file] = input.files;
        if (!file) return;
        input.setCustomValidity(file.size > field.largest ? `At most ${Math.round(field.largest / 2 ** 20)} MB` : "");
        if (!input.reportValidity()) return;
        input.disabled = true;
        await sendFile(file);
        input.disabled = false;
        // The same file may be chosen again.
        input.value = "";
      },
    },
  });
  return input;
}

// A text of many lines stays the browser's until a button is pressed: as a file it is sent in pieces.
function linesControl(field, common) {
  const forget = (event) => event.target.setCustomValidity("");
  const { placeholder } = field;
  return element("textarea", { ...common, rows: 6, placeholder, autocomplete: "off", spellcheck: "false", on: { input: forget } });
}

// A list to open, with a tick for each choice; its head says how many are chosen.
const BETWEEN = "|";
function choicesControl(field, common, send) {
  const head = element("summary", {}, "any");
  const list = element("div", { class: "arb-choices-list", role: "group", "aria-label": field.label, on: { change: () => send.now() } });
  const close = (event) => {
    const left = event.type === "focusout" && event.relatedTarget && !root.contains(event.relatedTarget);
    if (!left && event.key !== "Escape") return;
    root.open = false;
    if (!left) head.focus();
  };
  const { id, title } = common;
  const root = element("details", { id, title, class: "arb-choices", on: { keydown: close, focusout: close } }, head, list);
  const ticks = () => [...list.querySelectorAll("input")];
  root.read = () => ticks().filter((tick) => tick.checked).map((tick) => tick.value).join(BETWEEN);
  root.fill = ({ options, value, label }) => {
    const drawn = JSON.stringify(options);
    if (root.dataset.options !== drawn) {
      root.dataset.options = drawn;
      list.replaceChildren(
        ...options.map((o) => element("label", {}, element("input", { type: "checkbox", value: o.value }), o.label)),
      );
    }
    const chosen = value ? value.split(BETWEEN) : [];
    for (const tick of ticks()) tick.checked = chosen.includes(tick.value);
    head.textContent = chosen.length > 1 ? `${chosen.length} chosen` : (chosen[0] ?? "any");
    head.setAttribute("aria-label", `${label}: ${chosen.join(", ") || "any"}`);
  };
  return root;
}

function control(field, id, send, press, sendFile) {
  const common = { id, name: field.name, disabled: field.disabled, title: field.hint || undefined };
  if (field.kind === "choice") {
    return element("select", { ...common, on: { change: () => send.now() } });
  }
  if (field.kind === "file") return fileControl(field, common, sendFile);
  if (field.kind === "lines") return linesControl(field, common);
  if (field.kind === "choices") return choicesControl(field, common, send);
  if (field.kind === "check") return element("input", { ...common, type: "checkbox", on: { change: () => send.now() } });
  // A number is typed as text: what is wrong with it is said in words, and nothing typed is thrown away.
  const input = element("input", {
    ...common,
    type: "text",
    inputmode: field.kind === "number" ? "decimal" : undefined,
    placeholder: field.placeholder,
    autocomplete: "off",
    spellcheck: "false",
    list: field.suggestions ? `${id}-list` : undefined,
    on: {
      input: () => {
        input.dataset.typed = "yes";
        send();
      },
      change: () => send.now(),
      keydown: (event) => {
        if (event.key !== "Enter") return;
        send.now();
        if (!field.enter) return;
        // Else the browser would send what was typed once more, after the button has taken it.
        event.preventDefault();
        press(field.enter);
      },
    },
  });
  return input;
}

function fill(input, field) {
  // What was chosen or pasted is the browser's own.
  if (["file", "lines"].includes(field.kind)) return;
  if (field.kind === "choices") input.fill(field);
  else if (field.kind === "choice") {
    const options = JSON.stringify(field.options);
    if (input.dataset.options !== options) {
      input.dataset.options = options;
      input.replaceChildren(...field.options.map((o) => element("option", { value: o.value }, o.label)));
    }
    input.value = field.value;
  } else if (field.kind === "check") input.checked = Boolean(field.value);
  else if (document.activeElement !== input || !input.dataset.typed) input.value = field.value ?? "";
}

function valueOf(input) {
  if (input.read) return input.read();
  return input.type === "checkbox" ? input.checked : input.value;
}

function formRegion(region, page) {
  const body = element("form", { class: "arb-form", on: { submit: (event) => event.preventDefault() } });
  let controls = new Map();
  let drawn = "";
  let fold;

  function send(changed, typing) {
    const values = {};
    for (const [name, { input, field }] of controls) if (!["button", "file", "lines"].includes(field.kind)) values[name] = valueOf(input);
    for (const { input } of controls.values()) delete input.dataset.typed;
    const of = [...controls.values()].map(({ field }) => field.of).find(Boolean);
    page.emit({ type: "form", region, changed, values, of }, typing);
  }

  async function sendLines({ input, field }) {
    const text = new File([input.value], field.label);
    input.setCustomValidity(text.size > field.largest ? `At most ${Math.round(field.largest / 2 ** 20)} MB` : "");
    if (input.reportValidity()) await page.upload(region, field.name, text);
    return input.validity.valid;
  }

  async function press(name) {
    for (const one of controls.values()) if (one.field.kind === "lines" && !(await sendLines(one))) return;
    page.emit({ type: "action", region, name });
  }

  // What else was typed goes first: the file may be read by it.
  function sendFile(field) {
    return (file) => {
      send(field.name);
      return page.upload(region, field.name, file);
    };
  }

  // Where a field stands: in the fold of its title, or else in the form itself.
  function placeOf({ fold: title }) {
    if (!title) return body;
    if (!fold) {
      const summary = element("summary", {}, title);
      fold = { title, summary, root: element("details", { class: "arb-more" }, summary, element("div", { class: "arb-form" })) };
      body.append(fold.root);
    }
    return fold.root.lastChild;
  }

  // How many fields of the fold are set; that of a first drawing that has one is open.
  function countSet(fields, first) {
    if (!fold) return;
    const set = fields.filter((field) => field.fold && (field.value || field.wrong)).length;
    fold.summary.textContent = set ? `${fold.title} (${set} set)` : fold.title;
    if ((first && set) || fields.some((field) => field.fold && field.wrong)) fold.root.open = true;
  }

  function build(fields) {
    controls = new Map();
    fold = undefined;
    body.replaceChildren();
    for (const field of fields) {
      const id = page.id(`${region}-${field.name}`);
      if (field.kind === "button") {
        const on = { click: () => press(field.name) };
        const input = element("button", { type: "button", id, title: field.hint || undefined, on }, field.label);
        controls.set(field.name, { input, field });
        body.append(element("div", { class: "arb-field arb-button" }, input));
        continue;
      }
      const input = control(field, id, debounced((typing) => send(field.name, typing), TYPING_MS), press, sendFile(field));
      const wrong = element("div", { class: "arb-wrong", id: `${id}-wrong`, hidden: true });
      const list = field.suggestions ? element("datalist", { id: `${id}-list` }) : null;
      const label = element("label", field.kind === "choices" ? {} : { for: id }, field.label);
      const parts = field.kind === "check" ? [input, label] : [label, input];
      placeOf(field).append(element("div", { class: `arb-field arb-${field.kind}` }, ...parts, list, wrong));
      controls.set(field.name, { input, field, wrong, list });
    }
  }

  function draw({ fields }) {
    const shape = JSON.stringify(fields.map((f) => [f.name, f.kind, f.label]));
    const isNew = shape !== drawn;
    if (isNew) build(fields);
    drawn = shape;
    countSet(fields, isNew);
    for (const field of fields) {
      const known = controls.get(field.name);
      // What was typed for one thing is nothing of the next.
      if (known.field.of !== field.of) delete known.input.dataset.typed;
      known.field = field;
      known.input.disabled = Boolean(field.disabled);
      if (field.kind === "button") continue;
      if ("placeholder" in known.input) known.input.placeholder = field.placeholder ?? "";
      fill(known.input, field);
      if (known.list) known.list.replaceChildren(...field.suggestions.map((s) => element("option", { value: s })));
      known.wrong.textContent = field.wrong ?? "";
      known.wrong.hidden = !field.wrong;
      if (field.kind === "choices") continue;
      known.input.setAttribute("aria-invalid", String(Boolean(field.wrong)));
      if (field.wrong) known.input.setAttribute("aria-describedby", known.wrong.id);
      else known.input.removeAttribute("aria-describedby");
    }
  }
  return { body, draw };
}
