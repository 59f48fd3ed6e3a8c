const dark = matchMedia("(prefers-color-scheme: dark)");
function paint() {
  const colours = getComputedStyle(document.documentElement);
  const ink = colours.getPropertyValue("--arb-text").trim(), line = colours.getPropertyValue("--arb-line").trim();
  for (const figure of document.querySelectorAll(".arb-figure")) {
    const change = {paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", "font.color": ink};
    for (const axis of Object.keys(figure._fullLayout || {}).filter((name) => /^[xy]axis[0-9]*$/.test(name))) {
      change[axis + ".gridcolor"] = change[axis + ".linecolor"] = change[axis + ".zerolinecolor"] = line;
    }
    Plotly.relayout(figure, change);
  }
}
const plots = [];
for (const holder of document.querySelectorAll(".arb-figure")) {
  const figure = JSON.parse(holder.nextElementSibling.textContent);
  plots.push(Plotly.newPlot(holder, figure.data, figure.layout, {responsive: true, displaylogo: false, displayModeBar: window.innerWidth < 800 ? false : "hover"}));
}
Promise.all(plots).then(() => { paint(); dark.addEventListener("change", paint); });
