// Draws the flame graphs of the report as icicles: the root on top, callees below. Nodes stand in
// pre-order, so that whatever is narrower than half a pixel is passed over with all below it.
(() => {
  const { flames } = JSON.parse(document.getElementById('chart-data').textContent);
  const rowHeight = 18;
  const font = '12px ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace';
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // Columns for drawing: where each node begins, how wide it is, and where its subtree ends.
  function layout({ tree }) {
    const count = tree.depth.length;
    const depth = Uint16Array.from(tree.depth);
    const base = tree.difference?.base;
    const width = Float64Array.from(tree.value, (value, node) => value + (base?.[node] ?? 0));
    const start = new Float64Array(count);
    const next = new Uint32Array(count).fill(count);
    const parent = new Int32Array(count).fill(-1);
    const open = []; // The path to the node, by depth.
    const filled = new Float64Array(Math.max(0, ...new Set(depth)) + 2);
    for (let node = 0; node < count; node++) {
      const level = depth[node];
      for (let done = open.length - 1; done >= level; done--) {
        next[open[done]] = node;
      }
      open.length = level;
      if (level > 0) {
        parent[node] = open[level - 1];
      }
      start[node] = level === 0 ? 0 : filled[level];
      filled[level] = start[node] + width[node];
      filled[level + 1] = start[node];
      open.push(node);
    }
    return { count, depth, width, start, next, parent, levels: filled.length - 1 };
  }

  const isLabel = (name) => /^[a-z]+:[a-z]/.test(name) || name === 'unlabelled' || name === 'run';
  const isRuntime = (name) =>
    /^(runtime|internal\/runtime|runtime\/internal)[./]/.test(name) && !/\/syscall[./]/.test(name);
  // The first element of an import path outside the standard library has a dot.
  const isStandard = (name) => !/^main\./.test(name) && !/^[^/(]*\.[^/(]*\//.test(name);

  // Kinds of fill: 0 grey, 1 blue, 2 orange, 3 pale.
  function kindsOf({ tree }) {
    if (tree.difference !== undefined) {
      return Uint8Array.from(tree.difference.sign, (sign) => (sign === 0 ? 0 : sign < 0 ? 1 : 2));
    }
    const byName = tree.names.map((name) =>
      isLabel(name) ? 3 : isRuntime(name) ? 1 : isStandard(name) ? 0 : 2,
    );
    return Uint8Array.from(tree.name, (name) => byName[name]);
  }

  function amount(value, unit) {
    if (unit !== 'ns') {
      return value.toLocaleString('en');
    }
    const [size, word] = [
      [1e9, 's'],
      [1e6, 'ms'],
      [1e3, 'µs'],
      [1, 'ns'],
    ].find(([step]) => Math.abs(value) >= step || step === 1);
    return `${Number((value / size).toPrecision(4))} ${word}`;
  }
  const share = (part, whole) => (whole > 0 ? `${((100 * part) / whole).toFixed(2)} %` : '–');

  function describe({ tree, unit, sides, rounds }, node) {
    const name = tree.names[tree.name[node]];
    const place = tree.places[tree.place[node]];
    const first = place === '' ? name : `${name}  ${place}`;
    const value = tree.value[node];
    const of = (part, whole) => `${amount(part, unit)} (${share(part, whole)})`;
    if (tree.difference === undefined) {
      return `${first}\n${of(value, tree.value[0])}`;
    }
    const { base, lo, hi, sign } = tree.difference;
    const words = ['less', 'no difference that chance would not make', 'more'][sign[node] + 1];
    const delta = (x) => `${x < 0 ? '−' : '+'}${amount(Math.abs(x), unit)}`;
    return `${first}\n${sides[0]} ${of(base[node], base[0])}, ${sides[1]} ${of(value, tree.value[0])}; per round ${delta((value - base[node]) / rounds)} [${delta(lo[node])}, ${delta(hi[node])}]: ${words}`;
  }

  // As much of a name as fits: without its path, then cut.
  function fitting(name, room) {
    const characters = Math.floor(room / 7.3);
    if (name.length <= characters) {
      return name;
    }
    const plain = name.split('[')[0];
    const short = plain.slice(plain.lastIndexOf('/') + 1);
    return short.length <= characters ? short : `${short.slice(0, characters - 1)}…`;
  }

  function build(figure) {
    const [select, search, reset] = figure.querySelectorAll('select, input, button');
    const view = figure.querySelector('.flame-view');
    const canvas = figure.querySelector('canvas');
    const readout = figure.querySelector('.readout');
    const found = figure.querySelector('.found');
    let flame;
    let columns;
    let kinds;
    let matching; // One flag a name; undefined without a search.
    let focus = 0; // The node that is as wide as the picture.
    let selected = -1;

    function choose() {
      flame = flames.find((candidate) => candidate.id === select.value);
      columns = layout(flame);
      kinds = kindsOf(flame);
      focus = 0;
      selected = -1;
      for (const legend of figure.querySelectorAll('[data-legend]')) {
        legend.hidden = legend.dataset.legend !== flame.id;
      }
      find();
    }

    function find() {
      const text = search.value.trim().toLowerCase();
      const { tree, unit } = flame;
      matching =
        text === '' ? undefined : tree.names.map((name) => name.toLowerCase().includes(text));
      found.textContent = '';
      if (matching !== undefined) {
        // Frames within a frame that matches are counted with it.
        let sum = 0;
        let frames = 0;
        for (let node = 0; node < columns.count; ) {
          const hit = matching[tree.name[node]];
          sum += hit ? columns.width[node] : 0;
          frames += hit ? 1 : 0;
          node = hit ? columns.next[node] : node + 1;
        }
        found.textContent = `${frames.toLocaleString('en')} places, ${amount(sum, unit)}, ${share(sum, columns.width[0])}`;
      }
      draw();
    }

    // Left edge and width of a node in CSS pixels, while `focus` is as wide as the picture.
    function boxOf(node) {
      const room = view.clientWidth;
      const { start, width, next } = columns;
      if (node <= focus && focus < next[node]) {
        return [0, room]; // What calls the focus is as wide as it.
      }
      const scale = width[focus] > 0 ? room / width[focus] : 0;
      return [(start[node] - start[focus]) * scale, width[node] * scale];
    }

    function draw() {
      const room = view.clientWidth;
      if (room === 0) {
        return; // Folded away; drawn when it is shown.
      }
      const ratio = devicePixelRatio;
      const height = columns.levels * rowHeight + 2;
      canvas.width = Math.round(room * ratio);
      canvas.height = Math.round(height * ratio);
      canvas.style.height = `${height}px`;
      const pen = canvas.getContext('2d');
      pen.scale(ratio, ratio);
      pen.font = font;
      pen.textBaseline = 'middle';
      const fills = [css('--grid'), css('--v0'), css('--v1'), css('--line')];
      const strengths = [1, 0.42, 0.5, 1];
      const text = css('--fg');
      const { count, depth, next, levels } = columns;
      const { tree } = flame;
      const marked = new Float64Array(levels); // Per row: up to where narrow frames are marked.
      for (let node = 0; node < count; ) {
        const [left, wide] = boxOf(node);
        const top = depth[node] * rowHeight;
        if (wide < 0.5 || left >= room || left + wide <= 0) {
          // Frames that are too narrow to be seen leave a pale row: something is there.
          if (wide > 0 && left >= marked[depth[node]] && left < room) {
            pen.fillStyle = fills[3];
            pen.fillRect(left, top, 1, rowHeight - 1);
            marked[depth[node]] = left + 1;
          }
          node = next[node];
          continue;
        }
        const kind = kinds[node];
        const faded = matching !== undefined && !matching[tree.name[node]];
        pen.globalAlpha = faded ? strengths[kind] * 0.3 : strengths[kind];
        pen.fillStyle = fills[kind];
        pen.fillRect(left, top, Math.max(wide - 0.6, 0.4), rowHeight - 1);
        pen.globalAlpha = 1;
        if (matching !== undefined && !faded && wide > 2) {
          pen.strokeStyle = text;
          pen.strokeRect(left + 0.5, top + 0.5, wide - 1.6, rowHeight - 2);
        }
        if (wide > 24) {
          pen.globalAlpha = faded ? 0.45 : 1;
          pen.fillStyle = text;
          pen.fillText(
            fitting(tree.names[tree.name[node]], wide - 8),
            left + 4,
            top + rowHeight / 2,
          );
          pen.globalAlpha = 1;
        }
        if (node === selected) {
          pen.lineWidth = 2;
          pen.strokeStyle = text;
          pen.strokeRect(left + 1, top + 1, wide - 2.6, rowHeight - 3);
          pen.lineWidth = 1;
        }
        node++;
      }
      read(selected);
    }

    function read(node) {
      readout.textContent = node < 0 ? describe(flame, focus) : describe(flame, node);
    }

    // The node below a point of the canvas, or −1.
    function nodeAt(event) {
      const at = canvas.getBoundingClientRect();
      const [x, level] = [
        event.clientX - at.left,
        Math.floor((event.clientY - at.top) / rowHeight),
      ];
      for (let node = 0; node < columns.count; ) {
        const [left, wide] = boxOf(node);
        if (x < left || x >= left + wide) {
          node = columns.next[node];
        } else if (columns.depth[node] === level) {
          return node;
        } else {
          node++;
        }
      }
      return -1;
    }

    function zoom(node) {
      focus = Math.max(node, 0);
      selected = node;
      draw();
    }

    function childOf(node) {
      return columns.next[node] > node + 1 ? node + 1 : node;
    }
    function beside(node, step) {
      const parent = columns.parent[node];
      if (parent < 0) {
        return node;
      }
      const row = [];
      for (let child = parent + 1; child < columns.next[parent]; child = columns.next[child]) {
        row.push(child);
      }
      return row[row.indexOf(node) + step] ?? node;
    }
    const moves = {
      ArrowDown: childOf,
      ArrowUp: (node) => Math.max(columns.parent[node], 0),
      ArrowLeft: (node) => beside(node, -1),
      ArrowRight: (node) => beside(node, 1),
    };

    view.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') {
        zoom(-1);
      } else if (event.key === 'Enter') {
        zoom(selected);
      } else if (moves[event.key] !== undefined) {
        event.preventDefault();
        selected = selected < 0 ? focus : moves[event.key](selected);
        draw();
      }
    });
    canvas.addEventListener('mousemove', (event) => {
      const node = nodeAt(event);
      read(node < 0 ? selected : node);
      canvas.style.cursor = node < 0 ? 'default' : 'pointer';
    });
    canvas.addEventListener('mouseleave', () => read(selected));
    canvas.addEventListener('click', (event) => zoom(nodeAt(event)));
    reset.addEventListener('click', () => zoom(-1));
    search.addEventListener('input', find);
    select.addEventListener('change', choose);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
    addEventListener('beforeprint', draw);
    addEventListener('afterprint', draw);
    choose();
    new ResizeObserver(draw).observe(view);
  }

  for (const figure of document.querySelectorAll('figure.flame')) {
    build(figure);
  }
})();
