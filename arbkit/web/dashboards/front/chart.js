// A plotly figure in the page's own colours. The library is fetched once, when the first chart is drawn.
let plotly;

function loadScript(src) {
  return new Promise((resolve, reject) => {
    const script = element("script", { src });
    script.onload = () => (window.Plotly ? resolve(window.Plotly) : reject(new Error("plotly")));
    script.onerror = () => reject(new Error("plotly"));
    document.head.append(script);
  });
}

// The dashboards' server has it as a file, which browsers keep; anywhere else the kernel sends it.
async function fetchPlotly(page) {
  if (window.Plotly) return window.Plotly;
  if (document.body.dataset.voila !== undefined) {
    const served = await loadScript(`${document.body.dataset.baseUrl}static/plotly.min.js`).catch(() => undefined);
    if (served) return served;
  }
  const url = URL.createObjectURL(new Blob([await page.library()], { type: "text/javascript" }));
  try {
    return await loadScript(url);
  } finally {
    URL.revokeObjectURL(url);
  }
}

function loadPlotly(page) {
  plotly ??= fetchPlotly(page).catch(() => {
    plotly = undefined;
    throw new Error("The chart library could not be loaded. Reload the page to try again.");
  });
  return plotly;
}

function themed(layout, el) {
  const colour = (name) => getComputedStyle(el).getPropertyValue(name).trim();
  const axis = { gridcolor: colour("--arb-line"), linecolor: colour("--arb-edge"), zerolinecolor: colour("--arb-edge") };
  const result = {
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
  for (const name of Object.keys(layout)) if (/^[xy]axis\d*$/.test(name)) result[name] = { ...axis, ...layout[name] };
  for (const name of ["xaxis", "yaxis"]) result[name] ??= axis;
  const selector = result.xaxis.rangeselector;
  if (selector) result.xaxis.rangeselector = { ...selector, bgcolor: colour("--arb-raised"), activecolor: colour("--arb-edge") };
  return result;
}

const DARK = window.matchMedia("(prefers-color-scheme: dark)");

// On a phone the bar of tools would lie on titles and buttons after every touch.
const CONFIG = { responsive: true, displaylogo: false, displayModeBar: window.innerWidth < 800 ? false : "hover" };

function chartRegion(region, page) {
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
      const library = await loadPlotly(page);
      let drawn;
      while (drawn !== latest) {
        drawn = latest;
        if (!plot.isConnected) body.replaceChildren(plot);
        const { data, layout } = drawn.figure;
        await library.react(plot, data, themed(layout, body), CONFIG);
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
