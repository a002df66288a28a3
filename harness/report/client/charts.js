// Draws the charts of the report. Every decision (scales, ticks, labels) was made when the page was
// rendered, see harness/report/chart.ts; uPlot gives axes, grid and cursor, the marks are drawn here.
(() => {
  const { styles, charts } = JSON.parse(document.getElementById('chart-data').textContent);
  const markers = styles.map((style) => new Path2D(style.marker));
  const plots = [];
  const font = '12px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif';

  const slotOf = (series) => series.variant % styles.length;
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const colorOf = (series) => css(`--v${slotOf(series)}`);

  // Labels are kept by rank as long as they do not touch one already kept.
  function keptLabels(ticks, positionOf, extentOf, gap) {
    const kept = [];
    for (const tick of [...ticks].sort((a, b) => a.rank - b.rank)) {
      const half = extentOf(tick) / 2;
      const at = positionOf(tick.at);
      if (kept.every((k) => Math.abs(k.at - at) >= k.half + half + gap)) {
        kept.push({ tick, at, half });
      }
    }
    return new Set(kept.map((k) => k.tick));
  }

  const textWidth = (label) => label.length * 6.9;

  function axisOptions(axis, vertical) {
    const labels = (u) => {
      const length = vertical ? u.over.clientHeight || u.height : u.over.clientWidth || u.width;
      const place = (at) => ((at - axis.min) / (axis.max - axis.min)) * length;
      const extent = vertical ? () => 13 : (tick) => textWidth(tick.label);
      const kept = keptLabels(axis.ticks, place, extent, vertical ? 4 : 10);
      return axis.ticks.map((tick) => (kept.has(tick) ? tick.label : ''));
    };
    const widest = Math.max(...axis.ticks.map((tick) => textWidth(tick.label)), 20);
    return {
      splits: () => axis.ticks.map((tick) => tick.at),
      values: labels,
      font,
      stroke: () => css('--muted'),
      grid: { stroke: () => css('--grid'), width: 1 },
      ticks: { stroke: () => css('--grid'), width: 1, size: 4 },
      size: vertical ? widest + 14 : 26,
      gap: 4,
    };
  }

  // Room for the half of the last label that stands beyond the end of the axis.
  function lastLabelHalf(axis) {
    const last = axis.ticks.at(-1);
    return last === undefined || last.at < axis.max - (axis.max - axis.min) * 0.08
      ? 0
      : textWidth(last.label) / 2;
  }

  // Positions on the x axis where the cursor stops.
  function stops(chart) {
    const at = (p) => (p.to === undefined ? p.x : (p.x + p.to) / 2);
    const all = chart.series.flatMap((series) => series.points.map(at));
    return [...new Set(all)].sort((a, b) => a - b);
  }

  function pointAt(series, x) {
    const within = series.points.find((p) => p.to !== undefined && p.x <= x && x < p.to);
    if (within !== undefined || series.points.some((p) => p.to !== undefined)) {
      return within;
    }
    const nearer = (a, b) => (Math.abs(b.x - x) < Math.abs(a.x - x) ? b : a);
    return series.points.length === 0 ? undefined : series.points.reduce(nearer);
  }

  function draw(u, chart, hidden) {
    const { ctx } = u;
    const ratio = devicePixelRatio;
    const px = (x) => u.valToPos(x, 'x', true);
    const py = (y) => u.valToPos(y, 'y', true);
    const shown = chart.series.filter((series) => !hidden.has(series.variant));
    const pen = { ctx, ratio, px, py, box: u.bbox };
    ctx.save();
    ctx.lineJoin = 'round';
    for (const series of shown) {
      ctx.strokeStyle = colorOf(series);
      ctx.fillStyle = colorOf(series);
      drawBands(pen, series);
    }
    for (const series of shown) {
      ctx.strokeStyle = colorOf(series);
      ctx.fillStyle = colorOf(series);
      ({ line: drawLine, dots: drawDots, steps: drawSteps })[chart.kind](pen, series);
    }
    ctx.restore();
  }

  function drawBands({ ctx, px, py, box }, series) {
    ctx.globalAlpha = 0.16;
    const bounded = series.points.filter((p) => p.lo !== undefined);
    if (bounded.length > 1) {
      ctx.beginPath();
      for (const p of bounded) {
        ctx.lineTo(px(p.x), py(p.hi));
      }
      for (const p of bounded.reverse()) {
        ctx.lineTo(px(p.x), py(p.lo));
      }
      ctx.fill();
    }
    const { level } = series;
    if (level?.lo !== undefined) {
      ctx.fillRect(box.left, py(level.hi), box.width, py(level.lo) - py(level.hi));
    }
    ctx.globalAlpha = 1;
  }

  function dash({ ctx, ratio }, series) {
    ctx.setLineDash(styles[slotOf(series)].dash.map((length) => length * ratio));
  }

  function marker({ ctx, ratio }, series, x, y, size) {
    ctx.save();
    ctx.translate(x, y);
    ctx.scale(ratio * size, ratio * size);
    ctx.fill(markers[slotOf(series)]);
    ctx.restore();
  }

  function drawLine(pen, series) {
    const { ctx, ratio, px, py } = pen;
    ctx.lineWidth = 2 * ratio;
    dash(pen, series);
    ctx.beginPath();
    for (const p of series.points) {
      ctx.lineTo(px(p.x), py(p.y));
    }
    ctx.stroke();
    ctx.setLineDash([]);
    let last = Number.NEGATIVE_INFINITY;
    for (const p of series.points) {
      // Markers only where they do not run into each other.
      if (px(p.x) - last > 26 * ratio) {
        marker(pen, series, px(p.x), py(p.y), 0.9);
        last = px(p.x);
      }
    }
  }

  function drawDots(pen, series) {
    const { ctx, ratio, px, py, box } = pen;
    if (series.level !== undefined) {
      ctx.lineWidth = 1.5 * ratio;
      dash(pen, series);
      ctx.beginPath();
      ctx.moveTo(box.left, py(series.level.y));
      ctx.lineTo(box.left + box.width, py(series.level.y));
      ctx.stroke();
      ctx.setLineDash([]);
    }
    for (const p of series.points) {
      marker(pen, series, px(p.x), py(p.y), 0.9);
    }
  }

  function drawSteps(pen, series) {
    const { ctx, ratio, px, py } = pen;
    const floor = py(0);
    ctx.beginPath();
    let end;
    for (const p of series.points) {
      if (end !== undefined && p.x > end + 1e-9) {
        ctx.lineTo(px(end), floor);
      }
      if (end === undefined || p.x > end + 1e-9) {
        ctx.lineTo(px(p.x), floor);
      }
      ctx.lineTo(px(p.x), py(p.y));
      ctx.lineTo(px(p.to), py(p.y));
      end = p.to;
    }
    if (end !== undefined) {
      ctx.lineTo(px(end), floor);
    }
    ctx.globalAlpha = 0.14;
    ctx.fill();
    ctx.globalAlpha = 1;
    ctx.lineWidth = 1.5 * ratio;
    dash(pen, series);
    ctx.stroke();
    ctx.setLineDash([]);
    drawMark(pen, series);
  }

  function drawMark(pen, series) {
    const { ctx, ratio, px, box } = pen;
    if (series.mark === undefined) {
      return;
    }
    const x = px(series.mark.x);
    const top = box.top + 8 * ratio;
    ctx.lineWidth = ratio;
    ctx.beginPath();
    ctx.moveTo(x, top);
    ctx.lineTo(x, box.top + box.height);
    ctx.stroke();
    marker(pen, series, x, top, 1);
  }

  function readOut(element, chart, hidden, x) {
    element.replaceChildren();
    for (const series of chart.series.filter((s) => !hidden.has(s.variant))) {
      const point = x === null ? undefined : pointAt(series, x);
      const text = x === null ? series.mark?.label : point?.label;
      if (text !== undefined) {
        const part = document.createElement('span');
        part.className = `v${slotOf(series)}`;
        part.textContent = `${series.name} ${text}`;
        element.append(part);
      }
    }
  }

  function build(figure, chart, hidden) {
    const plot = figure.querySelector('.plot');
    const readout = figure.querySelector('.readout');
    const xs = stops(chart);
    const height = () => (chart.size === 'large' ? 380 : 200);
    const options = {
      width: plot.clientWidth,
      height: height(),
      padding: [10, lastLabelHalf(chart.x) + 6, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      scales: {
        x: { time: false, range: () => [chart.x.min, chart.x.max] },
        y: { range: () => [chart.y.min, chart.y.max] },
      },
      axes: [axisOptions(chart.x, false), axisOptions(chart.y, true)],
      // The series only gives the cursor its stops; the marks are drawn in the hook.
      series: [{}, { paths: () => null, points: { show: false } }],
      hooks: {
        draw: [(u) => draw(u, chart, hidden)],
        setCursor: [
          (u) => readOut(readout, chart, hidden, u.cursor.idx == null ? null : xs[u.cursor.idx]),
        ],
      },
    };
    const u = new uPlot(options, [xs, xs.map(() => chart.y.min)], plot);
    plots.push(u);
    readOut(readout, chart, hidden, null);
    new ResizeObserver(() => u.setSize({ width: plot.clientWidth, height: height() })).observe(
      plot,
    );
    plot.addEventListener('keydown', (event) => moveCursor(event, u, xs));
    plot.addEventListener('blur', () => u.setCursor({ left: -10, top: -10 }));
    return { u, refresh: () => readOut(readout, chart, hidden, null) };
  }

  function moveCursor(event, u, xs) {
    const now = u.cursor.idx;
    const next = {
      ArrowLeft: Math.max(0, (now ?? xs.length) - 1),
      ArrowRight: Math.min(xs.length - 1, (now ?? -1) + 1),
      Home: 0,
      End: xs.length - 1,
    }[event.key];
    if (next !== undefined) {
      event.preventDefault();
      u.setCursor({ left: u.valToPos(xs[next], 'x'), top: u.over.clientHeight / 2 });
    }
  }

  // Each variant of the legend becomes a switch for all charts of its panel.
  function buildPanel(panel) {
    const hidden = new Set();
    const built = [];
    for (const figure of panel.querySelectorAll('figure[data-chart]')) {
      const chart = charts.find((candidate) => candidate.id === figure.dataset.chart);
      built.push(build(figure, chart, hidden));
    }
    for (const item of panel.querySelectorAll('.legend [data-variant]')) {
      const button = document.createElement('button');
      button.type = 'button';
      button.setAttribute('aria-pressed', 'true');
      button.title = 'show or hide';
      button.append(...item.childNodes);
      button.addEventListener('click', () => {
        const variant = Number(item.dataset.variant);
        const isHidden = hidden.has(variant);
        hidden[isHidden ? 'delete' : 'add'](variant);
        button.setAttribute('aria-pressed', String(isHidden));
        for (const { u, refresh } of built) {
          u.redraw();
          refresh();
        }
      });
      item.append(button);
    }
  }

  function redrawAll() {
    for (const u of plots) {
      u.redraw();
    }
  }

  for (const panel of document.querySelectorAll('.charts')) {
    buildPanel(panel);
  }
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redrawAll);

  // Paper is white and cannot be unfolded.
  const opened = [];
  addEventListener('beforeprint', () => {
    document.documentElement.dataset.theme = 'light';
    for (const details of document.querySelectorAll('details:not([open])')) {
      details.open = true;
      opened.push(details);
    }
    redrawAll();
  });
  addEventListener('afterprint', () => {
    delete document.documentElement.dataset.theme;
    for (const details of opened.splice(0)) {
      details.open = false;
    }
    redrawAll();
  });
})();
