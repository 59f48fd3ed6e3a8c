// A form that Python describes: fields with their values and errors, and buttons.
const TYPING_MS = 350;

function control(field, id, send) {
  const common = { id, name: field.name, disabled: field.disabled, title: field.hint || undefined };
  if (field.kind === "choice") {
    return element("select", { ...common, on: { change: () => send.now() } });
  }
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
        if (event.key === "Enter") send.now();
      },
    },
  });
  return input;
}

function fill(input, field) {
  if (field.kind === "choice") {
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
  return input.type === "checkbox" ? input.checked : input.value;
}

function formRegion(region, page) {
  const body = element("form", { class: "arb-form", on: { submit: (event) => event.preventDefault() } });
  let controls = new Map();
  let drawn = "";

  function send(changed) {
    const values = {};
    for (const [name, { input, field }] of controls) if (field.kind !== "button") values[name] = valueOf(input);
    for (const { input } of controls.values()) delete input.dataset.typed;
    const of = [...controls.values()].map(({ field }) => field.of).find(Boolean);
    page.emit({ type: "form", region, changed, values, of });
  }

  function build(fields) {
    controls = new Map();
    body.replaceChildren();
    for (const field of fields) {
      const id = page.id(`${region}-${field.name}`);
      if (field.kind === "button") {
        const clicked = () => page.emit({ type: "action", region, name: field.name });
        const input = element("button", { type: "button", id, title: field.hint || undefined, on: { click: clicked } }, field.label);
        controls.set(field.name, { input, field });
        body.append(element("div", { class: "arb-field arb-button" }, input));
        continue;
      }
      const input = control(field, id, debounced(() => send(field.name), TYPING_MS));
      const wrong = element("div", { class: "arb-wrong", id: `${id}-wrong`, hidden: true });
      const list = field.suggestions ? element("datalist", { id: `${id}-list` }) : null;
      const label = element("label", { for: id }, field.label);
      const parts = field.kind === "check" ? [input, label] : [label, input];
      body.append(element("div", { class: `arb-field arb-${field.kind}` }, ...parts, list, wrong));
      controls.set(field.name, { input, field, wrong, list });
    }
  }

  function draw({ fields }) {
    const shape = JSON.stringify(fields.map((f) => [f.name, f.kind, f.label]));
    if (shape !== drawn) build(fields);
    drawn = shape;
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
      known.input.setAttribute("aria-invalid", String(Boolean(field.wrong)));
      if (field.wrong) known.input.setAttribute("aria-describedby", known.wrong.id);
      else known.input.removeAttribute("aria-describedby");
    }
  }
  return { body, draw };
}
