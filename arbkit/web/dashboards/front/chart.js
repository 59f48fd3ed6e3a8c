// A plotly figure in the page's own colours. The library comes from this server, once, when it is first needed.
let plotly;

function loadPlotly() {
  plotly ??= new Promise((resolve, reject) => {
    const base = document.body.dataset.baseUrl ?? "/voila/";
    const script = element("script", { src: `${base}static/plotly.min.js` });
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => {
      plotly = undefined;
      reject(new Error("The charts could not be loaded from this server. Reload the page to try again."));
    };
    document.head.append(script);
  });
  return plotly;
}

function inColours(layout, el) {
  const colour = (name) => getComputedStyle(el).getPropertyValue(name).trim();
  const axis = { gridcolor: colour("--arb-line"), linecolor: colour("--arb-edge"), zerolinecolor: colour("--arb-edge") };
  const themed = {
    ...layout,
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { ...layout.font, color: colour("--arb-text") },
    hoverlabel: {
      ...layout.hoverlabel,
      bgcolor: colour("--arb-ground"),
      bordercolor: colour("--arb-edge"),
      font: { color: colour("--arb-text") },
    },
  };
  for (const name of Object.keys(layout)) if (/^[xy]axis\d*$/.test(name)) themed[name] = { ...axis, ...layout[name] };
  for (const name of ["xaxis", "yaxis"]) themed[name] ??= axis;
  const selector = themed.xaxis.rangeselector;
  if (selector) themed.xaxis.rangeselector = { ...selector, bgcolor: colour("--arb-raised"), activecolor: colour("--arb-edge") };
  return themed;
}

const DARK = window.matchMedia("(prefers-color-scheme: dark)");

function chartRegion() {
  const body = element("div", { class: "arb-chart", role: "figure" });
  const plot = element("div", { class: "arb-plot" });
  const note = element("div", { class: "arb-waiting" }, "Drawing …");
  body.append(note);
  let latest;
  let drawing = false;

  // Whatever arrives while a figure is drawn, the newest one is what remains.
  async function redraw() {
    if (drawing) return;
    drawing = true;
    try {
      const library = await loadPlotly();
      let drawn;
      while (drawn !== latest) {
        drawn = latest;
        if (!plot.isConnected) body.replaceChildren(plot);
        const { data, layout } = drawn.figure;
        await library.react(plot, data, inColours(layout, body), { responsive: true, displaylogo: false });
      }
    } catch (error) {
      note.textContent = error.message;
      body.replaceChildren(note);
    } finally {
      drawing = false;
    }
  }

  function draw(chart) {
    latest = chart;
    body.setAttribute("aria-label", chart.label);
    body.style.minHeight = `${chart.figure.layout.height ?? 380}px`;
    return redraw();
  }
  const recolour = () => {
    if (latest) draw({ ...latest });
  };
  DARK.addEventListener("change", recolour);
  return { body, draw, end: () => DARK.removeEventListener("change", recolour) };
}
