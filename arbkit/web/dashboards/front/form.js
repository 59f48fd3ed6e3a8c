// A form that Python describes: fields with their values, what is wrong with them, and buttons.
const TYPING_MS = 350;

function control(field, id, send) {
  const common = { id, name: field.name, disabled: field.disabled, title: field.hint || undefined };
  if (field.kind === "choice") {
    const made = element("select", { ...common, on: { change: () => send.now() } });
    return made;
  }
  if (field.kind === "check") return element("input", { ...common, type: "checkbox", on: { change: () => send.now() } });
  // A number is typed as text: what is wrong with it is said in words, and nothing typed is thrown away.
  const made = element("input", {
    ...common,
    type: "text",
    inputmode: field.kind === "number" ? "decimal" : undefined,
    placeholder: field.placeholder,
    autocomplete: "off",
    spellcheck: "false",
    list: field.suggestions ? `${id}-list` : undefined,
    on: {
      input: () => {
        made.dataset.typed = "yes";
        send();
      },
      change: () => send.now(),
      keydown: (event) => {
        if (event.key === "Enter") send.now();
      },
    },
  });
  return made;
}

function fill(made, field) {
  if (field.kind === "choice") {
    const wanted = JSON.stringify(field.options);
    if (made.dataset.options !== wanted) {
      made.dataset.options = wanted;
      made.replaceChildren(...field.options.map((o) => element("option", { value: o.value }, o.label)));
    }
    made.value = field.value;
  } else if (field.kind === "check") made.checked = Boolean(field.value);
  else if (document.activeElement !== made || !made.dataset.typed) made.value = field.value ?? "";
}

function valueOf(made) {
  return made.type === "checkbox" ? made.checked : made.value;
}

function formRegion(region, wish) {
  const body = element("form", { class: "arb-form", on: { submit: (event) => event.preventDefault() } });
  let controls = new Map();
  let drawn = "";

  function send(changed) {
    const values = {};
    for (const [name, { made, field }] of controls) if (field.kind !== "button") values[name] = valueOf(made);
    for (const { made } of controls.values()) delete made.dataset.typed;
    wish({ type: "form", region, changed, values });
  }

  function build(fields) {
    controls = new Map();
    body.replaceChildren();
    for (const field of fields) {
      const id = `${region}-${field.name}`;
      if (field.kind === "button") {
        const press = () => wish({ type: "press", region, name: field.name });
        const made = element("button", { type: "button", id, title: field.hint || undefined, on: { click: press } }, field.label);
        controls.set(field.name, { made, field });
        body.append(element("div", { class: "arb-field arb-press" }, made));
        continue;
      }
      const made = control(field, id, paused(() => send(field.name), TYPING_MS));
      const wrong = element("div", { class: "arb-wrong", id: `${id}-wrong`, hidden: true });
      const list = field.suggestions ? element("datalist", { id: `${id}-list` }) : null;
      const label = element("label", { for: id }, field.label);
      const parts = field.kind === "check" ? [made, label] : [label, made];
      body.append(element("div", { class: `arb-field arb-${field.kind}` }, ...parts, list, wrong));
      controls.set(field.name, { made, field, wrong, list });
    }
  }

  function draw({ fields }) {
    const shape = JSON.stringify(fields.map((f) => [f.name, f.kind, f.label]));
    if (shape !== drawn) build(fields);
    drawn = shape;
    for (const field of fields) {
      const known = controls.get(field.name);
      known.field = field;
      known.made.disabled = Boolean(field.disabled);
      if (field.kind === "button") continue;
      fill(known.made, field);
      if (known.list) known.list.replaceChildren(...field.suggestions.map((s) => element("option", { value: s })));
      known.wrong.textContent = field.wrong ?? "";
      known.wrong.hidden = !field.wrong;
      known.made.setAttribute("aria-invalid", String(Boolean(field.wrong)));
      if (field.wrong) known.made.setAttribute("aria-describedby", known.wrong.id);
      else known.made.removeAttribute("aria-describedby");
    }
  }
  return { body, draw };
}
